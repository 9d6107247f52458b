"""Features, findings and latents to and from cached artefacts: one place for each form on disk."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from spinefx.contract.features import Features, Row
from spinefx.contract.findings import Figure, Findings, Panel, Shape
from spinefx.contract.samples import Latents
from spinefx.store.cache import Artefact, Cache
from spinefx.store.files import jsonable
from spinefx.store.surfaces import ply


def row_parts(row: Row) -> list[str]:
    """A row as a list of four strings."""
    return [row.case, row.patient, row.structure, row.level]


def put_features(cache: Cache, key: str, features: Features) -> None:
    """Store a feature table."""
    names = list(features.columns)
    matrix = np.stack([features.columns[n] for n in names]) if names else np.zeros((0, len(features.rows)))
    place = {row: i for i, row in enumerate(features.rows)}
    reasons = [[place[row], name, why] for (row, name), why in features.reasons.items()]
    meta = {
        "rows": [row_parts(r) for r in features.rows],
        "names": names,
        "reasons": reasons,
        "meaning": dict(features.meaning),
    }
    cache.put(key, {"values": matrix}, meta)


def features_of(artefact: Artefact) -> Features:
    """The feature table that `put_features` stored."""
    meta = artefact.meta
    rows = tuple(Row(*parts) for parts in meta["rows"])
    columns = dict(zip(meta["names"], artefact.arrays["values"], strict=True))
    reasons = {(rows[i], name): why for i, name, why in meta["reasons"]}
    return Features(rows, columns, reasons, meta["meaning"])


def put_latents(cache: Cache, key: str, latents: Latents, *, meta: Any = None) -> None:
    """Store latents, with their feature maps where there are any."""
    arrays = {"z": latents.z} | ({"maps": latents.maps} if latents.maps is not None else {})
    cache.put(key, arrays, {"rows": [row_parts(r) for r in latents.rows], "more": meta})


def latents_of(artefact: Artefact) -> Latents:
    """The latents that `put_latents` stored."""
    rows = tuple(Row(*parts) for parts in artefact.meta["rows"])
    return Latents(rows, artefact.arrays["z"], artefact.arrays.get("maps"))


def png(pixels: Any) -> bytes:
    """(h, w) or (h, w, 3) uint8 as PNG bytes, the same for the same pixels."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels, np.uint8)).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def findings_json(findings: Findings, *, stem: str = "") -> tuple[dict[str, Any], dict[str, bytes]]:
    """Findings as JSON, and the files it refers to: name -> PNG or PLY. `stem` begins each name."""
    pictures: dict[str, bytes] = {}

    def panel_json(figure: Figure, number: int, panel: Panel) -> dict[str, str]:
        name = f"{stem}{figure.name}-{number}.png"
        pictures[name] = png(panel.pixels)
        return {"caption": panel.caption, "file": f"figures/{name}"}

    def shape_json(figure: Figure, number: int, shape: Shape) -> dict[str, Any]:
        name = f"{stem}{figure.name}-{number}.ply"
        pictures[name] = ply(shape.vertices_mm, shape.faces)
        return {"at": shape.at, "measures": shape.measures, "file": f"figures/{name}"}

    def figure_json(figure: Figure) -> dict[str, Any]:
        data = dict(vars(figure)) | {"groups": dict(figure.groups)}
        for name in ("series", "columns", "sliders"):
            data[name] = [vars(entry) for entry in data[name]]
        data["panels"] = [panel_json(figure, n, p) for n, p in enumerate(figure.panels)]
        data["shapes"] = [shape_json(figure, n, s) for n, s in enumerate(figure.shapes)]
        return data

    data = {
        "tables": [vars(t) | {"columns": [vars(c) for c in t.columns]} for t in findings.tables],
        "figures": [figure_json(f) for f in findings.figures],
        "sentences": findings.sentences,
        "warnings": findings.warnings,
    }
    plain: dict[str, Any] = jsonable(data)
    return plain, pictures


def put_findings(cache: Cache, key: str, findings: Findings, *, stem: str) -> None:
    """Store findings as the JSON and PNGs that a run's folder will hold."""
    data, pictures = findings_json(findings, stem=stem)
    cache.put(key, {name: np.frombuffer(content, np.uint8) for name, content in pictures.items()}, data)


def findings_files(artefact: Artefact) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The JSON and the pictures that `put_findings` stored."""
    return artefact.meta, {name: array.tobytes() for name, array in artefact.arrays.items()}
