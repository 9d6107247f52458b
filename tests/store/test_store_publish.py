"""A run's folder at any place that fsspec reaches: sent once, whole or known not to be, and nothing of others touched."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from spinefx.contract.errors import StoreError
from spinefx.store.publish import MANIFEST, publish


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with files, one below another folder, one hidden."""
    out = tmp_path / "run"
    (out / "qc").mkdir(parents=True)
    (out / "run.json").write_text("{}")
    (out / "features.csv").write_text("case\n1\n")
    (out / "qc" / "1.png").write_bytes(b"\x89PNG")
    (out / ".lock").write_text("held")
    return out


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place where nothing is yet."""
    return f"memory://{uuid.uuid4().hex}/runs/discs" if request.param == "memory" else f"file://{tmp_path}/there/discs"


def _there(url: str) -> dict[str, bytes]:
    system, root = fsspec.core.url_to_fs(url)
    return {path.removeprefix(f"{root}/"): system.cat_file(path) for path in system.find(root)}


def _here(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file() and p.name != ".lock"}


def _copied(url: str) -> dict[str, bytes]:
    there = _there(url)
    assert json.loads(there.pop(MANIFEST))["whole"] is True
    return there


def test_all_but_hidden_files_are_there_byte_for_byte(out: Path, url: str) -> None:
    assert publish(out, url) == (3, 0)
    assert _copied(url) == _here(out)


def test_the_second_time_only_what_changed_is_sent_and_what_is_gone_goes(out: Path, url: str) -> None:
    publish(out, url)
    assert publish(out, url) == (0, 0)
    (out / "features.csv").write_text("case\n2\n")
    (out / "qc" / "1.png").unlink()
    assert publish(out, url) == (1, 1)
    assert _copied(url) == _here(out)


def test_files_of_others_are_neither_written_over_nor_removed(out: Path, url: str) -> None:
    system, root = fsspec.core.url_to_fs(url)
    system.makedirs(root)
    system.pipe_file(f"{root}/run.json", b"theirs")
    with pytest.raises(StoreError, match="no run was published there"):
        publish(out, url)
    assert _there(url) == {"run.json": b"theirs"}


def test_a_neighbour_in_a_published_folder_stays(out: Path, url: str) -> None:
    publish(out, url)
    system, root = fsspec.core.url_to_fs(url)
    system.pipe_file(f"{root}/notes.txt", b"theirs")
    (out / "features.csv").unlink()
    publish(out, url)
    assert _copied(url) == _here(out) | {"notes.txt": b"theirs"}


class Failing(MemoryFileSystem):
    """Memory whose line breaks after some files."""

    protocol = "failing"
    store: dict[str, object] = {}  # noqa: RUF012 - as its parent has it
    left = 0

    def put_file(self, lpath: str, rpath: str, **options: object) -> None:
        if Failing.left == 0:
            raise ConnectionResetError("the line broke")
        Failing.left -= 1
        super().put_file(lpath, rpath, **options)


@pytest.fixture
def failing() -> Iterator[str]:
    fsspec.register_implementation("failing", Failing, clobber=True)
    Failing.store.clear()
    yield "failing://bucket/discs"
    Failing.store.clear()


def test_a_copy_that_broke_off_is_known_by_its_manifest_and_gone_on_with(out: Path, failing: str) -> None:
    Failing.left = 3
    publish(out, failing)
    first = _here(out)
    (out / "features.csv").write_text("case\n2\n")
    (out / "qc" / "1.png").write_bytes(b"other")
    Failing.left = 1
    with pytest.raises(StoreError, match=r"cannot publish: ConnectionResetError: the line broke.*is whole"):
        publish(out, failing)
    assert json.loads(_there(failing)[MANIFEST])["whole"] is False
    # back to what was there first: what the broken call did send must not pass for it
    (out / "features.csv").write_bytes(first["features.csv"])
    (out / "qc" / "1.png").write_bytes(first["qc/1.png"])
    Failing.left = 9
    assert publish(out, failing) == (2, 0)
    assert _copied(failing) == first


def test_a_place_without_a_driver_says_what_to_install(out: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere://x.*whole"):
        publish(out, "nowhere://x/y")


def test_a_manifest_that_leads_out_of_its_folder_is_refused(out: Path, url: str, tmp_path: Path) -> None:
    publish(out, url)
    system, root = fsspec.core.url_to_fs(url)
    system.pipe_file(f"{root.rpartition('/')[0]}/mine.txt", b"mine")
    manifest = json.loads(system.cat_file(f"{root}/{MANIFEST}"))
    manifest["files"]["../mine.txt"] = "0"
    system.pipe_file(f"{root}/{MANIFEST}", json.dumps(manifest).encode())
    with pytest.raises(StoreError, match="leads out of its folder"):
        publish(out, url)
    assert system.cat_file(f"{root.rpartition('/')[0]}/mine.txt") == b"mine"


def test_a_damaged_manifest_is_named(out: Path, url: str) -> None:
    publish(out, url)
    system, root = fsspec.core.url_to_fs(url)
    system.pipe_file(f"{root}/{MANIFEST}", b"[")
    with pytest.raises(StoreError, match="not a manifest of spinefx"):
        publish(out, url)
