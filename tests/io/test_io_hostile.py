"""Broken and evil files end in one clear message: nothing outside is read, nothing hangs, nothing is guessed."""

from __future__ import annotations

import gzip
import os
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spinefx_io.gate import inspect, read_voxels
from spinefx_io.metaimage import parse_metaimage
from spinefx_io.nifti import parse_nifti
from spinefx_io.nrrd import parse_nrrd

from spinefx.api import DataError, GridError

FIELDS = {
    "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False", "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "0 0 0", "ElementSpacing": "1 1 1",
    "DimSize": "4 3 2", "ElementType": "MET_SHORT", "ElementDataFile": "LOCAL",
}  # fmt: skip
VOXELS = np.arange(24, dtype="<i2").tobytes()


def mha(path: Path, voxels: bytes = VOXELS, **changes: str) -> Path:
    fields = {key: changes.get(key, value) for key, value in FIELDS.items()}
    extra = {key: value for key, value in changes.items() if key not in fields}
    text = "".join(f"{key} = {value}\n" for key, value in (extra | fields).items() if value != "-")
    path.write_bytes(text.encode("latin-1") + voxels)
    return path


def read(path: Path, *, budget: int = 1 << 20) -> np.ndarray:
    header = inspect(path, root=path.parent, budget_bytes=budget)
    return read_voxels(header, root=path.parent)


def test_the_good_file_that_the_others_differ_from_is_read(tmp_path):
    assert read(mha(tmp_path / "good.mha")).shape == (2, 3, 4)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"ElementDataFile": "/etc/passwd"}, DataError, "must hold its own"),
        ({"ElementDataFile": "../secret.raw"}, DataError, "must hold its own"),
        ({"ElementDataFile": "LIST"}, DataError, "must hold its own"),
        ({"ElementDataFile": "slice%03d.raw 1 9 1"}, DataError, "must hold its own"),
        ({"ElementSpacing": "-1 1 1"}, GridError, r"spacing must lie in 0.05..30 mm, header says -1"),
        ({"ElementSpacing": "0 1 1"}, GridError, "spacing must lie"),
        ({"ElementSpacing": "nan 1 1"}, GridError, "ElementSpacing must be finite"),
        ({"ElementSpacing": "1 1 inf"}, GridError, "ElementSpacing must be finite"),
        ({"ElementSpacing": "0.0005 0.0005 0.0005"}, GridError, "spacing must lie"),
        ({"ElementSpacing": "1 1"}, GridError, "ElementSpacing must be 3 numbers"),
        ({"ElementSpacing": "-"}, GridError, "has no ElementSpacing"),
        ({"Offset": "inf 0 0"}, GridError, "Offset must be finite"),
        ({"Offset": "1e30 0 0"}, GridError, "100 m"),
        ({"Origin": "5 0 0"}, GridError, "gives Offset twice"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 0.2 1"}, GridError, "tilted gantry"),
        ({"TransformMatrix": "0 0 0 0 0 0 0 0 0"}, GridError, "not orthonormal"),
        ({"DimSize": "4 3 1"}, DataError, "one slice"),
        ({"DimSize": "4 -3 2"}, DataError, "size must be positive"),
        ({"DimSize": "4 3 1e9"}, DataError, "whole numbers"),
        ({"DimSize": "10000 10000 10000", "ElementSpacing": "0.1 0.1 0.1"}, DataError, "budget"),
        ({"DimSize": "40 3 2"}, DataError, "cut off"),
        ({"DimSize": "2 3 2"}, DataError, "the file holds 48"),
        ({"DimSize": "9000 3 2"}, GridError, "field of view"),
        ({"NDims": "4", "DimSize": "4 3 2 1"}, DataError, "NDims = 4"),
        ({"ElementNumberOfChannels": "3"}, DataError, "RGB"),
        ({"ElementType": "MET_UCHAR_ARRAY"}, DataError, "ElementType"),
        ({"BinaryData": "False"}, DataError, "BinaryData"),
        ({"CompressedData": "perhaps"}, DataError, "True or False"),
        ({"HeaderSize": "999999"}, DataError, "HeaderSize"),
    ],
)
def test_a_broken_metaimage_header_is_refused_by_name(tmp_path, changes, error, says):
    path = mha(tmp_path / "bad.mha", **changes)
    with pytest.raises(error, match=says) as caught:
        read(path)
    assert str(caught.value).startswith("bad.mha: ")


def test_a_compressed_file_that_inflates_to_more_or_less_than_it_claims_is_refused(tmp_path):
    more = mha(tmp_path / "more.mha", zlib.compress(VOXELS + b"\0\0"), CompressedData="True")
    with pytest.raises(DataError, match="holds more than the 48 bytes"):
        read(more)
    less = mha(tmp_path / "less.mha", zlib.compress(VOXELS[:-2]), CompressedData="True")
    with pytest.raises(DataError, match="only 46 of the 48"):
        read(less)
    cut = mha(tmp_path / "cut.mha", zlib.compress(VOXELS)[:-9], CompressedData="True")
    with pytest.raises(DataError, match="is cut off"):
        read(cut)
    junk = mha(tmp_path / "junk.mha", b"not zlib at all, really", CompressedData="True")
    with pytest.raises(DataError, match="does not inflate"):
        read(junk)


def test_a_bomb_is_inflated_no_further_than_its_header_claims(tmp_path):
    bomb = zlib.compress(bytes(200_000_000), 9)
    path = mha(tmp_path / "bomb.mha", bomb, CompressedData="True")
    nifti = tmp_path / "bomb.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 3, 4), np.int16)), str(nifti))
    nifti.write_bytes(gzip.compress(gzip.decompress(nifti.read_bytes()) + bytes(200_000_000), 1))
    tracemalloc.start()
    for each in (path, nifti):
        with pytest.raises(DataError, match="holds more than"):
            read(each)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000


def test_a_claim_that_the_compressed_bytes_cannot_hold_is_refused_before_anything_is_allocated(tmp_path):
    path = mha(tmp_path / "claim.mha", zlib.compress(VOXELS), CompressedData="True", DimSize="500 500 500")
    tracemalloc.start()
    with pytest.raises(DataError, match="cannot hold them"):
        read(path, budget=1 << 34)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_pipe_a_folder_and_a_link_out_of_the_root_are_refused(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    os.mkfifo(root / "pipe.mha")
    (root / "folder.mha").mkdir()
    secret = mha(tmp_path / "secret.mha")
    (root / "link.mha").symlink_to(secret)
    (root / "loop.mha").symlink_to(root / "loop.mha")
    for name, says in (
        ("pipe.mha", "not a regular file"),
        ("folder.mha", "not a regular file"),
        ("link.mha", "leads out of the data folder"),
        ("loop.mha", "cannot be opened"),
        ("absent.mha", "cannot be opened"),
    ):
        with pytest.raises(DataError, match=says):
            read(root / name)


def test_a_link_inside_the_root_is_followed(tmp_path):
    mha(tmp_path / "real.mha")
    (tmp_path / "link.mha").symlink_to(tmp_path / "real.mha")
    assert read(tmp_path / "link.mha").shape == (2, 3, 4)


def test_a_mhd_may_name_a_plain_file_beside_itself_and_nothing_else(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "voxels.raw").write_bytes(VOXELS)
    (tmp_path / "deep" / "voxels.raw").write_bytes(VOXELS)
    path = tmp_path / "deep" / "volume.mhd"
    assert read(mha(path, b"", ElementDataFile="voxels.raw")).shape == (2, 3, 4)
    for value in ("../voxels.raw", "/etc/passwd", "LIST", "voxels%d.raw 1 2 1", "a/b.raw", "..\\voxels.raw"):
        with pytest.raises(DataError, match="one plain file beside itself"):
            read(mha(path, b"", ElementDataFile=value))
    (tmp_path / "deep" / "out.raw").symlink_to(tmp_path / "voxels.raw")
    with pytest.raises(DataError, match="leads out"):
        read(mha(path, b"", ElementDataFile="out.raw"))
    os.mkfifo(tmp_path / "deep" / "pipe.raw")
    with pytest.raises(DataError, match="not a regular file"):
        read(mha(path, b"", ElementDataFile="pipe.raw"))


def nifti(path: Path, edit: Callable[[bytearray], None]) -> Path:
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    image.SetSpacing((1.0, 1.5, 4.0))
    sitk.WriteImage(image, str(path))
    raw = bytearray(path.read_bytes())
    edit(raw)
    path.write_bytes(raw)
    return path


def put(at: int, values: object, dtype: str) -> Callable[[bytearray], None]:
    data = np.asarray(values, dtype).tobytes()

    def edit(raw: bytearray) -> None:
        raw[at : at + len(data)] = data

    return edit


@pytest.mark.parametrize(
    ("edit", "error", "says"),
    [
        (put(80, np.nan, "<f4"), GridError, "pixdim must be finite"),
        (put(80, -1.0, "<f4"), GridError, "pixdim must be positive"),
        (put(280 + 12, 55.0, "<f4"), GridError, r"sform and qform put a corner \d+.\d+ mm apart"),
        (put(280, [np.nan], "<f4"), GridError, "sform holds numbers that are not finite"),
        (put(252, [0, 0], "<i2"), GridError, "says nothing about orientation"),
        (put(256, [0.9, 0.9, 0.9], "<f4"), GridError, "no rotation"),
        (put(40, [4, 4, 3, 2, 5], "<i2"), DataError, "wanted one volume of 3"),
        (put(40, [2, 4, 3], "<i2"), DataError, "wanted one volume of 3"),
        (put(70, [128, 24], "<i2"), DataError, "RGB"),
        (put(72, [64], "<i2"), DataError, "bits a voxel"),
        (put(108, [1e9], "<f4"), DataError, "vox_offset"),
        (put(108, [np.nan], "<f4"), DataError, "vox_offset"),
        (put(112, [np.inf], "<f4"), DataError, "scl_slope"),
        (put(344, list(b"ni1\0"), "u1"), DataError, "another file"),
        (put(0, [540], "<i4"), DataError, "NIfTI-2"),
        (put(0, [7], "<i4"), DataError, "not a NIfTI file"),
        (put(123, [1], "u1"), GridError, "metres"),
        (put(42, [4000, 3000, 3000], "<i2"), GridError, "field of view"),
    ],
)
def test_a_broken_nifti_header_is_refused(tmp_path, edit, error, says):
    with pytest.raises(error, match=says):
        read(nifti(tmp_path / "bad.nii", edit))


def test_a_half_turn_whose_quaternion_is_rounded_is_no_disagreement(tmp_path):
    image = sitk.Image([400, 400, 4], sitk.sitkUInt8)
    path = tmp_path / "turned.nii"
    for angle in (2e-4, 4e-4, 8e-4):
        for axis in range(3):
            half = -np.eye(3)
            half[axis, axis] = 1.0
            one, two = (k for k in range(3) if k != axis)
            tilt = np.eye(3)
            tilt[one, one] = tilt[two, two] = np.cos(angle)
            tilt[one, two], tilt[two, one] = -np.sin(angle), np.sin(angle)
            image.SetDirection((half @ tilt).ravel())
            sitk.WriteImage(image, str(path))
            assert read(path, budget=1 << 24).shape == (4, 400, 400)


def test_a_cut_nifti_is_refused(tmp_path):
    for name, length in (("short.nii", 200), ("voxels.nii", 370), ("none.nii", 0)):
        path = nifti(tmp_path / name, lambda raw: None)
        path.write_bytes(path.read_bytes()[:length])
        with pytest.raises(DataError, match=r"shorter than|cut off|the file holds"):
            read(path)
    path = tmp_path / "cut.nii.gz"
    path.write_bytes(gzip.compress(nifti(tmp_path / "whole.nii", lambda raw: None).read_bytes())[:-12])
    with pytest.raises(DataError, match="is cut off"):
        read(path)


def test_a_file_of_several_gzip_members_is_read_and_one_of_very_many_refused_at_once(tmp_path):
    whole = nifti(tmp_path / "whole.nii", lambda raw: None).read_bytes()
    split = b"".join(gzip.compress(whole[at : at + 40]) for at in range(0, len(whole), 40))
    (tmp_path / "split.nii.gz").write_bytes(split + bytes(100_000))
    assert np.array_equal(read(tmp_path / "split.nii.gz"), read(tmp_path / "whole.nii"))
    (tmp_path / "empties.nii.gz").write_bytes(gzip.compress(b"") * 200_000 + gzip.compress(whole))
    (tmp_path / "behind.nii.gz").write_bytes(gzip.compress(whole) + gzip.compress(b"") * 200_000)
    long_name = b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 10_000_000 + b"\0" + gzip.compress(whole)[10:]
    (tmp_path / "name.nii.gz").write_bytes(long_name)
    for name in ("empties", "behind"):
        with pytest.raises(DataError, match="very many small gzip members"):
            read(tmp_path / f"{name}.nii.gz")
    assert np.array_equal(read(tmp_path / "name.nii.gz"), read(tmp_path / "whole.nii"))
    for name, tail, says in (("junk", b"junk" * 9, "does not inflate"), ("sum", b"", "does not inflate")):
        packed = bytearray(gzip.compress(whole))
        packed[-6] ^= name == "sum"
        (tmp_path / f"{name}.nii.gz").write_bytes(bytes(packed) + tail)
        with pytest.raises(DataError, match=says):
            read(tmp_path / f"{name}.nii.gz")


NRRD = {
    "type": "short", "dimension": "3", "space": "left-posterior-superior", "sizes": "4 3 2",
    "space directions": "(1,0,0) (0,1,0) (0,0,4)", "encoding": "raw", "endian": "little", "space origin": "(0,0,0)",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"data file": "../other.raw"}, "points to other data"),
        ({"datafile": "LIST"}, "points to other data"),
        ({"dimension": "4"}, "4 dimensions"),
        ({"byte skip": "-1"}, "skips bytes"),
        ({"encoding": "bzip2"}, "wanted raw or gzip"),
        ({"space": "3D-right-handed"}, "space is"),
        ({"space directions": "none (1,0,0) (0,1,0)"}, "an axis without direction"),
        ({"space directions": "(1,0,0) (0,1,0)"}, "three vectors"),
        ({"endian": ""}, "endian is 'not given'"),
        ({"space directions": "(nan,0,0) (0,1,0) (0,0,1)"}, "finite"),
        ({"space origin": "(1,2)"}, "space origin"),
        ({"type": "block"}, "plain numbers"),
    ],
)
def test_a_broken_nrrd_header_is_refused(tmp_path, changes, says):
    path = tmp_path / "bad.nrrd"
    text = "".join(f"{key}: {value}\n" for key, value in (NRRD | changes).items())
    path.write_bytes(b"NRRD0004\n" + text.encode() + b"\n" + VOXELS)
    with pytest.raises(DataError, match=says):
        read(path)
    path.write_bytes(b"NRRD0004\n" + "".join(f"{k}: {v}\n" for k, v in NRRD.items()).encode() + b"\n" + VOXELS)
    assert read(path).shape == (2, 3, 4)


def test_an_unknown_ending_lists_the_known_ones(tmp_path):
    (tmp_path / "scan.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"scan.png: has none of the known endings .mha, .mhd"):
        read(tmp_path / "scan.png")


PARSERS = {".mha": parse_metaimage, ".nii": parse_nifti, ".nrrd": parse_nrrd}


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("starts")
    image = sitk.GetImageFromArray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    for ending in PARSERS:
        sitk.WriteImage(image, str(folder / f"volume{ending}"))
    return {ending: (folder / f"volume{ending}").read_bytes() for ending in PARSERS}


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ending=st.sampled_from(sorted(PARSERS)),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), st.binary(max_size=9)), max_size=6),
)
def test_a_mutated_header_parses_or_is_refused_and_never_crashes(starts, ending, edits):
    raw = bytearray(starts[ending])
    for share, drop, new in edits:
        at = int(share * len(raw))
        raw[at : at + drop] = new
    try:
        header = PARSERS[ending](Path(f"volume{ending}"), bytes(raw))
    except DataError:
        return
    assert all(isinstance(n, int) for n in header.size)
    assert np.isfinite(header.origin).all()
    assert np.isfinite(header.spacing).all()
