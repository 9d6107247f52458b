"""Every file of real data loads through its loader with the geometry, labels and levels that it is known to have."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from spinefx_io import FolderOptions, ManifestOptions, SpiderOptions, VerseOptions
from spinefx_io.folder import FolderLoader
from spinefx_io.manifest import ManifestLoader
from spinefx_io.spider import SpiderLoader
from spinefx_io.verse import VerseLoader

from spinefx.api import Grid, Scan
from spinefx.labels import LabelOptions, audit, read_labels

LUMBAR = ["L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2"]
TUMOUR = {"1": "tumour"}


def levels(scan: Scan, kind: str) -> list[str]:
    return [s.level for s in scan.mask.structures(kind)]


def same_place(grid: Grid, path: Path) -> bool:
    """Whether SimpleITK puts the file's corner voxels where `grid` does."""
    itk = sitk.ReadImage(str(path))
    last = tuple(int(n) - 1 for n in itk.GetSize())
    ends = [(0, 0, 0), last, (last[0], 0, 0), (0, last[1], 0)]
    return grid.shape == itk.GetSize()[::-1] and all(
        np.allclose(grid.to_world(end[::-1]), itk.TransformIndexToPhysicalPoint(end), atol=2e-3) for end in ends
    )


def test_spiders_masks(shared):
    loader = SpiderLoader(SpiderOptions(root=shared / "spider"))
    cases = loader.cases()
    assert [(case.id, case.patient, case.facts["sex"]) for case in cases] == [("1_t1", "1", "F"), ("1_t2", "1", "F")]
    labels = read_labels(LabelOptions(table=shared / "spider" / "radiological_gradings.csv"))
    for case in cases:
        scan = loader.load(case)
        grid = scan.mask.grid
        assert grid.shape == (578, 448, 50)
        assert np.allclose(grid.spacing, (0.501, 0.625, 3.321), atol=5e-4)
        assert same_place(grid, case.files["mask"])
        assert levels(scan, "vertebra") == ["L5", "L4", "L3", "L2", "L1", "T12", "T11"]
        assert levels(scan, "disc") == [*LUMBAR, "T12-L1", "T11-T12"]
        assert len(scan.mask.structures("canal")) == 1
        assert {row.level for row in labels.rows if row.patient == "1"} == set(levels(scan, "disc"))
        assert np.array_equal(scan.mask.labels, sitk.GetArrayFromImage(sitk.ReadImage(str(case.files["mask"]))))
    assert audit(labels, []).only_table


def test_forty_adults_discs_have_the_published_volumes(shared):
    root = shared / "discs_native"
    loader = SpiderLoader(SpiderOptions(root=root, series=("t2",)))
    cases = loader.cases()
    with (root / "volumes.csv").open() as file:
        published = {row.pop("patient"): row for row in csv.DictReader(file)}
    assert len(cases) == len(published) == 40
    for case in cases:
        mask = loader.load(case).mask
        assert sorted(mask.grid.spacing) == pytest.approx([0.43, 0.43, 4.4])
        assert [s.level for s in mask.structures()] == LUMBAR
        volumes = published[str(int(case.patient.removeprefix("ivd")))]
        for structure in mask.structures():
            stated = float(volumes[f"{structure.level}_cm3"])
            assert mask.volume_ml(structure) / stated == pytest.approx(1.001455, abs=2e-5)


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [("discs_iso1mm", "disc", LUMBAR), ("vertebrae_iso1mm", "vertebra", ["L5", "L4", "L3", "L2", "L1"])],
)
def test_isotropic_sets_load_with_images_on_the_masks_grid(shared, name, kind, wanted):
    loader = FolderLoader(
        FolderOptions(
            root=shared / name, images="images/{id}.mha", masks="masks/{id}.mha", modality="t2", scheme="spider"
        )
    )
    cases = loader.cases()
    assert len(cases) == 3
    for case in cases:
        scan = loader.load(case)
        assert scan.mask.grid.spacing == (1.0, 1.0, 1.0)
        assert scan.images["t2"].grid == scan.mask.grid
        assert same_place(scan.mask.grid, case.files["mask"])
        assert levels(scan, kind) == wanted
        assert scan.notes == ()


def test_sts_018_has_three_images_on_grids_of_their_own_and_a_tumour(shared):
    options = FolderOptions(
        root=shared / "petct",
        images="{id}/{modality:CT,PET,MR_T1}_image.nii.gz",
        masks="{id}/CT_mask.nii.gz",
        scheme=TUMOUR,
    )
    loader = FolderLoader(options)
    (case,) = loader.cases()
    scan = loader.load(case)
    assert scan.case.id == "STS_018"
    assert {name: image.grid.shape for name, image in scan.images.items()} == {
        "CT": (55, 160, 172), "PET": (55, 30, 32), "MR_T1": (42, 94, 113),
    }  # fmt: skip
    assert all(same_place(image.grid, case.files[name]) for name, image in scan.images.items())
    assert scan.mask.grid == scan.images["CT"].grid
    assert [s.kind for s in scan.mask.structures()] == ["tumour"]
    assert scan.images["PET"].data.max() == pytest.approx(7.6455, abs=1e-3)
    for name in ("PET", "MR_T1"):
        one = FolderLoader(
            FolderOptions(root=shared / "petct", images=f"{{id}}/{name}_image.nii.gz", masks=f"{{id}}/{name}_mask.nii.gz", scheme=TUMOUR)
        )  # fmt: skip
        assert one.load(one.cases()[0]).notes == ()


def test_verse_010_has_its_centres_in_its_vertebrae(shared):
    loader = VerseLoader(VerseOptions(root=shared / "verse"))
    (case,) = loader.cases()
    scan = loader.load(case)
    assert case.patient == "verse010"
    assert levels(scan, "vertebra") == ["L1", "L2", "L3", "L4", "L5"]
    assert scan.mask.grid.shape == (186, 206, 186)
    assert same_place(scan.mask.grid, case.files["mask"])
    assert scan.notes == ("no ct",)


@pytest.mark.parametrize(
    ("image", "mask", "scheme", "wanted"),
    [
        ("ct", "ct_vertebrae", "totalsegmentator", {"vertebra": ["L5", "L4", "L3", "L2", "L1", "T12", "T11"], "sacrum": ["S1"]}),
        ("ct", "ct_vertebrae_pp_refined", "verse", {"vertebra": ["T12", "L1", "L2", "L3", "L4", "L5"]}),
        ("ct", "ct_vertebrae_body", {"1": "vertebrae", "2": "discs"}, {"vertebrae": [""], "discs": [""]}),
        ("ct", "seg_fast_force_split", "totalsegmentator", {"vertebra": ["L5", "L4", "L3", "L2", "L1", "T12", "T11"], "cord": [""]}),
        ("ct_sm", "seg", "totalsegmentator", {"vertebra": ["L2", "L1", "T12", "T11"], "cord": [""]}),
        ("mr_sm", "seg_mr", "totalsegmentator-mr", {"vertebrae": [""], "discs": [""], "cord": [""], "vertebra": []}),
    ],
)  # fmt: skip
def test_totalsegmentators_files_load_with_their_levels(shared, tmp_path, image, mask, scheme, wanted: dict[str, Any]):
    table = tmp_path / "cases.csv"
    table.write_text(f"id,image,mask\nx,example_{image}.nii.gz,example_{mask}.nii.gz\n")
    root = shared / "totalsegmentator"
    loader = ManifestLoader(ManifestOptions(table=table, root=root, images=("image",), mask="mask", scheme=scheme))
    scan = loader.load(loader.cases()[0])
    assert {kind: levels(scan, kind) for kind in wanted} == wanted
    assert scan.mask.grid.spacing == pytest.approx((3.0, 3.0, 3.0))
    assert same_place(scan.mask.grid, root / f"example_{mask}.nii.gz")
    assert scan.images["image"].grid == scan.mask.grid


def test_totalsegmentators_report_counts_the_same_voxels(shared, tmp_path):
    report = json.loads((shared / "totalsegmentator" / "example_ct_spine_report.json").read_text())["results"]
    table = tmp_path / "cases.csv"
    table.write_text("id,mask\nx,example_ct_vertebrae_pp_refined.nii.gz\n")
    loader = ManifestLoader(ManifestOptions(table=table, root=shared / "totalsegmentator", mask="mask", scheme="verse"))
    mask = loader.load(loader.cases()[0]).mask
    stated = {s: report.get(f"vertebrae_{s.level}_volume_ml") for s in mask.structures("vertebra")}
    told = {s.level: round(mask.volume_ml(s), 2) for s, volume in stated.items() if volume is not None}
    assert told == {s.level: volume for s, volume in stated.items() if volume is not None}
    assert len(told) >= 5
