"""Where cases run: here, or in worker processes that may die without taking more than their case along.

This module imports nothing heavy: a worker must set its thread limits before NumPy is loaded.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "SPINEFX_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
_AHEAD = 2


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
    lost: Callable[[Task, str], Result],
    workers: int,
    timeout: float | None,
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result as it comes, from `workers` spawned processes.

    build : made once in each worker from `payload`; must be importable.
    lost : what to give for a task whose worker died or ran past `timeout` seconds; told the cause in words.
    """
    from pebble import ProcessPool

    pool = ProcessPool(workers, initializer=_start, initargs=(build, payload), context=_Context())
    waiting: dict[Future[Any], Task] = {}
    ahead = iter(tasks)
    try:
        while True:
            while len(waiting) < workers * _AHEAD and (task := next(ahead, None)) is not None:
                waiting[pool.schedule(_do, args=[task], timeout=timeout)] = task
            if not waiting:
                break
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                task = waiting.pop(future)
                yield task, _result(future, task, lost, timeout)
        pool.close()  # type: ignore[no-untyped-call]
    except BaseException:
        pool.stop()  # type: ignore[no-untyped-call]
        raise
    finally:
        pool.join()


def _result(future: Future[Any], task: Task, lost: Callable[[Task, str], Result], timeout: float | None) -> Result:
    from pebble import ProcessExpired

    try:
        result: Result | _Interrupted = future.result()
    except ProcessExpired as error:
        return lost(task, _died(error.exitcode))
    except TimeoutError:
        return lost(task, f"took longer than [run] timeout = {timeout:g} s; its worker was stopped")
    return lost(task, "KeyboardInterrupt: raised by a plugin") if isinstance(result, _Interrupted) else result


def _died(code: int | None) -> str:
    """Why a worker ended, in words."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory? try fewer workers)" if name == "SIGKILL" else ""
        return f"its worker died of {name}{hint}"
    return f"its worker ended by itself with exit code {code}"


@contextmanager
def _main_hidden() -> Iterator[None]:
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
        with _main_hidden():
            return SpawnProcess._Popen(process_obj)


class _Context(SpawnContext):
    Process = _Process


class _Interrupted:
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
        return _Interrupted()
