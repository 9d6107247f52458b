"""`python -m tests.bench.casework_plugins [WORDS] [--markdown]`: the default plugins' casework, with and without the kernels.

Phantoms run through `Casework` in this process, one after the other: with the kernels, with each of them swapped for what
a researcher would call for the same result (`stand_ins`), and once more with nearest for labels, which is another result
and much cheaper. Every call of a kernel is held against its stand-in, and so is every feature and sample. Prints, a
pipeline whose name holds WORDS: a case in all, its kernels, and its steps, the last two in processor time on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import SimpleITK as sitk

from spinefx import kernels
from spinefx.api import Case
from spinefx.cli.templates import demo
from spinefx.contract.features import Features
from spinefx.engine import Engine
from spinefx.phantom import Scanner, write_cohort
from spinefx.plan import Plan
from spinefx.store.cache import Cache
from spinefx.store.records import features_of
from spinefx.work.cases.casework import Casework
from spinefx.work.cases.outcome import Keys, Task
from tests.bench.stand_ins import HOW, LIMITS, PEERS, STAND_INS, apart

OURS, THEIRS, NEAREST = "kernels", "others", "others, labels by nearest"
PIPELINES: dict[str, dict[str, Any]] = {
    "demo": {},
    "demo without pictures": {"report": {"pictures": 0}},
    "preprocessed to 1 mm, four analysers": {
        "preprocess": [{"use": "resample", "spacing_mm": 1.0}, {"use": "normalise"}, {"use": "crop"}],
        "geometry": [{"use": name} for name in ("disc", "vertebra", "spine", "canal")],
        "sample": {"structures": "disc", "channels": ["mask", "t2"]},
    },
}
"""Pipelines, as what they have beside that of `spinefx demo`."""
KERNELS = {name: call for name in kernels.__all__ if callable(call := getattr(kernels, name)) and name.islower()}
WITHIN = {"mm": 0.02, "deg": 0.02, "": 0.005}
"""How far features may be apart: lengths and angles in their units, all others relatively."""
MESHED = {"disc.surface_mm2", "disc.sphericity"}
"""Features of a mesh, which may be apart by as much as the two meshes' areas."""

SAMPLES = 0.06
"""How much of a sample may be apart: where two labels weigh the same, SimpleITK decides otherwise."""


class Tally:
    """What each kernel took: processor seconds a call, by its name and method; and how far it is from its stand-in."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)
        self.apart: dict[str, float] = defaultdict(float)

    @property
    def seconds(self) -> float:
        """In all calls so far."""
        return sum(map(sum, self.taken.values()))

    @contextmanager
    def watching(self, calls: Mapping[str, Callable[..., Any]], check: bool = False) -> Iterator[None]:
        """The kernels of these names done by these functions, or their calls held against these if they are to `check`."""
        before = {name: getattr(kernels, name) for name in calls}
        try:
            for name, call in calls.items():
                setattr(kernels, name, partial(self._checked if check else self._timed, name, call, before[name]))
            yield
        finally:
            for name, kernel in before.items():
                setattr(kernels, name, kernel)

    def _timed(self, name: str, call: Callable[..., Any], _: object, *given: Any, **named: Any) -> Any:
        start = time.process_time()
        made = call(*given, **named)
        self.taken[_said(name, named)].append(time.process_time() - start)
        return made

    def _checked(self, name: str, call: Callable[..., Any], kernel: Any, *given: Any, **named: Any) -> Any:
        said, made = _said(name, named), kernel(*given, **named)
        gap, (limit, of) = apart(said, made, call(*given, **named)), LIMITS[said]
        assert gap <= limit, f"{said}: apart by {gap:.2g} {of}, wanted at most {limit}"
        self.apart[said] = max(self.apart[said], gap)
        return made


def _said(name: str, named: Mapping[str, Any]) -> str:
    return (
        f"{name} label-smooth"
        if named.get("method") == "label-smooth"
        else f"{name} antialias"
        if named.get("antialias")
        else name
    )


class Timed(Casework):
    """Casework that keeps what every step took: processor seconds in all, and in kernels."""

    def watched_by(self, tally: Tally) -> Timed:
        """The same, asking `tally` about the kernels."""
        self.tally, self.steps = tally, dict[str, tuple[float, float]]()
        return self

    def _do(self, case: Case, keys: Keys) -> Iterator[str]:
        since, inside = time.process_time(), self.tally.seconds
        for step in super()._do(case, keys):
            self.steps[step] = (time.process_time() - since, self.tally.seconds - inside)
            yield step
            since, inside = time.process_time(), self.tally.seconds


class Trial:
    """One pipeline's casework: every case, by every way, some rounds in turn."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.cases = Engine(plan).check().cases
        self._anew()

    def _anew(self) -> None:
        self.steps: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        self.tallies = {way: Tally() for way in (OURS, THEIRS, NEAREST)}

    def once(self, way: str, case: Case, tally: Tally, root: Path, check: bool = False) -> tuple[float, float, Keys]:
        """Clock and processor seconds of one case, and where its results are."""
        calls = STAND_INS if check or way != OURS else KERNELS
        HOW["label-smooth"] = sitk.sitkNearestNeighbor if way == NEAREST else sitk.sitkLabelLinear
        work = Timed(self.plan, root, pictured=self.plan.report.pictures / len(self.cases)).watched_by(tally)
        with tally.watching(calls, check):
            clock, processor = time.perf_counter(), time.process_time()
            result = work(Task(case))
            taken = time.perf_counter() - clock, time.process_time() - processor
        assert result.outcome == "done" and result.keys is not None, result.failure
        for step, found in {**work.steps, "all": (taken[1], sum(s[1] for s in work.steps.values()))}.items():
            self.steps[way, step].append(found)
        return *taken, result.keys

    def times(self, rounds: int, threads: int) -> dict[str, tuple[float, float]]:
        """Milliseconds a case by each way, by the clock and by the processor: medians of rounds, means of cases."""
        kernels.set_threads(threads)
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
        self._anew()
        taken: dict[str, list[tuple[float, float]]] = {way: [] for way in self.tallies}
        for case in self.cases:
            found: dict[str, list[tuple[float, float]]] = {way: [] for way in self.tallies}
            for _ in range(rounds):
                for way, tally in self.tallies.items():
                    with tempfile.TemporaryDirectory(dir=self.folder) as root:
                        found[way].append(self.once(way, case, tally, Path(root))[:2])
            for way, pairs in found.items():
                taken[way].append((median(p[0] for p in pairs), median(p[1] for p in pairs)))
        return {way: tuple(1e3 * mean(p[i] for p in pairs) for i in (0, 1)) for way, pairs in taken.items()}  # type: ignore[misc]

    def agreement(self) -> tuple[Tally, dict[str, float]]:
        """How far kernels and stand-ins are apart, call by call, and the features and samples that they lead to."""
        checked, off = Tally(), dict[str, float]()
        for case in self.cases:
            with (
                tempfile.TemporaryDirectory(dir=self.folder) as first,
                tempfile.TemporaryDirectory(dir=self.folder) as second,
            ):
                mine = self.once(OURS, case, checked, Path(first), check=True)[2]
                self.once(THEIRS, case, Tally(), Path(second))
                a, b = (Cache(Path(root)) for root in (first, second))
                for key in mine.features:
                    _merge(off, _features_apart(*(features_of(cache.get(key)) for cache in (a, b))))  # type: ignore[arg-type]
                one, two = (cache.get(mine.samples).arrays for cache in (a, b))  # type: ignore[union-attr]
                assert one.keys() == two.keys()
                _merge(off, {"samples": float(max(np.abs(one[n] - two[n]).sum() / np.abs(one[n]).sum() for n in one))})
        assert off["samples"] <= SAMPLES, off
        return checked, off


def _merge(into: dict[str, float], found: Mapping[str, float]) -> None:
    for name, value in found.items():
        into[name] = max(into.get(name, 0.0), value)


def _features_apart(ours: Features, theirs: Features) -> dict[str, float]:
    """The largest difference a unit, asserted: what is missing in one is missing in both."""
    off: dict[str, float] = {}
    assert ours.rows == theirs.rows and ours.columns.keys() == theirs.columns.keys()
    for name, values in ours.columns.items():
        others = theirs.columns[name]
        assert np.array_equal(np.isnan(values), np.isnan(others)), name
        unit = next((u for u in ("mm", "deg") if name.endswith(f"_{u}")), "")
        size = 1.0 if unit else np.maximum(np.abs(values), 1e-9)
        gap = float(np.nanmax(np.abs(values - others) / size, initial=0.0))
        limit = LIMITS["surface"][0] if name in MESHED else WITHIN[unit]
        assert gap <= limit, f"{name}: apart by {gap:.2g}, wanted at most {limit}"
        _merge(off, {"of meshes" if name in MESHED else unit or "relative": gap})
    return off


def _by_kernel(trial: Trial, checked: Tally, runs: int) -> Iterator[list[str]]:
    """A row a kernel: calls a case, milliseconds a case of ours and others', ratio, how far apart."""
    ours, theirs = (trial.tallies[way].taken for way in (OURS, THEIRS))
    assert ours.keys() == theirs.keys(), f"no stand-in for {sorted(ours.keys() - theirs.keys())}"
    for name in sorted(ours, key=lambda n: -sum(theirs[n])):
        a, b = (1e3 * sum(taken[name]) / runs for taken in (ours, theirs))
        calls, peer, gap = len(ours[name]) / runs, PEERS[name.split()[0]], checked.apart[name]
        yield [name, f"{calls:g}", f"{a:.1f}", peer, f"{b:.1f}", f"{b / a:.1f}x", f"{gap:.1g} {LIMITS[name][1]}"]


def _by_step(trial: Trial) -> Iterator[list[str]]:
    """A row a step: milliseconds a case, of them in kernels, and what it takes by others."""
    for way, step in trial.steps:
        if way == OURS:
            (all_, inside), other = (
                [1e3 * mean(t[i] for t in trial.steps[one, step]) for i in (0, 1)] for one in (OURS, THEIRS)
            )
            yield [step, f"{all_:.1f}", f"{inside:.1f}", f"{other[0]:.1f}"]


def _print(head: str, rows: list[list[str]], markdown: bool) -> None:
    table = [head.split(" | "), *rows]
    wide = [0 if markdown else max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for number, row in enumerate(table):
        cells = [cell.ljust(n) for cell, n in zip(row, wide, strict=True)]
        print(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells).rstrip())
        if markdown and not number:
            print("|---" * len(row) + "|")
    print(flush=True)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--patients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--spacing", type=float, nargs=3, help="of the scans, mm (z, y, x)")
    parser.add_argument("--markdown", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        scanner = Scanner(tuple(asked.spacing)) if asked.spacing else None
        write_cohort(folder / "data", patients=asked.patients, seed=0, scanner=scanner)
        tables = tomllib.loads(demo(patients=asked.patients, seed=0))
        for name, more in PIPELINES.items():
            if not all(word in name for word in asked.words):
                continue
            trial = Trial(Plan.of(tables | more, folder), folder)
            checked, off = trial.agreement()
            rows = []
            for threads in asked.threads:
                found = trial.times(asked.rounds, threads)
                (clock, processor), *others = found.values()
                times = [f"{a:.0f} ({b:.0f})" for a, b in found.values()]
                rows.append(
                    [name, str(threads), *times, *(f"{a / clock:.2f}x ({b / processor:.2f}x)" for a, b in others)]
                )
                if threads == 1:
                    detail = list(_by_kernel(trial, checked, asked.rounds * len(trial.cases))), list(_by_step(trial))
            _print(f"pipeline | threads | {OURS}, ms a case (processor) | {THEIRS} | {NEAREST} | {THEIRS} over {OURS} | by nearest", rows, asked.markdown)  # fmt: skip
            print(f"largest differences: {', '.join(f'{n} {v:.2g}' for n, v in off.items())}\n")
            if 1 in asked.threads:
                _print("kernel | calls | ms | by | ms | ratio | apart", detail[0], asked.markdown)
                _print(f"step | {OURS}, ms | in kernels | {THEIRS}, ms", detail[1], asked.markdown)


if __name__ == "__main__":
    main()
