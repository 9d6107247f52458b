"""A run's folder written by hand, as the engine would leave it, with names that try to break the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spinefx.contract.grid import Grid
from spinefx.phantom.metaimage import metaimage_bytes
from spinefx.store.surfaces import ply

HOSTILE = "<script>alert('x')</script> & \"quoted\" </style></title> $\\frac{1}$ http://evil.example/a.png"
ODD = "tab\tnull\x00 \u202eright-to-left \ud800 Ångström 脊椎"


AT = [(0.0, 0.0), (-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)]
"""Where the shapes of the page's explorer stand."""


def column(name: str, title: str = "", unit: str = "", about: str = "") -> dict[str, str]:
    return {"name": name, "title": title, "unit": unit, "about": about}


def series(name: str, x: list[Any], y: list[Any], **more: list[Any]) -> dict[str, Any]:
    return {"name": name, "x": x, "y": y, "low": [], "high": [], "labels": []} | more


def figure(name: str, kind: str, **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "series": [],
        "matrix": [],
        "row_names": [],
        "column_names": [],
        "panels": [],
        "per_row": 4,
    }
    empty |= {"columns": [], "sliders": [], "shapes": [], "cases": [], "groups": {}}
    texts = {"name": name, "title": f"Figure {name}", "kind": kind, "x_label": "x", "y_label": "y", "caption": ""}
    return texts | empty | more


def table(name: str, columns: list[dict[str, str]], rows: list[list[Any]], **more: str) -> dict[str, Any]:
    return {"name": name, "title": f"Table {name}", "columns": columns, "rows": rows, "caption": ""} | more


def findings() -> dict[str, Any]:
    """Two stages with every kind of table cell and figure."""
    ladder = table(
        "ladder",
        [
            column("features", "Features"),
            column("auc", "AUC", about=f"area {HOSTILE}"),
            column("n", "Patients"),
            column("p", "p"),
            column("held", "Held out"),
            column("seconds", unit="s"),
        ],
        [
            ["majority", 0.5, 40, None, True, 0.25],
            ["level only", 0.6123456789, 40, 0.04321, True, 12.5],
            [HOSTILE, 0.7498765432, 40, 3.2e-11, False, 1234.5678],
            ["both", -0.25, 12345678, float("nan"), True, 0.0],
        ],
        caption=f"Beside {HOSTILE}",
    )
    long = table(
        "long", [column("row"), column("value_mm", "Value", "mm")], [[f"r{i}", i * 1.2345678] for i in range(60)]
    )
    figures = [
        figure(
            "loss", "line", series=[series("train", [1, 2, 3], [3.0, 2.0, 1.5]), series("val", [1, 2, 3], [3, 2.5, 2])]
        ),
        figure("band", "line", series=[series("mean", [1.5, 2.5], [0.1, 0.2], low=[0.05, None], high=[0.15, None])]),
        figure(
            "cloud",
            "scatter",
            title=HOSTILE,
            caption=HOSTILE,
            series=[series(HOSTILE, [1.0, 2.0, None], [2.0, None, 3.0], labels=["a:disc:L4-L5", HOSTILE, ODD])],
        ),
        figure(
            "rungs",
            "bars",
            series=[
                series("auc", ["majority", HOSTILE, ODD], [0.5, 0.7, 0.8], low=[0.4, 0.6, 0.7], high=[0.6, 0.8, 0.9])
            ],
        ),
        figure(
            "heat",
            "heatmap",
            matrix=[[0.1, -0.8123456, None], [1e-9, 0.5, 0.25]],
            row_names=["z0", HOSTILE],
            column_names=["disc.height_mm", "disc.depth_mm", ODD],
        ),
        figure(
            "pairs",
            "pictures",
            panels=[
                {"caption": HOSTILE, "file": "figures/reconstruction-pairs-0.png"},
                {"caption": "gone", "file": "figures/absent.png"},
                {"caption": "outside", "file": "../outside.png"},
            ],
        ),
        figure("nothing", "scatter", series=[series("empty", [], [])]),
        figure(
            "shapes",
            "shapes",
            sliders=[column("z0", unit="SD"), column("z1", HOSTILE, "SD", HOSTILE)],
            columns=[column("height_mm", "Height", "mm"), column("odd", HOSTILE, about=HOSTILE)],
            shapes=[
                {"at": [a, b], "measures": [10.5 + 3 * a, None if b else 1.0625], "file": f"figures/shape-{i}.ply"}
                for i, (a, b) in enumerate(AT)
            ]
            + [{"at": [2.0, 0.0], "measures": [16.5, 1.0], "file": "figures/absent.ply"}],
        ),
        figure(
            "cloud-of-all",
            "points",
            matrix=[[0.0, 2.5, 7.125], [1.25, None, 8.0], [-1.5, 3.5, 9.0]],
            columns=[column("z0"), column("z1"), column("disc.height_mm", HOSTILE, "mm")],
            row_names=["1_t2:disc:L4-L5", HOSTILE, "2_t2:disc:L5-S1"],
            cases=["1_t2", HOSTILE, "2_t2"],
            groups={"Level": ["L4-L5", HOSTILE, "L5-S1"], HOSTILE: ["a", "b", ""]},
        ),
    ]
    return {
        "stages": [
            {
                "kind": "evaluator",
                "name": "reconstruction",
                "findings": {
                    "tables": [ladder, long],
                    "figures": figures,
                    "sentences": [f"Held-out IoU is 0.74 {HOSTILE}", "PCA of equal size: 0.71.", "Third."],
                    "warnings": [f"Only 12 patients {HOSTILE}"],
                },
            },
            {
                "kind": "geometry_analyser",
                "name": HOSTILE,
                "findings": {"tables": [], "figures": [], "sentences": [], "warnings": ["Few samples."]},
            },
            {"kind": "evaluator", "name": "reconstruction", "findings": {}},
        ]
    }


def record() -> dict[str, Any]:
    """`run.json` of a run with one case of each outcome."""
    return {
        "spinefx": "0.1.0",
        "plan": {
            "report": {"title": f"Discs {HOSTILE}"},
            "run": {"seed": 7, "out": "runs/x", "timeout": None},
            "data": {"use": "spider", "root": HOSTILE},
            "geometry": [{"use": "disc", "options": {"slab_mm": 12.0}}, {"use": "space"}],
        },
        "seed": 7,
        "started": "2025-01-02T03:04:05Z",
        "seconds": 192.4,
        "versions": {"python": "3.11", "torch": "2.13.0"},
        "platform": {"system": "Linux", "cores": 2},
        "cases": [
            case("1_t2", "1", "done", notes=["graded but not segmented: T12-L1", HOSTILE], view=view("1_t2")),
            case("2_t2", "2", "cached", view=view("2_t2")),
            case(HOSTILE, "3", "quarantined", stage="load", plugin="spider", cause=f"mask is off {HOSTILE} {ODD}"),
        ],
        "split": {"train": 1, "validation": 0, "test": 1},
        "stages": [
            {"kind": "loader", "name": "spider", "dist": "spinefx", "version": 1, "options": {"root": HOSTILE}},
            {
                "kind": "encoder",
                "name": "conv-ae",
                "dist": "spinefx",
                "version": 2,
                "options": {"epochs": 5, "x": None},
            },
        ],
        "flow": [
            {"step": "cases found", "count": 3, "left_out": 1, "why": f"failed: {HOSTILE}"},
            {"step": "cases measured", "count": 2, "left_out": 0, "why": ""},
        ],
    }


def case(name: str, patient: str, outcome: str, **more: Any) -> dict[str, Any]:
    base = {"case": name, "patient": patient, "outcome": outcome, "stage": "", "plugin": "", "cause": ""}
    return base | {"notes": [], "seconds": 1.25} | more


def view(name: str) -> dict[str, Any]:
    files = {part: f"volumes/{name}-{part}.mha" for part in ("image", "mask")}
    return files | {"labels": [{"name": f"disc {HOSTILE}", "colour": [240, 178, 92]}]}


def picture(path: Path, *, height: int = 40, seed: int = 0) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, height * 2, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def block(a: float, b: float) -> tuple[Any, Any]:
    """Vertices (8, 3) in mm and faces (12, 3) of a block: `a` makes it higher, `b` deeper."""
    corners = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)], np.float32) - 0.5
    faces = [[0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4]]
    faces += [[2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6], [1, 3, 5], [3, 7, 5]]
    return corners * np.float32([40, 30 + 8 * b, 10.5 + 3 * a]), np.array(faces, np.int32)


def volume(seed: int) -> Any:
    """(12, 16, 20) uint8 with a bright box."""
    data = np.random.default_rng(seed).integers(0, 90, (12, 16, 20), dtype=np.uint8)
    data[3:9, 4:12, 5:15] += 120
    return data


def write_json(path: Path, data: Any) -> None:
    plain = json.dumps(data).replace("NaN", "null")
    path.write_text(plain, encoding="utf-8")


def write_run(folder: Path) -> Path:
    """The whole folder: record, findings, pictures, dictionary."""
    folder.mkdir(parents=True)
    write_json(folder / "run.json", record())
    write_json(folder / "findings.json", findings())
    picture(folder / "qc" / "1_t2.png", height=160)
    picture(folder / "qc" / "2_t2.png")
    picture(folder / "figures" / "reconstruction-pairs-0.png")
    picture(folder.parent / "outside.png")
    picture(folder / "qc" / "1_t2-measured.png")
    for i, at in enumerate(AT):
        (folder / "figures" / f"shape-{i}.ply").write_bytes(ply(*block(*at)))
    grid = Grid((12, 16, 20), (4.0, 2.0, 2.0))
    for name in ("1_t2", "2_t2"):
        image = volume(3)
        (folder / "volumes").mkdir(exist_ok=True)
        (folder / "volumes" / f"{name}-image.mha").write_bytes(metaimage_bytes(image, grid))
        labels = (image > 115).astype(np.uint8)
        (folder / "volumes" / f"{name}-mask.mha").write_bytes(metaimage_bytes(labels, grid))
    rows = f'feature,unit,definition,missing\ndisc.height_mm,mm,"mean, {HOSTILE.replace(chr(34), chr(34) * 2)}",3\n'
    (folder / "features_dictionary.csv").write_text(rows, encoding="utf-8")
    return folder
