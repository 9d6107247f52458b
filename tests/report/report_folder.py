"""A run's folder written by hand, as the engine would leave it, with names that try to break the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HOSTILE = "<script>alert('x')</script> & \"quoted\" </style></title> $\\frac{1}$ http://evil.example/a.png"
ODD = "tab\tnull\x00 \u202eright-to-left \ud800 Ångström 脊椎"


def column(name: str, title: str = "", unit: str = "", about: str = "") -> dict[str, str]:
    return {"name": name, "title": title, "unit": unit, "about": about}


def series(name: str, x: list[Any], y: list[Any], **more: list[Any]) -> dict[str, Any]:
    return {"name": name, "x": x, "y": y, "low": [], "high": [], "labels": []} | more


def figure(name: str, kind: str, **more: Any) -> dict[str, Any]:
    empty = {"series": [], "matrix": [], "row_names": [], "column_names": [], "panels": [], "per_row": 4}
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
            case("1_t2", "1", "done", notes=["graded but not segmented: T12-L1", HOSTILE]),
            case("2_t2", "2", "cached"),
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


def picture(path: Path, *, height: int = 40, seed: int = 0) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, height * 2, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


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
    rows = f'feature,unit,definition,missing\ndisc.height_mm,mm,"mean, {HOSTILE.replace(chr(34), chr(34) * 2)}",3\n'
    (folder / "features_dictionary.csv").write_text(rows, encoding="utf-8")
    return folder
