"""Cases on a dask cluster: workers of its own on this machine, or any scheduler that `[run] address` names.

The plan goes to each worker once; a task carries its case and nothing else. Dask moves the cases of a dead worker to
another and gives a case up that outlives none: nothing here schedules.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import dask
from distributed import (
    CancelledError,
    Client,
    Future,
    KilledWorker,
    LocalCluster,
    WorkerPlugin,
    as_completed,
    get_worker,
)
from distributed.worker import thread_state  # type: ignore[attr-defined]

from spinefx.contract.errors import StoreError
from spinefx.work.executors.local import AHEAD, THREADS, Lost, Result, Task, Work, done, main_hidden, overdue

CONNECT_S = 20
"""How long a scheduler may take to answer."""
_OVERDUE = "spinefx-overdue"
"""The topic under which a worker tells that a case has used up its time."""

_works: dict[str, tuple[Work, float | None]] = {}
"""In a worker: what it does and how long a case may take, by the run that it works for."""


def on_dask(
    build: Callable[[Mapping[str, Any]], Work],
    payload: Mapping[str, Any],
    tasks: Sequence[Task],
    *,
    lost: Lost[Task, Result],
    workers: int,
    timeout: float | None,
    retries: int,
    address: str = "",
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result as it comes, from the workers of a dask cluster.

    address : of a running scheduler; without one, `workers` processes are started here and end with the run.
    The others as in `local.processes`. A scheduler of one's own counts retries by its own
    `distributed.scheduler.allowed-failures`.

    Raises
    ------
    StoreError
        If no scheduler answers at `address`, or it is gone before the end.
    """
    run = f"spinefx-{uuid.uuid4().hex[:12]}"
    with ExitStack() as stack:
        client = stack.enter_context(_client(address, workers, retries))
        client.register_plugin(_Seat(run, build, payload, timeout, local=not address), name=run)
        stack.callback(_leave, client, run)
        waiting: dict[Future[Any], Task] = {}
        late: set[str] = set()

        async def expired(event: tuple[float, Any]) -> None:
            late.add(event[1])
            await client.cancel([future for future in waiting if future.key == event[1]], asynchronous=True)

        client.subscribe_topic(_OVERDUE, expired)
        ahead = iter(enumerate(tasks))
        arriving = as_completed()
        while True:
            room = AHEAD * max(1, sum(client.nthreads().values()))
            while len(waiting) < room and (following := next(ahead, None)) is not None:
                number, task = following
                future = client.submit(_do, run, task, pure=False, key=f"{run}-{number}")
                waiting[future] = task
                arriving.add(future)
            if not waiting:
                return
            future = next(arriving)
            task = waiting.pop(future)
            yield task, _result(future, task, lost, timeout if future.key in late else None)


def _result(future: Future[Any], task: Task, lost: Lost[Task, Result], late: float | None) -> Result:
    """What became of a task; `late` is the time limit that it ran past, if it did."""
    try:
        result: Result = done(future.result(), task, lost)
    except CancelledError:
        if late is None:
            raise StoreError(
                "the dask scheduler has dropped a case, or is gone; what is done stays done: run again to go on"
            ) from None
        result = lost(task, overdue(late))
    except KilledWorker as error:
        often = f"its worker died, in each of {error.allowed_failures + 1} attempts: a crash, or out of memory"
        result = lost(task, often if late is None else overdue(late))
    return result


def _leave(client: Client, run: str) -> None:
    """Take the work from the workers, where there is still a scheduler to tell them."""
    if client.status == "running":
        with suppress(OSError):
            client.unregister_worker_plugin(run)


@contextmanager
def _hushed() -> Iterator[None]:
    """Dask's own account of a lost scheduler, traceback and all, is kept from the user: the error says it."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _client(address: str, workers: int, retries: int) -> Iterator[Client]:
    """A client of the scheduler at `address`, or of a cluster made for this run and ended with it."""
    if address:
        try:
            client = Client(address, timeout=CONNECT_S)
        except (OSError, ValueError) as error:
            raise StoreError(
                f"[run] address = {address!r}: no dask scheduler answers there ({error}); start one, or name another"
            ) from error
        with _hushed(), client:
            yield client
        return
    settings = {
        "distributed.scheduler.allowed-failures": retries,
        "distributed.scheduler.worker-saturation": 1.0,  # a case that only waits for a dying worker is not suspected
        **{f"distributed.worker.memory.{name}": False for name in ("target", "spill", "pause", "terminate")},
    }
    with (
        main_hidden(),
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=50,
            env=dict.fromkeys(THREADS, "1"),
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


class _Seat(WorkerPlugin):
    """What every worker gets, one that joins late or starts again too: the work, built once."""

    def __init__(
        self,
        run: str,
        build: Callable[[Mapping[str, Any]], Work],
        payload: Mapping[str, Any],
        timeout: float | None,
        *,
        local: bool,
    ) -> None:
        self.run, self.build, self.payload, self.timeout, self.local = run, build, payload, timeout, local

    def setup(self, worker: Any) -> None:
        """Called by dask in each worker."""
        if self.local:
            os.dup2(2, 1)  # what a plugin prints must not get between the lines of a result
        _works[self.run] = self.build(self.payload), self.timeout

    def teardown(self, worker: Any) -> None:
        """Called by dask when the run is over."""
        _works.pop(self.run, None)


def _do(run: str, task: Any) -> Any:
    """One case, in a worker; past its time limit the process ends, and dask starts another."""
    work, timeout = _works[run]
    if timeout is None:
        return work(task)
    worker, key = get_worker(), thread_state.key

    def end() -> None:
        worker.loop.add_callback(worker.log_event, _OVERDUE, key)
        time.sleep(1.0)  # for the message to leave; without it the case would only be tried again
        os._exit(124)

    watch = threading.Timer(timeout, end)
    watch.daemon = True
    watch.start()
    try:
        return work(task)
    finally:
        watch.cancel()
