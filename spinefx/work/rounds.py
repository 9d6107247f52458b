"""Every case of a cohort through casework, by whatever executor the plan names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError
from spinefx.contract.stages import Loader
from spinefx.store.cache import PACK_AFTER
from spinefx.store.log import Log
from spinefx.work.cases.casework import Casework
from spinefx.work.cases.outcome import CaseResult, Task, lost
from spinefx.work.executors.memory import room
from spinefx.work.executors.spread import spread
from spinefx.work.folder import known_files, remember_files
from spinefx.work.observers import Observers


def rounds(work: Casework, loader: Loader, cases: Sequence[Case], watch: Observers, log: Log) -> list[CaseResult]:
    """Every case done, cached or quarantined; in the order of `cases`, whoever finished first.

    What is learned of input files is remembered in the cache, and artefacts of finished cases move into packs.

    Raises
    ------
    DataError
        At the first case that fails, under `[run] on_error = "stop"`.
    """
    known = known_files(work.cache.root)
    tasks = [Task(case, {str(p): known[str(p)] for p in case.files.values() if str(p) in known}) for case in cases]
    results: dict[str, CaseResult] = {}
    fresh: list[str] = []
    try:
        for _task, result in _executed(work, loader, tasks, log):
            known.update(result.fingerprints)
            failure = result.failure
            more = dict(vars(failure)) if failure else {}
            more |= {"remarks": result.remarks} if result.remarks else {}
            log.write("case done", case=result.case, outcome=result.outcome, seconds=result.seconds, **more)
            watch.case_done(result.case, result.outcome, result.seconds)
            brief = replace(failure, trace="") if failure else None
            results[result.case] = replace(result, fingerprints={}, failure=brief)
            fresh += result.keys.all if result.keys and result.outcome == "done" else ()
            if len(fresh) >= PACK_AFTER:
                work.cache.pack(fresh)
                fresh.clear()
            if failure and work.plan.run.on_error == "stop":
                raise DataError(
                    f"case {result.case}: {failure.stage} {failure.plugin}: {failure.cause}"
                    '; stopped by [run] on_error = "stop"'
                )
    finally:
        remember_files(work.cache.root, known)
    return [results[case.id] for case in cases]


def _executed(work: Casework, loader: Loader, tasks: Sequence[Task], log: Log) -> Iterator[tuple[Task, CaseResult]]:
    """Each task with its result as it comes, from as many workers as memory has room for."""
    space = room(work.plan.run, loader, [task.case for task in tasks])
    log.write("workers", workers=space.workers, told=space.told)
    run = work.plan.run.model_copy(update={"workers": space.workers})
    return spread(run, work, Casework.from_payload, work.payload(), tasks, lost=lost)
