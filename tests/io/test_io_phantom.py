"""`phantom`: a cohort in memory, equal to the one that `write_cohort` puts on disk, with its labels."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from spinefx_io import PhantomOptions, SpiderOptions, spinefx_loaders

from spinefx.api import DataError, Labels, LabelSource, Loader
from spinefx.phantom import Scanner, draw_patient, write_cohort

SPACING = (6.0, 2.5, 2.5)


def build(name: str, options: object) -> Loader:
    built: Loader = next(p for p in spinefx_loaders() if p.name == name).build(options)
    return built


def test_the_cohort_in_memory_is_the_cohort_on_disk(tmp_path):
    write_cohort(tmp_path, patients=3, seed=5, levels=4, scanner=Scanner(spacing_mm=SPACING))
    disk = build("spider", SpiderOptions(root=tmp_path))
    memory = build("phantom", PhantomOptions(patients=3, seed=5, levels=4, spacing_mm=SPACING))
    assert [c.id for c in disk.cases()] == [c.id for c in memory.cases()]
    for a, b in zip(disk.cases(), memory.cases(), strict=True):
        one, two = disk.load(a), memory.load(b)
        assert np.array_equal(one.mask.labels, two.mask.labels)
        assert one.mask.grid == two.mask.grid
        assert np.abs(one.images["t2"].data - two.images["t2"].data).max() <= 0.5
        assert a.facts["sex"] == b.facts["sex"]


def test_several_modalities_of_a_patient_are_one_case():
    loader = build("phantom", PhantomOptions(patients=1, modalities=("t2", "t1"), spacing_mm=SPACING))
    (case,) = loader.cases()
    assert case.id == "1_t2-t1"
    scan = loader.load(case)
    assert sorted(scan.images) == ["t1", "t2"]
    assert scan.images["t1"].grid == scan.mask.grid


def test_labels_hold_every_disc_of_every_patient():
    loader = build("phantom", PhantomOptions(patients=4, seed=9))
    assert isinstance(loader, LabelSource)
    labels: Labels = loader.labels()
    assert len(labels.rows) == 24
    place = [(row.patient, row.level) for row in labels.rows].index(("3", "L4-L5"))
    wanted = draw_patient(9, 3).grades["L4-L5"]
    assert labels.columns["narrowing"][place] == wanted.narrowing
    assert labels.columns["pfirrmann"][place] == wanted.pfirrmann
    assert labels.kinds["pfirrmann"] == "ordinal"
    assert set(labels.targets) == set(labels.columns)


def test_no_phantom_outside_the_cohort_is_made():
    loader = build("phantom", PhantomOptions(patients=2))
    other = build("phantom", PhantomOptions(patients=3)).cases()[2]
    with pytest.raises(DataError, match=r"patients 1..2"):
        loader.load(other)


def test_options_out_of_range_are_refused():
    for wrong in ({"levels": 8}, {"patients": 0}, {"spacing_mm": (4.0, 0.0, 0.6)}, {"modalities": ("pet",)}):
        with pytest.raises(ValidationError):
            PhantomOptions(**wrong)


def test_offering_the_loaders_imports_nothing_heavy():
    import subprocess
    import sys

    code = "import sys, spinefx_io; spinefx_io.spinefx_loaders(); print(*sorted(m.split('.')[0] for m in sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"SimpleITK", "torch", "scipy", "skimage", "openpyxl", "pandas"} & set(out)
