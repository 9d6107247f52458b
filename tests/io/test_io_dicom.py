"""DICOM: series are what headers say, volumes lie where they were scanned, and no name gets out."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_writing import BORN, NAME, PET, PET_FACTOR, one_slice, radiopharmacy, uid, write_series
from io_files import itk_image
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless
from spinefx_io import DicomOptions
from spinefx_io.dicom import DicomLoader

from spinefx.api import DataError, Grid, GridError, Scan
from spinefx.phantom import direction_of, rotation

TURN = rotation(sagittal_deg=9.0, coronal_deg=-5.0, axial_deg=4.0)
GRID = Grid((6, 7, 8), (4.0, 0.7, 0.9), (12.5, -30.25, 100.0), TURN @ direction_of("PIR"))
DATA = np.random.default_rng(0).integers(-900, 2000, GRID.shape).astype(np.int16)


def loader(root: Path, **options: Any) -> DicomLoader:
    return DicomLoader(DicomOptions(root=root, **options))


def only(root: Path, **options: Any) -> Scan:
    one = loader(root, **options)
    (case,) = one.cases()
    return one.load(case)


def test_a_series_lies_where_it_was_scanned_whatever_its_files_are_called(tmp_path):
    write_series(tmp_path / "deep" / "er", DATA, GRID)
    (tmp_path / "readme.txt").write_text("no scan")
    scan = only(tmp_path)
    assert scan.case.id == scan.case.patient == "P1"
    assert dict(scan.case.facts) == {"sex": "F", "age": 77.0}
    assert scan.images["mr"].data.dtype == np.int16
    assert np.array_equal(scan.images["mr"].data, DATA)
    assert scan.images["mr"].grid.difference_mm(GRID) < 1e-4


@pytest.mark.parametrize("order", ["LPS", "PIR", "RAS", "ASL"])
def test_it_is_read_as_simpleitk_reads_it(tmp_path, order):
    grid = Grid(GRID.shape, GRID.spacing, GRID.origin, direction_of(order))
    paths = write_series(tmp_path, DATA, grid, "CT", RescaleSlope=2, RescaleIntercept=-1024)
    found = only(tmp_path).images["ct"]
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path))
    assert len(names) == len(paths)
    itk = sitk.ReadImage(names)
    theirs = sitk.GetArrayFromImage(itk)
    corner = itk.TransformIndexToPhysicalPoint((0, 0, 0))
    flip = np.linalg.norm(found.grid.to_world((0, 0, 0)) - corner) > 1.0
    assert np.array_equal(found.data, theirs[::-1] if flip else theirs)
    assert np.allclose(found.grid.to_world((5 if flip else 0, 0, 0)), corner, atol=1e-3)


def test_several_series_of_a_patient_are_named_by_their_descriptions(tmp_path):
    other = GRID.crop((0, 0, 1), (5, 7, 4))
    write_series(tmp_path / "x", DATA, GRID, series="a", SeriesDescription="T2 TSE SAG")
    write_series(tmp_path / "x", DATA[:5, :, 1:5], other, series="b", SeriesDescription="t1 tse sag")
    write_series(tmp_path / "x", DATA, GRID, series="c", SeriesDescription="localizer")
    scan = only(tmp_path, images={"t1": "T1*sag", "t2": "t2*"})
    assert scan.images["t2"].grid.difference_mm(GRID) < 1e-4
    assert scan.images["t1"].grid.difference_mm(other) < 1e-4
    with pytest.raises(DataError, match=r'has 3 series for mr: 1 "T2 TSE SAG" \(MR, 6 files\).*images = \{ mr'):
        only(tmp_path)
    with pytest.raises(DataError, match="no series that `images` names"):
        only(tmp_path, images={"t2": "stir*"})


def test_patients_and_their_studies_are_cases_of_their_own(tmp_path):
    write_series(tmp_path / "1", DATA, GRID, StudyDate="20210101", StudyInstanceUID=uid("late"), series="late")
    write_series(tmp_path / "2", DATA, GRID, StudyDate="20200101", series="early")
    write_series(tmp_path / "3", DATA, GRID, PatientID="P2")
    cases = loader(tmp_path).cases()
    assert [(case.id, case.patient) for case in cases] == [("P1_1", "P1"), ("P1_2", "P1"), ("P2", "P2")]
    assert {path.parent.name for path in cases[0].files.values()} == {"2"}


def changed(keyword: str, value: Any, *numbers: int):
    def edit(header: Dataset, number: int) -> None:
        if number in numbers:
            setattr(header, keyword, value)

    return edit


@pytest.mark.parametrize(
    ("series", "error", "says"),
    [
        ({"skip": (2,)}, GridError, r"has 1 gaps: slices 2 and 3 are 8.00 mm apart, the others 4.00"),
        ({"edit": changed("ImagePositionPatient", [12.5, -30.25, 100.0], 0, 1)}, GridError, "place of another"),
        ({"edit": changed("ImageOrientationPatient", [1, 0, 0, 0, 1, 0], 3)}, GridError, "mixes orientations"),
        ({"edit": changed("PixelSpacing", [0.7, 0.8], 3)}, GridError, "mixes pixel spacings"),
        ({"edit": changed("Rows", 5, 3)}, GridError, "slices of 5 and 7 rows"),
        ({"edit": changed("ImagePositionPatient", None, 3)}, GridError, "ImagePositionPatient"),
        ({"edit": changed("SamplesPerPixel", 3, 3)}, DataError, "colour"),
        ({"edit": changed("NumberOfFrames", 9, 3)}, DataError, "does not say where each lies"),
        ({"edit": changed("PixelData", bytes(20), 3)}, DataError, "20 of 112 bytes of pixels: cut off"),
        ({"RescaleSlope": 0}, DataError, "RescaleSlope 0"),
        ({"PixelData": bytes(112)}, DataError, "constant"),
        ({"skip": (1, 2, 3, 4, 5)}, DataError, "one slice"),
        ({"PixelSpacing": [0.0001, 0.7]}, GridError, "spacing must lie"),
        ({"Rows": 60000, "Columns": 60000}, DataError, "field of view|budget|GB"),
    ],
)  # fmt: skip
def test_a_series_that_makes_no_volume_is_refused_with_the_reason(tmp_path, series, error, says):
    write_series(tmp_path, DATA, GRID, **series)
    with pytest.raises(error, match=says) as caught:
        only(tmp_path)
    assert str(caught.value).startswith("series mr (")


def test_a_tilted_gantry_is_refused(tmp_path):
    def edit(header: Dataset, number: int) -> None:
        header.ImagePositionPatient = [0, round(number * 4 * np.tan(np.radians(15)), 6), number * 4]
        header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]

    write_series(tmp_path, DATA, GRID, "CT", edit=edit)
    with pytest.raises(GridError, match=r"gantry tilt of 15.0 degrees"):
        only(tmp_path)


def test_copies_are_left_out_and_said(tmp_path):
    for path in write_series(tmp_path / "a", DATA, GRID):
        (tmp_path / f"copy-{path.name}").write_bytes(path.read_bytes())
    scan = only(tmp_path)
    assert scan.notes == ("mr: 6 files are copies of others, left out",)
    assert np.array_equal(scan.images["mr"].data, DATA)


def multiframe(groups: bool = True) -> Dataset:
    header = one_slice(
        DATA[0], GRID, 0, "MR", ImagePositionPatient=None, ImageOrientationPatient=None, PixelSpacing=None
    )
    header.NumberOfFrames = len(DATA)
    order = np.random.default_rng(1).permutation(len(DATA))
    header.PixelData = DATA[order].tobytes()
    shared, measures, turned = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = list(GRID.spacing[1:])
    turned.ImageOrientationPatient = [f"{v:.9g}" for v in GRID.direction[:, :2].T.ravel()]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([turned])
    frames = []
    for number in order:
        frame, place, values = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [f"{v:.9g}" for v in GRID.to_world((int(number), 0, 0))]
        values.RescaleSlope, values.RescaleIntercept = 2, 10
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = Sequence([place]), Sequence([values])
        frames.append(frame)
    if groups:
        header.SharedFunctionalGroupsSequence = Sequence([shared])
        header.PerFrameFunctionalGroupsSequence = Sequence(frames)
    return header


def test_an_enhanced_file_is_read_frame_by_frame(tmp_path):
    multiframe().save_as(tmp_path / "one.dcm", enforce_file_format=True)
    found = only(tmp_path).images["mr"]
    assert np.array_equal(found.data, DATA * 2.0 + 10)
    assert found.grid.difference_mm(GRID) < 1e-4


def test_run_length_encoded_pixels_are_those_that_went_in(tmp_path):
    def rle(header: Dataset, number: int) -> None:
        header.compress(RLELossless, header.pixel_array)

    write_series(tmp_path / "rle", DATA, GRID, edit=rle, RescaleIntercept=-5)
    assert np.array_equal(only(tmp_path / "rle").images["mr"].data, DATA - 5)


def test_jpeg_2000_pixels_are_those_that_went_in(tmp_path):
    data = np.random.default_rng(3).integers(0, 4000, (3, 64, 48)).astype(np.int16)
    grid = Grid(data.shape, GRID.spacing, GRID.origin)
    writer = sitk.ImageFileWriter()
    writer.SetCompressor("JPEG2000")
    writer.UseCompressionOn()
    writer.SetFileName(str(tmp_path / "packed.dcm"))

    def jpeg(header: Dataset, number: int) -> None:
        writer.Execute(sitk.GetImageFromArray(data[number : number + 1]))
        packed = dcmread(tmp_path / "packed.dcm")
        assert packed.file_meta.TransferSyntaxUID == JPEG2000Lossless
        header.PixelData = packed.PixelData
        header["PixelData"].is_undefined_length = True
        header.file_meta.TransferSyntaxUID = JPEG2000Lossless

    write_series(tmp_path / "series", data, grid, "CT", edit=jpeg, RescaleIntercept=-1000)
    found = only(tmp_path / "series").images["ct"]
    assert np.array_equal(found.data, data - 1000)
    assert found.grid.difference_mm(grid) < 1e-3


def test_pet_becomes_suv_and_keeps_its_own_grid(tmp_path):
    grid = Grid((5, 4, 4), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    values = np.random.default_rng(2).integers(0, 30000, grid.shape).astype(np.int16)
    sequence = {"RadiopharmaceuticalInformationSequence": radiopharmacy()}

    def slope(header: Dataset, number: int) -> None:
        header.RescaleSlope = f"{0.5 + number / 10}"

    write_series(tmp_path, values, grid, "PT", edit=slope, **PET, **sequence)
    write_series(tmp_path, DATA, Grid(DATA.shape, (3.0, 2.0, 2.0)), "CT", series="ct")
    scan = only(tmp_path)
    slopes = (0.5 + np.arange(5) / 10)[:, None, None]
    assert np.allclose(scan.images["pet"].data, values * slopes * PET_FACTOR, rtol=1e-6)
    assert scan.images["pet"].grid == grid
    raw = only(tmp_path, raw_pet=True)
    assert np.allclose(raw.images["pet"].data, values * slopes, rtol=1e-6)


def test_philips_private_factor_and_a_missing_weight(tmp_path):
    grid = Grid((3, 4, 4), (4.0, 4.0, 4.0))
    values = np.arange(48, dtype=np.int16).reshape(grid.shape)

    def private(header: Dataset, number: int) -> None:
        header.Units = "CNTS"
        block = header.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x00, "DS", "0.000728")

    write_series(tmp_path / "a", values, grid, "PT", edit=private, **PET)
    assert np.allclose(only(tmp_path / "a").images["pet"].data, values * 0.000728, rtol=1e-6)
    write_series(tmp_path / "b", values, grid, "PT", **(PET | {"PatientWeight": None}))
    with pytest.raises(DataError, match=r"series pet \(3 files\) has no PatientWeight above 0"):
        only(tmp_path / "b")


def test_series_without_a_common_frame_of_reference_are_noted(tmp_path):
    write_series(tmp_path, DATA, GRID, "CT", series="ct", FrameOfReferenceUID=uid("other"))
    write_series(tmp_path, DATA, GRID, "MR", series="mr")
    assert only(tmp_path).notes == ("ct and mr do not share a frame of reference: nothing says how they lie",)


def test_a_mask_beside_the_series_is_found_by_the_case(tmp_path):
    write_series(tmp_path / "dicom", DATA, GRID)
    (tmp_path / "masks").mkdir()
    labels = np.zeros(GRID.shape, np.uint8)
    labels[2:4, 2:5, 2:6] = 201
    options = {"masks": "masks/{id}.nii.gz", "scheme": "spider"}
    assert only(tmp_path, **options).notes == ("no mask",)
    sitk.WriteImage(itk_image(labels, GRID), str(tmp_path / "masks" / "P1.nii.gz"))
    scan = only(tmp_path, **options)
    assert np.array_equal(scan.mask.labels, labels)
    assert scan.mask.grid == scan.images["mr"].grid
    with pytest.raises(ValueError, match="no such label scheme"):
        DicomOptions(root=tmp_path, masks="masks/{id}.mha")


def said(cases: Any, errors: list[str], log: str) -> str:
    return "\n".join([*(f"{c.id} {c.patient} {dict(c.facts)} {c.notes}" for c in cases), *errors, log])


def test_no_name_birth_date_or_uid_is_in_cases_errors_or_logs(tmp_path, caplog, capfd, recwarn):
    caplog.set_level(logging.DEBUG)
    common = {"SeriesDescription": "Erika MUSTERFRAU t2 sag", "SeriesNumber": 4, "AccessionNumber": "X" * 40}
    write_series(tmp_path / "a", DATA, GRID, PatientID=NAME, **common)
    write_series(tmp_path / "b", DATA, GRID, PatientID="Musterfrau", series="1", **common)
    write_series(tmp_path / "b", DATA, GRID, PatientID="Musterfrau", series="2", **common)
    write_series(tmp_path / "c", DATA, GRID, PatientID="77", skip=(2,), PatientBirthDate="no date " + BORN, **common)
    (tmp_path / "c" / "cut.dcm").write_bytes(next((tmp_path / "c").iterdir()).read_bytes()[:500])
    caplog.clear()
    recwarn.clear()
    one = loader(tmp_path)
    cases = one.cases()
    errors = []
    for case in cases:
        try:
            one.load(case)
        except DataError as error:
            errors.append(str(error))
    assert len(errors) == 3
    out = capfd.readouterr()
    text = said(cases, errors, caplog.text + out.out + out.err + "".join(str(w.message) for w in recwarn)).casefold()
    for secret in ("musterfrau", "erika", BORN, uid("77", "study"), uid(NAME, "1"), "1.2.826"):
        assert secret.casefold() not in text
    assert "t2 sag" in text


def test_what_cannot_be_read_is_a_case_with_the_reason_and_never_left_out(tmp_path):
    write_series(tmp_path / "good", DATA, GRID)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "junk.dcm").write_bytes(b"no dicom at all")
    header = one_slice(DATA[0], GRID, 0, "MR")
    header.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    raw = io.BytesIO()
    header.save_as(raw, enforce_file_format=True)
    (tmp_path / "bad" / "deflated.dcm").write_bytes(raw.getvalue())
    cases = loader(tmp_path).cases()
    assert len(cases) == 2
    with pytest.raises(DataError, match=r"2 DICOM files of one folder cannot be used; the first is deflated"):
        loader(tmp_path).load(cases[1])


def test_pictures_reports_and_structure_sets_are_no_scans(tmp_path):
    write_series(tmp_path, DATA, GRID)
    write_series(tmp_path, DATA[:1], GRID, series="s", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    write_series(tmp_path, DATA[:1], GRID, series="r", Modality="RTSTRUCT", Rows=None)
    assert set(only(tmp_path).images) == {"mr"}
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="no DICOM image of CT, MR or PET"):
        loader(empty).cases()


def test_sts_018_is_the_same_from_dicom_and_from_nifti(shared):
    scan = only(shared / "petct" / "STS_018_dicom")
    for name in ("ct", "pet"):
        itk = sitk.ReadImage(str(shared / "petct" / "STS_018" / f"{name.upper()}_image.nii.gz"))
        grid = scan.images[name].grid
        assert grid.shape == itk.GetSize()[::-1]
        last = tuple(n - 1 for n in itk.GetSize())
        for index in ((0, 0, 0), last):
            assert np.allclose(grid.to_world(index[::-1]), itk.TransformIndexToPhysicalPoint(index), atol=2e-4)
        assert np.allclose(scan.images[name].data, sitk.GetArrayFromImage(itk), rtol=1e-6, atol=1e-6)
    assert scan.images["ct"].data.dtype == np.int16
    assert 7.6 < scan.images["pet"].data.max() < 7.7
