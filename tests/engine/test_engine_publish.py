"""`[run] publish`: a finished run's copy elsewhere."""

from __future__ import annotations

import json
import uuid

import fsspec
import pytest
from toy_bench import Bench

from spinefx.contract.errors import PlanError, StoreError
from spinefx.store.run import Run


def test_a_finished_run_stands_at_its_place_and_follows_the_next_one(bench: Bench) -> None:
    place = f"memory://{uuid.uuid4().hex}/discs"
    system, root = fsspec.core.url_to_fs(place)
    for options in ({}, {"epochs": 3}):
        run = bench.run(run={"publish": place}, encode=options)
        there = {path.removeprefix(f"{root}/"): system.cat_file(path) for path in system.find(root)}
        assert json.loads(there.pop("published.json"))["whole"] is True
        here = [path for path in run.folder.rglob("*") if path.is_file() and path.name != ".lock"]
        assert there == {path.relative_to(run.folder).as_posix(): path.read_bytes() for path in here}
        assert f"copy: {place}" in run.summary()


def test_a_place_that_cannot_be_written_costs_the_copy_and_not_the_run(bench: Bench) -> None:
    with pytest.raises(StoreError, match="is whole") as told:
        bench.run(run={"publish": "file:///proc/nowhere/discs"})
    assert told.value.exit_code == 5
    assert Run(bench.folder / "run").record["state"] == "finished"
    bench.lines()
    assert not bench.run().worked
    assert not bench.lines()


@pytest.mark.parametrize("place", ["s3://key:secret@bucket/runs", "runs/discs"])
def test_a_place_that_is_no_url_or_holds_a_secret_is_refused(bench: Bench, place: str) -> None:
    with pytest.raises(PlanError, match="wanted a URL that fsspec takes"):
        bench.plan(run={"publish": place})
