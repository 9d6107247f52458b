"""`python -m tests.bench.casework [--rounds 3]`: casework of SPIDER-size scans, against a straight script of SimpleITK and scikit-image.

Both read an image and its mask, bring them to LPS axes, resample both to 1 mm, measure every structure (volume, centre, box, surface
area, mean and standard deviation of the image), cut a box of 32 x 64 x 64 mm around each and write the boxes down. The masks are SPIDER's
where they are, else phantoms of that size; images are drawn, since the data has none on these grids.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from skimage.measure import marching_cubes, mesh_surface_area, regionprops
from spinefx_io.gate import inspect, read_voxels

from spinefx import kernels
from spinefx.api import Grid
from spinefx.contract.orient import reorient
from tests.bench.anatomy import _mask
from tests.bench.reading import SHARED
from tests.bench.sampling import smooth

BOX = (64, 64, 32)
Found = dict[int, tuple[float, ...]]


def scans(folder: Path) -> list[tuple[Path, Path]]:
    """Image and mask files."""
    masks = sorted((SHARED / "spider/masks").glob("*.mha"))
    if not masks:
        labels, grid = _mask()
        made = sitk.GetImageFromArray(labels)
        made.SetSpacing(grid.spacing[::-1])
        made.SetOrigin(grid.origin)
        made.SetDirection(grid.direction.ravel().tolist())
        masks = [folder / "phantom.mha"]
        sitk.WriteImage(made, str(masks[0]), useCompression=True)
    pairs = []
    for number, mask in enumerate(masks):
        like = sitk.ReadImage(str(mask))
        values = smooth(Grid(like.GetSize()[::-1]), "int16", seed=number)
        image = sitk.GetImageFromArray(values)
        image.CopyInformation(like)
        pairs.append((folder / f"image{number}.mha", mask))
        sitk.WriteImage(image, str(pairs[-1][0]), useCompression=True)
    return pairs


def finer(grid: Grid) -> Grid:
    """The same box in voxels of 1 mm, first centres together."""
    shape = tuple(int(np.ceil(n * s)) for n, s in zip(grid.shape, grid.spacing, strict=True))
    return Grid(shape, (1.0, 1.0, 1.0), grid.origin, grid.direction)  # type: ignore[arg-type]


def ours(image: Path, mask: Path, folder: Path) -> Found:
    """By the kernels and the loaders' own parser."""
    volumes = []
    for path in (image, mask):
        header = inspect(path, root=path.parent, budget_bytes=1 << 33)
        volumes.append(reorient(read_voxels(header, root=path.parent), header.grid(), "LPS"))
    (values, grid), (labels, _) = volumes
    target = finer(grid)
    values = kernels.resample(values, grid, target)
    labels = kernels.resample(labels.astype(np.uint16, copy=False), grid, target, method="nearest")
    stats = kernels.label_statistics(labels, target, values)
    areas = dict(zip(*kernels.surface_areas(labels, target), strict=True))
    found: Found = {}
    for row, value in enumerate(stats.value):
        middle = target.to_index(stats.centroid_mm[row])
        box = target.crop(np.round(middle).astype(int) - np.array(BOX) // 2, BOX)
        cuts = [kernels.resample(v, target, box, method="nearest") for v in (values, labels)]
        np.save(folder / f"{mask.stem}-{value}-ours.npy", np.stack([cuts[0], cuts[1].astype(np.int16)]))
        found[int(value)] = (stats.volume_mm3[row], areas[value], stats.mean[row], stats.std[row])
    return found


def script(image: Path, mask: Path, folder: Path) -> Found:
    """As one would write it with SimpleITK and scikit-image."""
    volumes = [sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS") for path in (image, mask)]
    size = [int(np.ceil(n * s)) for n, s in zip(volumes[0].GetSize(), volumes[0].GetSpacing(), strict=True)]
    values, labels = (
        sitk.Resample(
            v, size, sitk.Transform(), how, v.GetOrigin(), (1.0, 1.0, 1.0), v.GetDirection(), 0.0, v.GetPixelID()
        )
        for v, how in zip(volumes, (sitk.sitkLinear, sitk.sitkNearestNeighbor), strict=True)
    )
    pixels, names = sitk.GetArrayFromImage(values), sitk.GetArrayFromImage(labels)
    found: Found = {}
    for region in regionprops(names, pixels):
        area = mesh_surface_area(*marching_cubes(np.pad(region.image, 1), 0.5)[:2])
        low = [round(c) - n // 2 for c, n in zip(region.centroid, BOX, strict=True)]
        around = [(max(0, -a), max(0, a + n - m)) for a, n, m in zip(low, BOX, names.shape, strict=True)]
        at = tuple(slice(max(0, a), max(0, a + n)) for a, n in zip(low, BOX, strict=True))
        cut = np.stack([np.pad(v[at], around) for v in (pixels, names)])
        np.save(folder / f"{mask.stem}-{region.label}-script.npy", cut)
        found[region.label] = (region.area, area, region.intensity_mean, region.intensity_std)
    return found


def apart(a: Found, b: Found, mask: Path, folder: Path) -> str:
    """How far the two are apart."""
    assert a.keys() == b.keys(), "not the same structures"
    off = np.max([np.abs(np.array(a[v]) / np.array(b[v]) - 1) for v in a], axis=0)
    unlike = [
        np.mean(np.load(folder / f"{mask.stem}-{v}-ours.npy")[1] != np.load(folder / f"{mask.stem}-{v}-script.npy")[1])
        for v in a
    ]
    names = ("volume", "surface", "mean", "std")
    said = ", ".join(f"{n} {o:.1e}" for n, o in zip(names, off, strict=True))
    return f"{len(a)} structures; largest relative difference: {said}; voxels of the cut masks unlike: {100 * max(unlike):.2g} %"


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print("| scan | spinefx | SimpleITK + scikit-image | ratio | agreement |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        for image, mask in scans(folder):
            times: dict[Any, list[tuple[float, float]]] = {ours: [], script: []}
            for _ in range(rounds):
                for work, taken in times.items():
                    start, cpu = time.perf_counter(), time.process_time()
                    found = work(image, mask, folder)
                    taken.append((time.perf_counter() - start, time.process_time() - cpu))
                    times[work] = taken
            said = apart(ours(image, mask, folder), script(image, mask, folder), mask, folder)
            (a, a_cpu), (b, b_cpu) = (
                [1e3 * statistics.median(t[i] for t in taken) for i in (0, 1)] for taken in times.values()
            )
            print(f"| {mask.stem} | {a:.0f} ms (processor {a_cpu:.0f}) | {b:.0f} ms ({b_cpu:.0f}) | {b / a:.1f}x ({b_cpu / a_cpu:.1f}x) | {said} |")  # fmt: skip
            assert found


if __name__ == "__main__":
    main()
