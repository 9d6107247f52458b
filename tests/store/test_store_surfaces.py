"""Surfaces of shapes: PLY that other tools read, the same bytes each time, and damage that is noticed."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from spinefx.contract.errors import StoreError
from spinefx.contract.findings import Column, Figure, Findings, Shape
from spinefx.store.records import findings_json
from spinefx.store.surfaces import ply, surface_of

VERTICES = np.array([[0, 0, 0], [10.5, 0, 0], [0, 20.25, 0], [0, 0, -3]], np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32)


def test_a_surface_is_written_as_the_format_says() -> None:
    content = ply(VERTICES, FACES)
    lines = content.partition(b"end_header\n")[0].decode().splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    assert "element vertex 4" in lines
    assert "element face 4" in lines
    body = content.partition(b"end_header\n")[2]
    assert struct.unpack_from("<3f", body, 12) == (10.5, 0.0, 0.0)
    assert struct.unpack_from("<B3i", body, 48 + 13) == (3, 0, 1, 3)
    vertices, faces = surface_of(content)
    assert np.array_equal(vertices, VERTICES)
    assert np.array_equal(faces, FACES)


@pytest.mark.parametrize(
    ("vertices", "faces"),
    [(VERTICES[:, :2], FACES), (VERTICES, FACES[:, :2]), (VERTICES[:3], FACES), (VERTICES, -FACES)],
)
def test_a_surface_that_does_not_hold_together_is_refused(vertices: object, faces: object) -> None:
    with pytest.raises(StoreError, match="surface"):
        ply(vertices, faces)


@pytest.mark.parametrize("cut", [5, 100, 1])
def test_a_damaged_surface_is_an_error(cut: int) -> None:
    with pytest.raises(StoreError, match="surface"):
        surface_of(ply(VERTICES, FACES)[:-cut])
    with pytest.raises(StoreError, match="not a surface"):
        surface_of(b"solid " + ply(VERTICES, FACES))
    with pytest.raises(StoreError, match="it does not have"):
        surface_of(ply(VERTICES, FACES)[:-4] + struct.pack("<i", 99))


def test_shapes_of_a_figure_become_files_beside_their_measures() -> None:
    shapes = tuple(Shape((x,), VERTICES * (1 + x), FACES, (10.5 + x, float("nan"))) for x in (-1.0, 0.0, 1.0))
    columns = (Column("height_mm", "Height", "mm"), Column("wedge_deg", "Wedge", "deg"))
    figure = Figure("explorer", "Shapes", "shapes", columns=columns, sliders=(Column("z0", unit="SD"),), shapes=shapes)
    data, files = findings_json(Findings(figures=(figure,)), stem="traversal-")
    (made,) = data["figures"]
    assert made["shapes"][2] == {"at": [1.0], "measures": [11.5, None], "file": "figures/traversal-explorer-2.ply"}
    assert made["sliders"] == [{"name": "z0", "title": "", "unit": "SD", "about": ""}]
    assert made["columns"][0]["unit"] == "mm"
    assert np.array_equal(surface_of(files["traversal-explorer-2.ply"])[0], VERTICES * 2)
