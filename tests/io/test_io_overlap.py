"""Images on grids of their own: a rough check that they show one body at one place."""

from __future__ import annotations

import numpy as np
import pytest
from spinefx_io.overlap import registration_notes

from spinefx.api import Grid, GridError, Volume


def ball(
    grid: Grid, *, air: float = 0.0, body: float = 100.0, at: tuple[float, float, float] = (100, 100, 100)
) -> Volume:
    """A ball of 60 mm radius around `at` (x, y, z)."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    inside = np.linalg.norm(grid.to_world(index) - np.array(at), axis=-1) < 60
    return Volume(np.where(inside, body, air).astype(np.float32), grid)


CT = ball(Grid((50, 50, 50), (4.0, 4.0, 4.0)), air=-1000, body=40)


def pet(shift: float, axis: int = 0) -> Volume:
    origin = np.zeros(3)
    origin[axis] += shift
    return Volume(ball(Grid((40, 40, 40), (5.0, 5.0, 5.0))).data, Grid((40, 40, 40), (5.0, 5.0, 5.0), tuple(origin)))


def test_images_that_lie_together_need_no_note() -> None:
    assert registration_notes({"ct": CT}) == []
    assert registration_notes({"ct": CT, "t1": Volume(CT.data, CT.grid)}) == []
    assert registration_notes({"pet": pet(0.0), "ct": CT}) == []


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_shifted_image_is_flagged(axis: int) -> None:
    (note,) = registration_notes({"ct": CT, "pet": pet(70.0, axis)})
    assert note.startswith("ct and pet: bodies overlap by ")
    assert note.endswith("are they registered?")


def test_an_image_of_a_part_is_flagged_and_one_of_another_place_refused() -> None:
    part = ball(Grid((8, 12, 12), (4.0, 4.0, 4.0), (80.0, 80.0, 80.0)))
    (note,) = registration_notes(
        {"ct": CT, "t1": Volume(np.where(part.data > 0, part.data + np.arange(12), 0), part.grid)}
    )
    assert note.startswith("t1 covers ")
    with pytest.raises(GridError, match="pet shows no part of the body in ct: they lie apart"):
        registration_notes({"ct": CT, "pet": pet(500.0)})


def test_the_image_that_the_mask_was_drawn_on_is_the_reference() -> None:
    (note,) = registration_notes({"ct": CT, "pet": pet(70.0)}, reference="pet")
    assert note.startswith("pet and ct")


def test_sts_018_is_registered(shared) -> None:
    from spinefx_io import FolderOptions
    from spinefx_io.folder import FolderLoader

    options = FolderOptions(root=shared / "petct", images="{id}/{modality:CT,PET}_image.nii.gz", scheme={"1": "tumour"})
    loader = FolderLoader(options)
    (case,) = loader.cases()
    assert loader.load(case).notes == ()
