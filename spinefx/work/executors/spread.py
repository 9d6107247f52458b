"""Tasks spread over whatever `[run] executor` names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from spinefx.contract.errors import PlanError
from spinefx.plan.sections import RunOptions
from spinefx.work.executors import local
from spinefx.work.executors.local import Lost, Result, Task, Work


def spread(
    run: RunOptions,
    work: Work,
    build: Callable[[Mapping[str, Any]], Work],
    payload: Mapping[str, Any],
    tasks: Sequence[Task],
    *,
    lost: Lost[Task, Result],
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result as it comes.

    work : what does a task in this process; used by `serial`.
    build : makes the same from `payload`, once in each worker process; must be importable.
    lost : what to give for a task whose worker died or ran past its time; told the cause in words.

    Raises
    ------
    PlanError
        If the executor is `dask` and dask.distributed is not installed.
    """
    if run.executor == "serial":
        return local.serial(work, tasks)
    limits: dict[str, Any] = {"timeout": run.timeout or None, "retries": run.retries}
    workers = max(1, min(local.count(run.workers), len(tasks)))
    if run.executor == "dask":
        try:
            from spinefx.work.executors.cluster import on_dask
        except ImportError as error:
            raise PlanError(
                '[run] executor = "dask" needs dask.distributed: pip install \'spinefx[dask]\', or choose "processes"'
            ) from error
        return on_dask(build, payload, tasks, lost=lost, workers=workers, address=run.address, **limits)
    return local.processes(build, payload, tasks, lost=lost, workers=workers, **limits)
