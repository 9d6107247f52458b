"""Shapes that a model makes: along one latent, between two samples, or drawn at random; to files that other programs open.

Latents are drawn from the normal distribution that the training latents have (their mean and covariance). A decoded shape is a
probability on the samples' grid, its middle at 0, axes along the sample's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.contract.errors import DataError, PlanError
from spinefx.contract.grid import Grid
from spinefx.model import Model
from spinefx.store.files import atomic_write_bytes
from spinefx.store.records import png
from spinefx.store.surfaces import ply

Form = Literal["nifti", "ply", "glb", "png"]
FORMS: tuple[Form, ...] = ("nifti", "ply", "glb", "png")
_FINER = 2
_TO_GLTF = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]) * 1e-3
"""LPS millimetres to glTF's metres, y up: the patient looks at the reader."""


@dataclass(frozen=True, eq=False)
class Made:
    """Shapes of one set: (n, d) latents, a name for each, (n, z, y, x) probabilities."""

    names: tuple[str, ...]
    z: NDArray[np.float32]
    masks: NDArray[np.float32]
    grid: Grid


def grid_of(model: Model) -> Grid:
    """The grid that the model decodes to, its middle at 0."""
    sample = model.recipe.sections["sample"]
    shape, spacing = tuple(sample["shape"]), tuple(sample["spacing"])
    x, y, z = (-(n - 1) / 2 * s for n, s in zip(shape[::-1], spacing[::-1], strict=True))
    return Grid(shape, spacing, (x, y, z))


def traversal(model: Model, latent: int, *, steps: int = 7, reach_sd: float = 2.0) -> Made:
    """One latent moved over its range, the others at their mean."""
    centre, size = model.recipe.centre, len(model.recipe.centre)
    if not 0 <= latent < size:
        raise PlanError(f"there is no latent z{latent}; the model has z0 to z{size - 1}")
    places = np.linspace(-reach_sd, reach_sd, steps)
    z = np.repeat(centre[None], steps, axis=0)
    z[:, latent] += places * np.sqrt(model.recipe.covariance[latent, latent])
    digits = _digits(steps, 2.0 * reach_sd, least=2)
    return _made(model, z, [f"z{latent}{place:+.{digits}f}sd" for place in places])


def interpolation(model: Model, first: Sequence[float], last: Sequence[float], *, steps: int = 7) -> Made:
    """Shapes on the straight line between two points."""
    ends = np.array([first, last], np.float64)
    if ends.shape[1] != len(model.recipe.centre):
        raise PlanError(f"points have {ends.shape[1]} latents, the model has {len(model.recipe.centre)}")
    share = np.linspace(0.0, 1.0, steps)[:, None]
    digits = _digits(steps, 100.0, least=0)
    width = 3 + (digits + 1 if digits else 0)
    names = [f"between-{100 * s:0{width}.{digits}f}" for s in share[:, 0]]
    return _made(model, (1 - share) * ends[0] + share * ends[1], names)


def _digits(steps: int, span: float, *, least: int) -> int:
    """Decimals by which `steps` places over `span` have names of their own."""
    return next(digits for digits in range(least, 12) if span / max(1, steps - 1) > 10.0**-digits)


def samples(model: Model, count: int, *, seed: int = 0) -> Made:
    """Shapes drawn at random; the same for the same seed, and the first of more are the same."""
    values, vectors = np.linalg.eigh(model.recipe.covariance)
    width = len(values)
    drawn = np.stack([np.random.default_rng([seed, i]).standard_normal(width) for i in range(count)])
    z = model.recipe.centre + (drawn * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return _made(model, z, [f"sample-{i:03d}" for i in range(count)])


def _made(model: Model, z: NDArray[np.float64], names: Sequence[str]) -> Made:
    points = z.astype(np.float32)
    return Made(tuple(names), points, model.decode(points), grid_of(model))


def written(made: Made, folder: Path, forms: Sequence[Form], *, stem: str) -> list[Path]:
    """Write shapes into `folder`: one file each as NIfTI, PLY or GLB, one sheet of pictures as PNG; the files.

    Raises
    ------
    DataError
        If a package for a form is missing.
    """
    files = []
    for form in forms:
        if form == "png":
            files.append((folder / f"{stem}.png", _sheet(made)))
            continue
        end = {"nifti": "nii.gz"}.get(form, form)
        for name, mask in zip(made.names, made.masks, strict=True):
            content = _nifti(mask, made.grid) if form == "nifti" else _mesh(mask, made.grid, form)
            if content:
                files.append((folder / f"{name}.{end}", content))
    for path, content in files:
        atomic_write_bytes(path, content)
    return [path for path, _ in files]


def _nifti(mask: NDArray[np.float32], grid: Grid) -> bytes:
    try:
        import nibabel
    except ImportError as error:
        raise DataError("writing NIfTI needs nibabel; pip install 'spinefx[generate]'") from error
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine = to_ras @ grid.affine @ np.eye(4)[[2, 1, 0, 3]]
    image: Any = nibabel.Nifti1Image
    content: bytes = image(mask.transpose(2, 1, 0), affine).to_bytes()
    import gzip

    return gzip.compress(content, mtime=0)


def surface(mask: NDArray[np.float32], grid: Grid) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Vertices in mm and faces of a probability's surface at one half, found on a grid of half the spacing."""
    shape = tuple(_FINER * n for n in grid.shape)
    spacing = tuple(s / _FINER for s in grid.spacing)
    shift = (np.array(spacing) - np.array(grid.spacing)) / 2 / np.array(grid.spacing)
    x, y, z = grid.to_world(shift)
    finer = Grid(shape, spacing, (float(x), float(y), float(z)), grid.direction)  # type: ignore[arg-type]
    inside = kernels.resample(np.ascontiguousarray(mask), grid, finer, method="linear") > 0.5
    vertices, faces, _ = kernels.surface(inside.astype(np.uint16), finer, 1)
    return vertices, faces


def _mesh(mask: NDArray[np.float32], grid: Grid, form: Form) -> bytes:
    """The surface as PLY in LPS millimetres or GLB in metres, y up; nothing where there is none."""
    vertices, faces = surface(mask, grid)
    if not len(faces):
        return b""
    if form == "ply":
        return ply(vertices, faces)
    try:
        import trimesh
    except ImportError as error:
        raise DataError("writing GLB needs trimesh; pip install 'spinefx[generate]'") from error
    mesh = trimesh.Trimesh(vertices @ _TO_GLTF.T, faces, process=False)
    content: Any = mesh.export(file_type="glb")
    return bytes(content)


def _sheet(made: Made) -> bytes:
    """Mid-sagittal slices above mid-coronal ones, a column for each shape; head up, the front to the left."""
    rows: list[list[NDArray[np.float32]]] = []
    for cut in (made.masks[:, ::-1, :, made.grid.shape[2] // 2], made.masks[:, ::-1, made.grid.shape[1] // 2, :]):
        up, across = made.grid.spacing[0], made.grid.spacing[1 if not rows else 2]
        tall, wide = (max(1, round(n * s * 3)) for n, s in zip(cut.shape[1:], (up, across), strict=True))
        y, x = (np.arange(tall) * cut.shape[1] // tall, np.arange(wide) * cut.shape[2] // wide)
        rows.append([np.pad(image[np.ix_(y, x)], 2, constant_values=1.0) for image in cut])
    widest = max(image.shape[1] for row in rows for image in row)
    lines = [np.hstack([np.pad(i, ((0, 0), (0, widest - i.shape[1]))) for i in row]) for row in rows]
    return png((np.clip(np.vstack(lines), 0.0, 1.0) * 255).astype(np.uint8))


def point_of(table: Path, name: str) -> list[float]:
    """The latents of one sample, `case:level` or a row's number, in a latents.csv or latents.parquet."""
    import pandas as pd

    from spinefx.store.run import Run

    path = table / "latents.parquet" if table.is_dir() else table
    if not path.is_file():
        raise DataError(f"{path}: not there; name a run's folder, or a latents.csv or latents.parquet")
    frame = (
        pd.read_csv(path, dtype={"case": str, "level": str}, keep_default_na=False)
        if path.suffix == ".csv"
        else Run(path.parent).latents()
        if table.is_dir()
        else pd.read_parquet(path)
    )
    names = [column for column in frame.columns if column[:1] == "z" and column[1:].isdigit()]
    if name.isdigit() and int(name) < len(frame):
        found = frame.iloc[[int(name)]]
    else:
        case, _, level = name.rpartition(":")
        found = frame[(frame["case"].astype(str) == case) & (frame["level"].astype(str) == level)]
    if len(found) != 1:
        near = ", ".join(f"{c}:{lv}" for c, lv in zip(frame["case"][:3], frame["level"][:3], strict=True))
        raise PlanError(f"{path}: {len(found)} rows are {name!r}; wanted case:level as {near}")
    return [float(v) for v in found.iloc[0][names]]
