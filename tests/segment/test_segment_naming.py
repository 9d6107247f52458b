"""Levels survive what segmenters do: false pieces beside and below the spine, pieces that are missing, discs that touch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from spinefx_segment.instances import CANAL, discs, named
from spinefx_segment.naming import Piece, counted
from spinefx_segment.views import View

from spinefx import kernels
from spinefx.api import Grid
from spinefx.phantom import Scanner, draw_patient, grid_of, render

PATIENTS = range(1, 21)
KINDS = ("vertebra", "disc", "canal")


def _spine(number: int, levels: int = 6) -> dict[tuple[str, int], Piece]:
    """A drawn spine as a perfect segmenter would find it."""
    spine = draw_patient(5, number, levels=levels).spine
    out = {}
    for disc in spine.labelled_discs:
        out["disc", disc.value - 200] = Piece("disc", disc.value, disc.frame.origin, disc.height_mm * 1.5)
    for bone in spine.labelled_vertebrae:
        centre = bone.frame.to_world([0.0, 14.0, 0.0])  # of body and arch together
        out["vertebra", bone.value] = Piece("vertebra", bone.value, centre, bone.height_mm * 2.6)
    return out


def _levels(pieces: list[Piece]) -> dict[tuple[str, int], int]:
    """(kind, number) -> level; the number of a true disc is 200 and its level."""
    return {(n.piece.kind, n.piece.number % 200): n.level for n in counted(pieces)[0]}


def _true(pieces: dict[tuple[str, int], Piece]) -> dict[tuple[str, int], int]:
    return {key: key[1] for key in pieces}


@pytest.mark.parametrize("levels", [3, 6, 7])
def test_whole_spines_are_counted_in_any_order(levels: int) -> None:
    for number in PATIENTS:
        pieces = _spine(number, levels)
        mixed = [list(pieces.values())[i] for i in np.random.default_rng(number).permutation(len(pieces))]
        assert _levels(mixed) == _true(pieces)
        assert counted(mixed)[1] == []


@pytest.mark.parametrize("kind", ["vertebra", "disc"])
def test_one_kind_alone_is_counted_too(kind: str) -> None:
    for number in PATIENTS:
        pieces = {key: piece for key, piece in _spine(number).items() if key[0] == kind}
        assert _levels(list(pieces.values())) == _true(pieces)


@pytest.mark.parametrize("kind", ["vertebra", "disc"])
def test_a_piece_beside_the_spine_moves_no_level(kind: str) -> None:
    for number in PATIENTS:
        pieces = _spine(number)
        rng = np.random.default_rng(number)
        near = pieces["disc", int(rng.integers(1, 7))].centre_mm
        aside = near + np.array([*rng.choice([-1, 1], 2) * rng.uniform(32, 60, 2), rng.uniform(-15, 15)])
        false = Piece(kind, 99, aside, pieces[kind, 3].volume_ml)
        found, notes = counted([false, *pieces.values()])
        assert {(n.piece.kind, n.piece.number % 200): n.level for n in found} == _true(pieces), number
        assert any("off the spine's line" in note or "too close" in note for note in notes)


def test_crumbs_anywhere_move_no_level() -> None:
    for number in PATIENTS:
        pieces = _spine(number)
        rng = np.random.default_rng(number)
        low = min(p.centre_mm[2] for p in pieces.values())
        crumbs = [
            Piece(
                str(rng.choice(["vertebra", "disc"])),
                90 + i,
                rng.uniform(-20, 20, 3) + np.array([0, 0, low]),
                rng.uniform(0.3, 1.2),
            )
            for i in range(8)
        ]
        assert _levels([*crumbs, *pieces.values()]) == _true(pieces), number


def test_a_part_of_the_sacrum_moves_no_level() -> None:
    for number in PATIENTS:
        pieces = _spine(number)
        sacrum, lowest = draw_patient(5, number).spine.vertebrae[0], draw_patient(5, number).spine.discs[0]
        false = [Piece("vertebra", 99, sacrum.frame.origin, pieces["vertebra", 2].volume_ml, cut=True)]
        assert _levels([*false, *pieces.values()]) == _true(pieces), number
        false[0] = replace(false[0], cut=False, volume_ml=0.4 * pieces["vertebra", 2].volume_ml)
        assert _levels([*false, *pieces.values()]) == _true(pieces), number
        false.append(Piece("disc", 98, lowest.frame.origin, 0.3 * pieces["disc", 3].volume_ml))
        assert _levels([*false, *pieces.values()]) == _true(pieces), number


def test_a_missed_structure_leaves_its_level_open() -> None:
    for number in PATIENTS:
        whole = _spine(number)
        for gone in [("disc", 3), ("vertebra", 3), ("disc", 1)]:
            pieces = {key: piece for key, piece in whole.items() if key != gone}
            assert _levels(list(pieces.values())) == _true(pieces), (number, gone)
        pieces = {key: piece for key, piece in whole.items() if key not in [("disc", 3), ("vertebra", 3), ("disc", 4)]}
        assert _levels(list(pieces.values())) == _true(pieces), number
    assert any("not found below" in note for note in counted([p for k, p in whole.items() if k[1] != 3])[1])


def test_a_narrow_lowest_disc_is_no_part_of_the_sacrum() -> None:
    pieces = _spine(1)
    pieces["disc", 1] = replace(pieces["disc", 1], volume_ml=0.3 * pieces["disc", 2].volume_ml)
    assert _levels(list(pieces.values())) == _true(pieces)


def test_one_structure_and_none_at_all_have_an_answer() -> None:
    assert counted([]) == ([], [])
    assert [n.level for n in counted([Piece("disc", 1, np.zeros(3), 10.0)])[0]] == [1]


def test_planted_pieces_in_a_map_of_classes_change_no_name() -> None:
    patient = draw_patient(5, 2)
    mask = render(patient.spine, grid_of(patient, seed=5, scanner=Scanner(spacing_mm=(4.0, 1.2, 1.2)))).labels()
    table = np.zeros(65536, np.uint8)
    for value, structure in mask.scheme.table.items():
        table[value] = KINDS.index(structure.kind) + 1 if structure.kind in KINDS else 0
    grid = View((4.0, 1.2, 1.2)).grid(mask.grid)
    classes = kernels.resample(table[mask.labels].astype(np.uint16), mask.grid, grid, method="nearest")
    clean, notes = named(classes, grid, KINDS, least_ml=0.3)
    assert set(np.unique(clean)) == {0, CANAL, *range(1, 7), *range(201, 207)} and not notes
    spoilt = classes.copy()
    for number, (z, y, x) in enumerate([(1, 3, 4), (18, 100, 5), (2, 60, 80), (19, 5, 70)]):
        box = spoilt[z : z + 3, y : y + 12, x : x + 14]
        box[box == 0] = number % 3 + 1
    dirty, notes = named(spoilt, grid, KINDS, least_ml=0.3)
    assert notes
    assert (dirty != clean)[classes > 0].mean() < 0.002
    assert set(np.unique(dirty)) == set(np.unique(clean))


def test_two_discs_that_touch_are_two() -> None:
    inside = np.zeros((10, 80, 40), bool)
    inside[:, 10:19, 4:36] = inside[:, 50:59, 4:36] = True
    inside[4:6, 19:50, 10:13] = True  # a false thread between them
    found = discs(inside, Grid(inside.shape, (4.0, 1.0, 1.0)), 0.3)
    assert len(np.unique(found)) == 3
    assert found[5, 14, 20] != found[5, 54, 20]
    assert ((found > 0) == inside).all()


def test_hundreds_of_crumbs_are_no_matter_of_hours() -> None:
    pieces = _spine(1)
    rng = np.random.default_rng(0)
    crumbs = [Piece("disc", 300 + i, rng.uniform(-90, 90, 3), 0.2) for i in range(600)]
    found, notes = counted([*crumbs, *pieces.values()])
    assert {(n.piece.kind, n.piece.number % 200): n.level for n in found} == _true(pieces)
    assert "576 small pieces were left out" in notes
