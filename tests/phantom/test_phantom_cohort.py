"""Cohorts: drawn the same from the same seed, as common in their findings as SPIDER, laid out as SPIDER."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import SimpleITK as sitk

from spinefx.contract.errors import StoreError
from spinefx.phantom import NARROWING, Scanner, disc_truth, draw_patient, grid_of, scan_of, truth_of, write_cohort

SMALL = Scanner(spacing_mm=(6.0, 2.0, 2.0))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(folder, patients=4, seed=7, series=("t1", "t2"), scanner=SMALL)
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_same_arguments_write_the_same_bytes(cohort, tmp_path):
    write_cohort(tmp_path / "again", patients=4, seed=7, series=("t1", "t2"), scanner=SMALL)
    assert digests(tmp_path / "again") == digests(cohort)
    write_cohort(tmp_path / "other", patients=4, seed=8, series=("t1", "t2"), scanner=SMALL)
    assert digests(tmp_path / "other")["masks/1_t2.mha"] != digests(cohort)["masks/1_t2.mha"]


def test_cohorts_of_one_seed_share_their_first_patients(cohort, tmp_path):
    write_cohort(tmp_path, patients=2, seed=7, series=("t2",), scanner=SMALL)
    few, many = digests(tmp_path), digests(cohort)
    assert all(few[name] == many[name] for name in few if name.endswith(".mha"))


def test_the_folder_is_laid_out_as_spider_is(cohort):
    names = {f"{n}_{series}.mha" for n in range(1, 5) for series in ("t1", "t2")}
    assert {path.name for path in (cohort / "images").iterdir()} == names
    assert {path.name for path in (cohort / "masks").iterdir()} == names
    gradings = rows_of(cohort / "radiological_gradings.csv")
    assert list(gradings[0]) == [
        "Patient", "IVD label", "Modic", "UP endplate", "LOW endplate", "Spondylolisthesis", "Disc herniation",
        "Disc narrowing", "Disc bulging", "Pfirrman grade",
    ]  # fmt: skip
    assert len(gradings) == 4 * 6
    assert {row["Pfirrman grade"] for row in gradings} <= set("12345")
    overview = rows_of(cohort / "overview.csv")
    assert {row["new_file_name"] for row in overview} == {name[:-4] for name in names}


def test_annotations_write_the_subject_once_and_remarks_below_it(tmp_path):
    seed = next(s for s in range(50) if any(draw_patient(s, n).remark for n in (1, 2)))
    write_cohort(tmp_path, patients=2, seed=seed, images=False, scanner=Scanner(spacing_mm=(8.0, 3.0, 3.0)))
    sheet = list(openpyxl.load_workbook(tmp_path / "annotations.xlsx").active.iter_rows(values_only=True))
    assert sheet[0][:4] == ("Subject ID", "IVD number", "Level", "Pfirrmann")
    assert sheet[0][10] == "Narrowing"
    first = [row[0] for row in sheet[1:]]
    assert first[0] == 1
    assert first[6] == 2
    assert "scoliosis" in (first[1], first[7])
    assert all(value is None for value in first[2:6])
    assert [row[2] for row in sheet[1:7]] == ["L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2", "T12-L1"]


def test_itk_reads_the_files_as_they_were_meant(cohort):
    for number in range(1, 5):
        patient = draw_patient(7, number)
        images, mask = scan_of(patient, seed=7, scanner=SMALL, modalities=("t2",))
        for kind, wanted in (("images", np.rint(images["t2"].data)), ("masks", mask.labels)):
            read = sitk.ReadImage(str(cohort / kind / f"{number}_t2.mha"))
            assert np.array_equal(sitk.GetArrayFromImage(read), wanted)
            last = tuple(int(n) - 1 for n in read.GetSize())
            assert read.TransformIndexToPhysicalPoint(last) == pytest.approx(
                tuple(mask.grid.to_world(last[::-1])), abs=1e-6
            )


def test_a_slip_is_noted_in_the_column_without_a_name(tmp_path):
    seed = next(s for s in range(200) if any(g.listhesis for g in draw_patient(s, 1).second.values()))
    write_cohort(tmp_path, patients=1, seed=seed, images=False, scanner=Scanner(spacing_mm=(8.0, 3.0, 3.0)))
    sheet = list(openpyxl.load_workbook(tmp_path / "annotations.xlsx").active.iter_rows(values_only=True))
    assert sheet[0][10:] == ("Narrowing", None)
    assert {row[11] for row in sheet[1:]} == {None, "slips forward"}


def test_truth_csv_holds_the_truth_of_every_disc_under_feature_names(cohort):
    rows = rows_of(cohort / "truth.csv")
    row = next(r for r in rows if (r["case"], r["level"]) == ("3_t2", "L3-L4"))
    truth = disc_truth(draw_patient(7, 3).spine.disc("L3-L4"))
    assert row["structure"] == "disc"
    for name, value in truth.items():
        assert float(row[f"disc.{name}"]) == pytest.approx(value, abs=1e-5)
    spines = [r for r in rows if r["structure"] == "spine"]
    assert len(spines) == 8
    assert all(5 < float(r["spine.lordosis_deg"]) < 90 for r in spines)


def test_truth_as_features_carries_its_units():
    features = truth_of(draw_patient(0, 1), "1_t2")
    assert features.units["disc.height_mm"] == "mm"
    assert features.units["disc.wedge_deg"] == "deg"
    assert [row.structure for row in features.rows].count("vertebra") == 6
    assert len(features.rows) == 13


def test_narrowing_is_as_common_per_level_as_in_spider():
    drawn = [draw_patient(21, number) for number in range(1, 501)]
    for level, wanted in zip(drawn[0].grades, NARROWING, strict=False):
        share = np.mean([patient.grades[level].narrowing for patient in drawn])
        assert share == pytest.approx(wanted, abs=0.085), level


def test_narrowed_discs_are_lower_and_bulging_ones_bulge():
    heights: dict[int, list[float]] = {0: [], 1: []}
    lobes: dict[int, list[float]] = {0: [], 1: []}
    for number in range(1, 200):
        patient = draw_patient(2, number)
        for disc in patient.spine.labelled_discs[:1]:
            grades = patient.grades[disc.level]
            heights[grades.narrowing].append(disc.height_mm)
            lobes[grades.bulging].append(disc.footprint.lobes[0].height_mm)
    assert np.mean(heights[1]) < 0.9 * np.mean(heights[0])
    assert np.mean(lobes[1]) > np.mean(lobes[0]) + 1.0


def test_two_readers_agree_more_than_chance_and_less_than_always():
    pairs = [
        (a.narrowing, patient.second[level].narrowing)
        for patient in (draw_patient(4, n) for n in range(1, 150))
        for level, a in patient.grades.items()
    ]
    first, second = np.array(pairs).T
    agree = np.mean(first == second)
    chance = first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean())
    assert 0.3 < (agree - chance) / (1 - chance) < 0.9


def test_discs_stay_thick_enough_to_be_discs():
    for number in range(1, 120):
        for disc in draw_patient(9, number, levels=7).spine.labelled_discs:
            angle = np.linspace(-np.pi, np.pi, 181)
            edge = disc.footprint.radius(angle)
            share = np.ones_like(edge)
            assert disc.half_thickness(edge * np.cos(angle), edge * np.sin(angle), share).min() > 0.0


def test_the_scanner_does_not_change_the_patient():
    patient = draw_patient(0, 3)
    coarse = grid_of(patient, seed=0, scanner=SMALL)
    fine = grid_of(patient, seed=0, scanner=Scanner())
    assert np.allclose(coarse.direction, fine.direction)
    assert disc_truth(patient.spine.disc("L4-L5")) == disc_truth(draw_patient(0, 3).spine.disc("L4-L5"))


def test_slices_lie_along_the_first_or_the_last_axis():
    kinds = {int(np.argmax(grid_of(draw_patient(0, n), seed=0, scanner=SMALL).spacing)) for n in range(1, 30)}
    assert kinds == {0, 2}


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="could not be written"):
        write_cohort(tmp_path / "file", patients=1, scanner=Scanner(spacing_mm=(8.0, 4.0, 4.0)))


def test_levels_outside_three_to_seven_are_refused():
    with pytest.raises(ValueError, match="3 to 7"):
        draw_patient(0, 1, levels=8)
