"""`python -m tests.bench [words] [--rounds 7] [--slow] [--markdown] [--processor]`: each kernel beside its peers, in one process.

For every row: the median time of spinefx (all threads, and one), of each peer that is installed, their ratio to spinefx, the bar,
and how far the results are apart. Rounds are interleaved, so that a noisy machine hurts all alike; ratios hold from run to
run, milliseconds do not. Every call starts after a rest, since other libraries' threads spin for a while after their work
and would take a processor from the next one. `words` picks rows by name; --slow adds peers that take seconds, --markdown prints
the table of docs/core.md, --processor takes the processor time of all threads, for machines where others work too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

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


def measured(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """Milliseconds of one call."""
    time.sleep(REST)
    start = clock()
    call()
    return 1e3 * (clock() - start)


@dataclass(frozen=True)
class Row:
    """A row as measured: median milliseconds by name (ours first, then ours on one thread), and what agreement says."""

    case: Case
    ms: dict[str, float]
    agreement: dict[str, str]

    def verdict(self, name: str) -> str:
        """Whether the bar against a peer is met; empty where there is none."""
        bar, ratio = self.case.bars.get(name), self.ms[name] / self.ms["spinefx"]
        return "" if bar is None else f"bar {bar:g}x {'met' if ratio >= bar else 'NOT met'}"

    def plain(self) -> str:
        """A line for each who was measured."""
        lines = [self.case.name]
        for name, ms in self.ms.items():
            said = "".join(f"   {text}" for text in (self.verdict(name), self.agreement.get(name, "")) if text)
            lines.append(f"    {name:<28}{ms:>10.3f} ms {ms / self.ms['spinefx']:>9.2f}x{said}")
        return "\n".join(lines)

    def markdown(self) -> str:
        """One row of the table in docs/core.md."""
        ours, alone = self.ms["spinefx"], self.ms["1 thread"]
        peers = [name for name in self.ms if name not in ("spinefx", "1 thread")]
        bars = [self.verdict(name).removeprefix("bar ") for name in peers]
        return (
            "| "
            + " | ".join(
                (
                    self.case.name,
                    f"{ours:.3g} ms",
                    f"{alone:.3g} ms",
                    "; ".join(f"{name} {self.ms[name] / ours:.3g}x" for name in peers),
                    "; ".join(
                        f"{n} {bar}" if len(peers) > 1 else bar for n, bar in zip(peers, bars, strict=True) if bar
                    ),
                    "; ".join(self.agreement.values()),
                )
            )
            + " |"
        )


def run(case: Case, rounds: int, slow: bool, clock: Callable[[], float] = time.perf_counter) -> Row:
    """Measures one row."""
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
                times[name].append(measured(call, clock))
    return Row(case, {name: statistics.median(t) for name, t in times.items()}, agreement)


def main() -> None:
    """Runs and prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--processor", action="store_true")
    options = parser.parse_args()
    clock = time.process_time if options.processor else time.perf_counter
    print(f"instruction set {kernels.isa()}, {kernels.threads()} threads")
    if options.markdown:
        print("\n| row | spinefx | on one thread | peer over spinefx | bar | agreement |\n|---|---|---|---|---|---|")
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
            row = run(make(), options.rounds, options.slow, clock)
            print(row.markdown() if options.markdown else row.plain(), flush=True)


if __name__ == "__main__":
    main()
