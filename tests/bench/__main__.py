"""`python -m tests.bench [words] [--rounds 7] [--slow]`: each kernel beside its peers, in one process.

For every row: the median time of spinefx (all threads, and one), of each peer that is installed, their ratio to spinefx, the bar,
and how far the results are apart. Rounds are interleaved, so that a noisy machine hurts all alike; ratios hold from run to
run, milliseconds do not. Every call starts after a rest, since other libraries' threads spin for a while after their work
and would take a processor from the next one. `words` picks rows by name; --slow adds peers that take seconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from spinefx import kernels
from tests.bench.anatomy import cases as anatomy_cases
from tests.bench.augmenting import cases as augmenting_cases
from tests.bench.case import Case
from tests.bench.filters import cases as filter_cases
from tests.bench.measures import cases as measure_cases
from tests.bench.reading import cases as reading_cases
from tests.bench.sampling import cases as sampling_cases

REST = 0.005
"""Seconds before each call: threads of other libraries spin for a while after their work, on the next one's processor."""


def measured(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    time.sleep(REST)
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def run(case: Case, rounds: int, slow: bool) -> list[str]:
    """The lines of one row."""
    threads = kernels.threads()

    def alone() -> object:
        kernels.set_threads(1)
        try:
            return case.ours()
        finally:
            kernels.set_threads(threads)

    calls: dict[str, Callable[[], object]] = {"spinefx": case.ours, "1 thread": alone, **case.peers}
    if slow:
        calls |= case.slow_peers
    ours = case.ours()
    agreement = {name: case.agreement(ours, peer()) for name, peer in calls.items() if name in case.agreeing}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            if name not in case.slow_peers or len(times[name]) < 2:
                times[name].append(measured(call))
    median = {name: statistics.median(t) for name, t in times.items()}
    lines = [f"{case.name}"]
    for name, ms in median.items():
        ratio = ms / median["spinefx"]
        bar = case.bars.get(name)
        verdict = "" if bar is None else f"   bar {bar:g}x {'met' if ratio >= bar else 'NOT met'}"
        apart = f"   {agreement[name]}" if name in agreement else ""
        lines.append(f"    {name:<28}{ms:>10.3f} ms {ratio:>9.2f}x{verdict}{apart}")
    return lines


def main() -> None:
    """Runs and prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slow", action="store_true")
    options = parser.parse_args()
    print(f"instruction set {kernels.isa()}, {kernels.threads()} threads")
    rows = (
        *sampling_cases(),
        *filter_cases(),
        *measure_cases(),
        *reading_cases(),
        *augmenting_cases(),
        *anatomy_cases(),
    )
    for make in rows:
        name = make.__name__.replace("_", " ")
        if all(word in name for word in options.words):
            print("\n".join(run(make(), options.rounds, options.slow)), flush=True)


if __name__ == "__main__":
    main()
