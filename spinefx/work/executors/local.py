"""Where cases run: here, or in worker processes that may die without taking more than their case along.

This module imports nothing heavy: a worker must set its thread limits before NumPy is loaded.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, Protocol, TypeVar

from spinefx.contract.errors import StoreError

Task = TypeVar("Task")
Result = TypeVar("Result")

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "SPINEFX_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
AHEAD = 2
"""Tasks handed out for each worker, so that none waits for the driver."""

STARTS = 5
"""How often workers may die before any has a case in work, with no result between."""
LOOK_S = 5.0
"""How often a pool that gives no result is asked whether it still works."""

Lost = Callable[[Task, str], Result]
"""What to give for a task whose worker died or ran past its time; told the cause in words."""


def count(workers: int) -> int:
    """How many workers: as asked for, or (0) one for each core that this process may use."""
    if workers:
        return workers
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Work(Protocol):
    """What a worker does: built once in each process, called once a task."""

    def __call__(self, task: Any, /) -> Any:
        """The task's result; what it raises is a bug."""
        ...


def serial(work: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, one after the other, in this process."""
    for task in tasks:
        yield task, work(task)


def processes(
    build: Callable[[Mapping[str, Any]], Work],
    payload: Mapping[str, Any],
    tasks: Sequence[Task],
    *,
    lost: Lost[Task, Result],
    workers: int,
    timeout: float | None,
    retries: int,
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result as it comes, from `workers` spawned processes.

    build : made once in each worker from `payload`; must be importable.
    lost : what to give for a task whose worker died `1 + retries` times, or ran past `timeout` seconds (once).

    Raises
    ------
    StoreError
        If workers die `STARTS` times in a row before any has a task in work.
    """
    from pebble import ProcessExpired

    pool = _pool(build, payload, workers)
    waiting: dict[Future[Any], tuple[Task, int]] = {}
    ahead = iter(tasks)
    again: list[tuple[Task, int]] = []
    starts = 1

    def schedule(task: Task, attempt: int) -> None:
        try:
            waiting[pool.schedule(_do, args=[task], timeout=timeout)] = task, attempt
        except RuntimeError:  # it broke meanwhile
            again.append((task, attempt))

    try:
        while True:
            while not again and len(waiting) < workers * AHEAD and (task := next(ahead, None)) is not None:
                schedule(task, 1)
            if not waiting and again:  # no worker had a task when one died, and the pool gave up
                if starts == STARTS:
                    raise StoreError(_stillborn(starts))
                starts += 1
                _end(pool)
                pool = _pool(build, payload, workers)
                kept, again = again, []
                for task, attempt in kept:
                    schedule(task, attempt)
            if not waiting and not again:
                break
            finished, _ = wait(waiting, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            if not finished and not pool.active:  # broken before it had looked at them
                again += waiting.values()
                waiting.clear()
            for future in finished:
                task, attempt = waiting.pop(future)
                try:
                    result = done(future.result(), task, lost)
                except BrokenExecutor:
                    again.append((task, attempt))
                    continue
                except ProcessExpired as error:
                    if attempt <= retries:
                        schedule(task, attempt + 1)
                        continue
                    result = lost(task, died(error.exitcode, attempt))
                except TimeoutError:
                    result = lost(task, overdue(timeout))
                starts = 1
                yield task, result
    finally:
        _end(pool)


def _pool(build: Callable[[Mapping[str, Any]], Work], payload: Mapping[str, Any], workers: int) -> Any:
    """A pool whose workers have been started."""
    from pebble import ProcessPool

    pool = ProcessPool(workers, initializer=_start, initargs=(build, payload), context=_Context())
    try:
        # in a thread of its own: an interrupt lands in this one, and must not leave a worker half started
        with ThreadPoolExecutor(1) as starting:
            starting.submit(lambda: pool.active).result()
    except BaseException:
        _end(pool)
        raise
    return pool


def _end(pool: Any) -> None:
    pool.stop()
    pool.join()


def _stillborn(times: int) -> str:
    return (
        f"worker processes died {times} times in a row before any had a case in work; out of memory? "
        'Try fewer workers ([run] workers), or [run] executor = "serial" to see the cause'
    )


def done(result: Result | Interrupted, task: Task, lost: Lost[Task, Result]) -> Result:
    """The result, or what stands for that of a task which its plugin ended as if the user had."""
    return lost(task, "KeyboardInterrupt: raised by a plugin") if isinstance(result, Interrupted) else result


def overdue(timeout: float | None) -> str:
    """That a case has used up its time, in words."""
    return f"took longer than [run] timeout = {timeout or 0:g} s; its worker was stopped"


def died(code: int | None, attempts: int) -> str:
    """Why a worker ended, in words."""
    often = f", in each of {attempts} attempts" if attempts > 1 else ""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory? try fewer workers)" if name == "SIGKILL" else ""
        return f"its worker died of {name}{hint}{often}"
    return f"its worker ended by itself with exit code {code}{often}"


@contextmanager
def main_hidden() -> Iterator[None]:
    """Keep a new process from running the caller's script again, so that scripts need no `if __name__` guard."""
    main = sys.modules["__main__"]
    kept: dict[str, Any] = {name: vars(main)[name] for name in ("__spec__", "__file__") if name in vars(main)}
    try:
        vars(main)["__spec__"] = None
        vars(main).pop("__file__", None)
        yield
    finally:
        vars(main).update(kept)


class _Process(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802
        with main_hidden():
            return SpawnProcess._Popen(process_obj)


class _Context(SpawnContext):
    Process = _Process


class Interrupted:
    """In place of a result: the work raised KeyboardInterrupt of its own accord."""


_work: Work | None = None


def _start(build: Callable[[Mapping[str, Any]], Work], payload: Mapping[str, Any]) -> None:
    """In a fresh worker: one thread each, Ctrl-C left to the parent, then the work itself."""
    global _work
    for name in THREADS:
        os.environ.setdefault(name, "1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # what a plugin prints must not get between the lines of a result
    _work = build(payload)


def _do(task: Any) -> Any:
    if _work is None:
        raise RuntimeError("worker was not started")
    try:
        return _work(task)
    except KeyboardInterrupt:  # never the user's: SIGINT is ignored here
        return Interrupted()
