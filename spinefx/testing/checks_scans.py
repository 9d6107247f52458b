"""Checks of casework: loaders, segmenters, preprocessors and analysers of scans."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.case import Case
from spinefx.contract.scan import Scan, Volume
from spinefx.testing.bench import fiducial_scan, phantom_scan
from spinefx.testing.hostile import HOSTILE
from spinefx.testing.lab import ConformanceError, Lab, NotApplicableError, named, told

FIDUCIAL_MM = 1e-3
"""How far a preprocessor may move what the image shows."""
LABEL_VOXELS = 0.25
"""How far the centroid of a label may move, in voxels of the coarser grid."""
SMALLEST_MM, LARGEST_MM = 0.02, 50.0
"""Voxel sizes beyond which somebody mistook the unit."""


def it_lists_the_same_cases_twice(lab: Lab) -> None:
    """The roster is the same each time, each id once, each case with its patient."""
    first, second = [list(lab.subject.build().cases()) for _ in range(2)]
    if not first:
        raise ConformanceError(
            f"{lab.what} finds no case in the data that its options name; give options that name some"
        )
    if [c.id for c in first] != [c.id for c in second]:
        raise ConformanceError(
            f"{lab.what} lists other cases, or another order, the second time; sort what the disk gives: sorted(folder.glob(...))"
        )
    ids = [case.id for case in first]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise ConformanceError(f"{lab.what} lists case {twice[0]!r} twice; a case's id is unique in the cohort")
    if nobody := [case.id for case in first if not case.patient]:
        raise ConformanceError(
            f"{lab.what}: case {nobody[0]!r} has no patient, the unit of every split; use its id where nothing is known"
        )


def it_gives_sane_geometry(lab: Lab) -> None:
    """Voxels are of millimetre size, finite, and the mask lies where the images lie."""
    loader = lab.subject.build()
    for case in list(loader.cases())[:2]:
        scan: Scan = loader.load(case)
        if scan.case.id != case.id:
            raise ConformanceError(f"{lab.what} gives scan {scan.case.id!r} where {case.id!r} was asked for")
        if not scan.images and scan.mask is None:
            raise ConformanceError(
                f"{lab.what}: case {case.id!r} has neither image nor mask; raise DataError that says what is missing"
            )
        grids = {f"image {name}": image.grid for name, image in scan.images.items()}
        grids |= {} if scan.mask is None else {"the mask": scan.mask.grid}
        for name, grid in grids.items():
            if not SMALLEST_MM <= min(grid.spacing) <= max(grid.spacing) <= LARGEST_MM:
                raise ConformanceError(
                    f"{lab.what}: {name} of case {case.id!r} has a spacing of {grid.spacing} mm (z, y, x); spacing is in mm, "
                    "order (z, y, x). Metres, or a header that was not read?"
                )
        for name, image in scan.images.items():
            if not np.isfinite(image.data).all():
                raise ConformanceError(
                    f"{lab.what}: image {name} of case {case.id!r} holds NaN or infinite values; raise DataError for it"
                )
            if scan.mask is not None and not _overlap(image, scan.mask.grid.corners()):
                raise ConformanceError(
                    f"{lab.what}: mask and image {name} of case {case.id!r} lie apart in the world; is one origin in RAS and "
                    "the other in LPS?"
                )
        if scan.mask is not None:
            scan.mask.check_scheme()


def it_refuses_damaged_files(lab: Lab) -> None:
    """An empty, cut or overwritten file is answered by DataError, never by a scan."""
    loader = lab.subject.build()
    case = next(iter(loader.cases()), None)
    files = {} if case is None else {role: Path(path) for role, path in case.files.items() if Path(path).is_file()}
    if case is None or not files:
        raise NotApplicableError("its cases name no files")
    for (what, spoil), (role, path) in product(HOSTILE.items(), sorted(files.items())):
        folder = lab.workspace()
        bad = folder / path.name
        spoil(path, bad)
        try:
            loader.load(Case(case.id, case.patient, {**files, role: bad}, case.facts, case.notes))
        except Exception as error:
            if not named(error):
                raise ConformanceError(
                    f"{lab.what} answers {what} with {told(error)}; raise DataError that names the file and what is wrong with it"
                ) from error
        else:
            raise ConformanceError(
                f"{lab.what} takes {what} ({role} of case {case.id!r}) for a good one; check size and header, and load the files "
                "that case.files names"
            )
        shutil.rmtree(folder)


def it_keeps_the_grid(lab: Lab) -> None:
    """The mask lies on the grid of one of the scan's images, its values are the scheme's, the images are as they were."""
    scan = phantom_scan(1)
    made: Scan = lab.stage.segment(scan)
    if made.mask is None:
        raise ConformanceError(f"{lab.what} gives a scan without mask; return scan.replace(mask=LabelMap(...))")
    if not any(made.mask.grid == image.grid for image in scan.images.values()):
        off = min(made.mask.grid.difference_mm(image.grid) for image in scan.images.values())
        how = f"off by {off:.3g} mm" if np.isfinite(off) else f"of another shape, {made.mask.grid.shape}"
        raise ConformanceError(
            f"{lab.what} gives a mask on a grid that no image has ({how}); bring it back onto the image's grid, as "
            "kernels.resample(labels, made, image.grid, method='label-smooth') does"
        )
    made.mask.check_scheme()
    if set(made.images) != set(scan.images) or any(made.images[n].data is not v.data for n, v in scan.images.items()):
        raise ConformanceError(f"{lab.what} changes the images; a segmenter only adds a mask: scan.replace(mask=...)")
    if made.case != scan.case:
        raise ConformanceError(f"{lab.what} changes the case; return scan.replace(mask=...)")


def it_keeps_fiducials_in_place(lab: Lab) -> None:
    """What image and mask show stays where it is in the world."""
    scan, centres = fiducial_scan()
    done: Scan = lab.stage.process(scan)
    if set(done.images) != set(scan.images) or done.mask is None:
        raise ConformanceError(f"{lab.what} loses an image or the mask; return scan.replace(images=..., mask=...)")
    for name, image in done.images.items():
        for centre in centres:
            off = float(np.linalg.norm(_centre(image, centre) - centre))
            if not off <= FIDUCIAL_MM:
                raise ConformanceError(
                    f"{lab.what} moves what image {name} shows by {off:.4g} mm (wanted {FIDUCIAL_MM:g} or less); grid and voxels "
                    "must change together: is the new origin the centre of the first voxel?"
                )
    before, after = (_centroids(s) for s in (scan, done))
    for label, place in before.items():
        if label not in after:
            continue  # cropped away on purpose
        allowed = LABEL_VOXELS * max(*scan.require_mask().grid.spacing, *done.mask.grid.spacing)
        off = float(np.linalg.norm(after[label] - place))
        if off > allowed:
            raise ConformanceError(
                f"{lab.what} moves mask value {label} by {off:.3g} mm (wanted {allowed:.3g} or less)"
            )


def _centre(image: Volume, near: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the fiducial near a world point stands now: the centroid of what rises above its surroundings."""
    grid = image.grid
    index = np.indices(grid.shape).reshape(3, -1).T
    world = grid.to_world(index)
    values = image.data.reshape(-1).astype(np.float64)
    place = near
    for _ in range(12):
        squared = ((world - place) ** 2).sum(axis=1)
        window = squared < 9.0**2
        if window.sum() < 20:
            return np.full(3, np.nan)
        base = np.median(values[(squared < 12.0**2) & (squared > 10.5**2)])
        weight = np.clip(values[window] - base, 0, None) * np.exp(-squared[window] / (2 * 2.5**2))
        if weight.sum() <= 0:
            return np.full(3, np.nan)
        step = np.average(world[window], axis=0, weights=weight) - place
        place = place + 1.9 * step
        if np.abs(step).max() < 1e-6:
            break
    return place


def _centroids(scan: Scan) -> Mapping[int, NDArray[np.float64]]:
    mask = scan.require_mask()
    return {v: mask.grid.to_world(np.argwhere(mask.labels == v).mean(axis=0)) for v in mask.values}


def _overlap(image: Volume, corners: NDArray[np.float64]) -> bool:
    index = image.grid.to_index(corners)
    return bool((index.max(axis=0) >= 0).all() and (index.min(axis=0) <= np.array(image.grid.shape) - 1).all())
