"""Fuzzing of the parsers that see foreign files first: headers and TOML.

    python -m tests.fuzz --seconds 20                  every target, a share of the time each
    python -m tests.fuzz metaimage --runs 300000 --seed 7

A mutated file must parse or be refused by an error of spinefx's own, within five seconds and in bounded memory. The first
that does neither is written beside the working directory as `fuzz-<target>.bin`, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import io
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from spinefx_io.header import Header, check_geometry, check_size
from spinefx_io.meaning import inline_scheme, parse_schemes
from spinefx_io.metaimage import parse_metaimage
from spinefx_io.nifti import parse_nifti
from spinefx_io.nrrd import parse_nrrd
from spinefx_io.suv import suv_factor

from spinefx.api import Grid
from spinefx.contract.errors import SpinefxError
from spinefx.phantom.metaimage import metaimage_bytes
from spinefx.plan.source import parse_source

sys.path.insert(0, str(Path(__file__).parent / "io"))  # what writes the DICOM files to begin with

HANG_S = 5
SEGMENTS = ("BINARY", "FRACTIONAL", "LABELMAP")
GRID = Grid((2, 3, 4), (4.0, 0.5, 0.5))
WORDS = [
    b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"1", b"99999999999999999999", b"1e-300", b"\0", b"\n", b"\r\n", b" ", b"=",
    b"LOCAL", b"LIST", b"/etc/passwd", b"../x", b"True", b"3", b"4294967295", b"\xff\xff", b"\x7f\xff", b"MET_FLOAT",
    b"(", b")", b",", b":", b"[", b"]", b"{", b"}", b'"', b"'", b'"""', b"#", b".", b"a.a.a.a.a.a", b"[[", b"]]", b"\\u0000",
    b"1979-05-27T07:32:00Z", b"0x", b"_", b"vertebra L5", b"disc", b"ElementDataFile = ", b"DimSize = ", b"sizes: ", b"ignored = ",
]  # fmt: skip
PIPELINE = b"""# a study
[run]
out = "runs/a"
seed = 1
[data]
use = "spider"
root = 'spider'
series = ["t2", "t1"]
[labels]
table = "annotations.xlsx"
key = { patient = "ID", level = "Level" }
[[preprocess]]
use = "resample"
spacing_mm = [1.0, 1, 1e0]
[[preprocess]]
use = "normalise"
[encode]
use = "conv-vae"
latent_dim = 16
note = \"\"\"
two
lines\"\"\"
"""
SCHEMES = b'[mine]\n1 = "vertebra L5"\n201 = "disc L5-S1"\n100 = "canal"\nignored = [5, 6]\n[other]\n1 = "cord"\n'


def nifti() -> bytes:
    raw = bytearray(352)
    for at, kind, values in (
        (0, "<i4", 348), (40, "<i2", [3, 4, 3, 2, 1, 1, 1, 1]), (70, "<i2", [4, 16]), (76, "<f4", [1, 1, 1.5, 4, 0, 0, 0, 0]),
        (108, "<f4", [352, 1, 0]), (252, "<i2", [1, 1]), (280, "<f4", [1, 0, 0, 0, 0, 1.5, 0, 0, 0, 0, 4, 0]),
    ):  # fmt: skip
        data = np.asarray(values, kind).tobytes()
        raw[at : at + len(data)] = data
    raw[123], raw[344:348] = 2, b"n+1\0"
    return bytes(raw)


NRRD = (
    b"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 3 2\nspace directions: (1,0,0) (0,1,0) "
    b"(0,0,4)\nkinds: domain domain domain\nendian: little\nencoding: gzip\nspace origin: (0,0,0)\n\n"
)


def header(parse: Callable[[Path, bytes], Header], name: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        found = parse(Path(name), data)
        check_geometry(found)
        check_size(found, budget_bytes=1 << 30, stored=found.nbytes)
        found.grid()

    return run


def scheme(data: bytes) -> None:
    for name, table in parse_schemes(data).items():
        inline_scheme(name, table)


def pipeline(data: bytes) -> None:
    if len(data) <= 256 * 1024:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return
        parse_source(text)


def dicom_seed() -> bytes:
    from dicom_writing import PET, one_slice, radiopharmacy

    pet = {key: value for key, value in PET.items() if key != "series"}
    whole = io.BytesIO()
    values = np.arange(12, dtype=np.int16).reshape(3, 4)
    header = one_slice(values, GRID, 0, "PT", **pet, RadiopharmaceuticalInformationSequence=radiopharmacy())
    header.save_as(whole, enforce_file_format=True)
    return whole.getvalue()


def dicom(data: bytes) -> None:
    from spinefx_io.dicom_header import reading, slices_of
    from spinefx_io.dicom_series import suv_header

    with reading():
        from pydicom import dcmread

        read = dcmread(io.BytesIO(data), stop_before_pixels=True)
        slices_of(Path("x"), read)
        suv_factor(suv_header(read))


def region_seeds() -> list[bytes]:
    from region_writing import around, segmentation, structure_set

    box = np.zeros(GRID.shape, bool)
    box[:, 1:3, 1:3] = True
    seeds = []
    for header in (structure_set({"L5": around(box, GRID)}), *(segmentation({"L5": box}, k, GRID) for k in SEGMENTS)):
        whole = io.BytesIO()
        header.save_as(whole, enforce_file_format=True)
        seeds.append(whole.getvalue())
    return seeds


def regions(data: bytes) -> None:
    from spinefx_io.dicom_regions import Wanted, drawn

    with tempfile.NamedTemporaryFile(suffix=".dcm") as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        drawn([path], GRID, Wanted.of({"L5": "vertebra L5"}), root=path.parent, budget_bytes=1 << 20)


@dataclass(frozen=True)
class Target:
    """A parser, files to begin with, and its share of the time."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


TARGETS = {
    "metaimage": Target(
        header(parse_metaimage, "x.mha"), lambda: [metaimage_bytes(np.zeros(GRID.shape, np.int16), GRID)]
    ),
    "nifti": Target(header(parse_nifti, "x.nii"), lambda: [nifti()]),
    "nrrd": Target(header(parse_nrrd, "x.nrrd"), lambda: [NRRD]),
    "pipeline": Target(pipeline, lambda: [PIPELINE, SCHEMES]),
    "scheme": Target(scheme, lambda: [SCHEMES, b"[mine]\n\"1\" = 'canal'\n"]),
    "dicom": Target(dicom, lambda: [dicom_seed()]),
    "regions": Target(regions, region_seeds),
}


def mutated(data: bytes, rng: random.Random) -> bytes:
    """`data` with one to six changes: bytes, words, cuts, copies of parts."""
    raw = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(raw) + 1)
        end = min(len(raw), at + rng.choice((1, 2, 4, 8, 40)))
        way = rng.randrange(7)
        if way == 0:
            raw[at:end] = rng.randbytes(end - at)
        elif way == 1:
            del raw[at:end]
        elif way == 2:
            raw[at:at] = rng.choice(WORDS)
        elif way == 3:
            raw[at:end] = rng.choice(WORDS)
        elif way == 4:
            raw[at:at] = raw[at:end] * rng.choice((1, 2, 50))
        elif way == 5 and raw:
            raw[min(at, len(raw) - 1)] ^= 1 << rng.randrange(8)
        elif way == 6 and rng.random() < 0.2:
            del raw[at:]
    return bytes(raw[: 1 << 18])


class Hang(BaseException):
    """A run took longer than it may; no error of its own catches it."""


def _hang(*_: object) -> None:
    raise Hang


def fuzz(name: str, *, runs: int, seconds: float, seed: int) -> tuple[int, int, bytes | None, str]:
    """(executions, of them accepted, the input that broke it or None, how)."""
    target, rng = TARGETS[name], random.Random(f"{name} {seed}")
    seeds, accepted, done = target.seeds(), 0, 0
    pool = list(seeds)
    for data in seeds:
        target.run(data)
    end = time.monotonic() + seconds
    signal.signal(signal.SIGALRM, _hang)
    while done < runs and (done % 256 or time.monotonic() < end):
        data = mutated(rng.choice(rng.choice((seeds, pool))), rng)
        done += 1
        if done % 64 == 1:
            signal.alarm(HANG_S)
        try:
            target.run(data)
            accepted += 1
            if len(pool) < 200 and min(map(len, seeds)) <= len(data) < 4096 and rng.random() < 0.02:
                pool.append(data)
        except SpinefxError:
            pass
        except Hang:
            return done, accepted, data, f"64 runs took more than {HANG_S} s"
        except Exception as error:
            return done, accepted, data, f"{type(error).__name__}: {error}"
    signal.alarm(0)
    return done, accepted, None, ""


def main(words: list[str]) -> int:
    """Fuzz what is named; 1 if anything broke."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all unless given")
    parser.add_argument("--runs", type=int, default=1 << 62, help="executions of each target at most")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(words)
    names = asked.targets or list(TARGETS)
    total, broken = 0, False
    for name in names:
        done, accepted, data, how = fuzz(name, runs=asked.runs, seconds=asked.seconds / len(names), seed=asked.seed)
        total += done
        print(
            f"{name}: {done} executions, {accepted} accepted" + (f", BROKEN: {how}" if data is not None else ""),
            flush=True,
        )
        if data is not None:
            Path(f"fuzz-{name}.bin").write_bytes(data)
            broken = True
    print(f"{total} executions in all")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
