"""PET to SUVbw by the vendors' rules: factors as published, and the header named where one is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spinefx_io.suv import suv_factor

from spinefx.api import DataError

EXPECTED = {
    "PHILIPS_BQML": 0.0007463747013889488,
    "PHILIPS_CNTS_AND_SUV": 0.000728,
    "SIEMENS": 0.00042748316187197236,
    "GE_MEDICAL_AND_BQML": 0.0005367387681819742,
    "RADIOPHARM_DATETIME_UNDEFINED": 0.0003721089202818729,
}
HEADER = {
    "SeriesDate": "20200102", "SeriesTime": "010000", "AcquisitionDate": "20200102", "AcquisitionTime": "010500",
    "PatientWeight": 70.0, "DecayCorrection": "START", "Units": "BQML", "RadionuclideTotalDose": 3.5e8,
    "RadionuclideHalfLife": 6586.2, "RadiopharmaceuticalStartTime": "000000", "CorrectedImage": ["DECY", "ATTN"],
    "FrameReferenceTime": 390_000.0, "ActualFrameDuration": 180_000,
}  # fmt: skip
AN_HOUR = 70_000 / 3.5e8 * 2 ** (3600 / 6586.2)


@pytest.mark.parametrize(("name", "factor"), EXPECTED.items())
def test_the_factor_of_each_vendors_header_is_the_published_one(shared: Path, name: str, factor: float) -> None:
    headers = json.loads((shared / "suv_headers" / f"{name}-instances.json").read_text())
    assert headers
    for header in headers:
        assert suv_factor(header) == pytest.approx(factor, rel=1e-6)


def test_an_hour_between_injection_and_scan_is_decay_of_an_hour() -> None:
    assert suv_factor(HEADER) == pytest.approx(AN_HOUR, rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"RadiopharmaceuticalStartTime": "233000", "SeriesTime": "003000"}, AN_HOUR),
        ({"RadiopharmaceuticalStartDateTime": "20200102000000.000000+0100"}, AN_HOUR),
        ({"RadiopharmaceuticalStartDateTime": "20200101000000", "RadionuclideHalfLife": 3e5}, 70_000 / 3.5e8 * 2 ** (0.3)),
        ({"RadiopharmaceuticalStartDateTime": "undefined"}, AN_HOUR),
        ({"DecayCorrection": "ADMIN"}, 70_000 / 3.5e8),
        ({"Units": "GML"}, 1.0),
        ({"Units": "CNTS", "PhilipsPETPrivateGroup": {"SUVScaleFactor": "0.00025 "}}, 0.00025),
        ({"Units": "CNTS", "PhilipsPETPrivateGroup": {"SUVScaleFactor": "0", "ActivityConcentrationScaleFactor": "4"}}, 4 * AN_HOUR),
        ({"SeriesTime": "090000", "GEPrivateScanDateTime": "20200102010000.00"}, AN_HOUR),
    ],
)  # fmt: skip
def test_a_vendors_way_to_say_it_gives_the_same(changes: dict[str, object], factor: float) -> None:
    assert suv_factor(HEADER | changes) == pytest.approx(factor, rel=1e-9)


def test_a_series_written_anew_is_dated_back_from_its_frame() -> None:
    # at 1:05 the frame began, for 3 min; its average count rate came after about 90 s, 390 s after the scan's begin
    assert suv_factor(HEADER | {"SeriesTime": "090000"}) == pytest.approx(AN_HOUR, rel=2e-4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"PatientWeight": None}, "has no PatientWeight"),
        ({"PatientWeight": "0"}, "has no PatientWeight above 0"),
        ({"PatientWeight": 70_000}, "wanted kg"),
        ({"RadionuclideTotalDose": ""}, "has no RadionuclideTotalDose"),
        ({"RadionuclideTotalDose": 350}, "looks like MBq"),
        ({"RadionuclideHalfLife": "nan"}, "has no RadionuclideHalfLife"),
        ({"RadiopharmaceuticalStartTime": None}, "has no RadiopharmaceuticalStartTime"),
        ({"RadiopharmaceuticalStartTime": "nine"}, "RadiopharmaceuticalStartTime cannot be read"),
        ({"RadiopharmaceuticalStartDateTime": "20200102020000", "RadiopharmaceuticalStartTime": ""}, "-1.0 h after"),
        ({"RadiopharmaceuticalStartDateTime": "20180102000000"}, "were dates changed"),
        ({"RadiopharmaceuticalStartDateTime": "20200102010000"}, "different times of day"),
        ({"RadiopharmaceuticalStartDateTime": "20209902000000"}, "no day of the calendar"),
        ({"DecayCorrection": "NONE"}, "DecayCorrection is 'NONE'"),
        ({"CorrectedImage": ["DECY"]}, "CorrectedImage lacks ATTN"),
        ({"CorrectedImage": None}, "has no CorrectedImage"),
        ({"Units": "PROPCPS"}, "Units is 'PROPCPS'"),
        ({"Units": "CNTS"}, "SUVScaleFactor"),
        ({"Units": "GML", "SUVType": "LBM"}, "SUVType is 'LBM'"),
        ({"SeriesTime": "", "SeriesDate": ""}, "has no SeriesDate"),
        ({"AcquisitionTime": ""}, "has no AcquisitionTime"),
        ({"SeriesTime": "090000", "FrameReferenceTime": 0}, "do not tell when the scan began"),
    ],
)
def test_what_does_not_allow_an_suv_is_named(changes: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        suv_factor(HEADER | changes)
