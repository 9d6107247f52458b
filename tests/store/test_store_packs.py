"""Many artefacts in few files, and the cache's upkeep."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest

from spinefx.contract.errors import StoreError
from spinefx.store import packs
from spinefx.store.cache import Cache
from spinefx.store.claims import claim, claimed, claims
from spinefx.store.lock import locked
from spinefx.store.upkeep import collect, stock, verify


def _key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _filled(root: Path, count: int) -> Cache:
    cache = Cache(root)
    for n in range(count):
        cache.put(_key(n), {"a": np.full((3, n % 5), n, np.float32), "b": np.arange(n, dtype=np.int16)}, {"n": n})
    return cache


def _age(root: Path, days: float) -> None:
    then = time.time() - days * 86400
    for path in [*root.rglob("*"), root]:
        os.utime(path, (then, then))


def test_packing_changes_no_answer_and_leaves_two_files(tmp_path: Path) -> None:
    cache = _filled(tmp_path, 200)
    cache.pack(_key(n) for n in range(200))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2
    for reader in (cache, Cache(tmp_path)):
        for n in range(200):
            kept = reader.require(_key(n))
            assert kept.meta == {"n": n} == reader.meta(_key(n))
            assert (kept.arrays["a"] == n).all()
            assert kept.arrays["a"].shape == (3, n % 5)
            assert np.array_equal(reader.some(_key(n), ["b"])[1][0], np.arange(n))
        assert _key(200) not in reader
        assert reader.get(_key(200)) is None
    assert set(cache.packs.keys()) == {_key(n) for n in range(200)}


def test_a_process_that_looked_before_finds_what_another_packed_since(tmp_path: Path) -> None:
    reader, writer = _filled(tmp_path, 4), Cache(tmp_path)
    assert reader.get(_key(9)) is None
    for n in range(4):
        writer.pack([_key(n)])
        assert reader.require(_key(n)).meta == {"n": n}


def test_a_large_pack_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "LARGEST", 2000)
    cache = _filled(tmp_path, 40)
    cache.pack(_key(n) for n in range(40))
    assert len(cache.packs.files()) > 3
    assert all(cache.require(_key(n)).meta == {"n": n} for n in range(40))


def test_a_damaged_packed_artefact_counts_as_absent_until_it_is_made_again(tmp_path: Path) -> None:
    cache = _filled(tmp_path, 10)
    cache.pack(_key(n) for n in range(10))
    span = cache.span(_key(7))
    assert span is not None
    content = bytearray(span.path.read_bytes())
    content[span.start + span.length - 2] ^= 255
    span.path.write_bytes(bytes(content))
    assert cache.get(_key(7)) is None
    assert cache.get(_key(6)) is not None
    cache.put(_key(7), {"a": np.ones(2)}, "anew")
    assert cache.require(_key(7)).meta == "anew"
    cache.pack([_key(7)])
    assert cache.require(_key(7)).meta == "anew"


@pytest.mark.parametrize("name", ["*.index", "*.pack"])
def test_a_pack_that_is_cut_short_loses_what_it_held_and_nothing_else(tmp_path: Path, name: str) -> None:
    cache = _filled(tmp_path, 10)
    cache.pack(_key(n) for n in range(5))
    (victim,) = (tmp_path / "packs").glob(name)
    cache.pack(_key(n) for n in range(5, 10))
    victim.write_bytes(victim.read_bytes()[:100])
    fresh = Cache(tmp_path)
    assert [n for n in range(10) if fresh.get(_key(n)) is not None] == [5, 6, 7, 8, 9]


def test_a_damaged_file_is_not_packed(tmp_path: Path) -> None:
    cache = _filled(tmp_path, 3)
    path = cache.path(_key(1))
    path.write_bytes(path.read_bytes()[:-1])
    cache.pack(_key(n) for n in range(3))
    assert [cache.get(_key(n)) is not None for n in range(3)] == [True, False, True]


def test_verify_removes_what_is_damaged_and_says_which(tmp_path: Path) -> None:
    cache = _filled(tmp_path, 8)
    cache.pack(_key(n) for n in range(4))
    span = cache.span(_key(2))
    assert span is not None
    content = bytearray(span.path.read_bytes())
    content[span.start + span.length - 2] ^= 255
    span.path.write_bytes(bytes(content))
    cache.path(_key(5)).write_bytes(b"nothing")
    found = verify(cache)
    assert found.entries == 8
    assert set(found.damaged) == {_key(2), _key(5)}
    assert verify(cache).damaged == ()
    assert [n for n in range(8) if _key(n) in Cache(tmp_path)] == [0, 1, 3, 4, 6, 7]


def test_collecting_keeps_what_a_run_stands_on_and_what_is_young(tmp_path: Path) -> None:
    root, out, gone = tmp_path / "cache", tmp_path / "run", tmp_path / "gone"
    out.mkdir()
    gone.mkdir()
    cache = _filled(root, 10)
    claim(root, out, [_key(1), _key(6)])
    claim(root, gone, [_key(2)])
    gone.rmdir()
    cache.pack(_key(n) for n in range(5))
    assert collect(cache, older_s=86400).artefacts == 0
    _age(root, 2)
    cache.put(_key(11), {"a": np.ones(1)})
    assert collect(cache, older_s=86400, dry=True).artefacts == 8
    assert stock(cache).packed == 10
    assert collect(cache, older_s=86400).artefacts == 8
    assert {n for n in range(12) if cache.get(_key(n)) is not None} == {1, 6, 11}
    assert stock(cache).loose == 0


def test_what_a_killed_write_left_is_no_artefact_and_goes_in_time(tmp_path: Path) -> None:
    cache = _filled(tmp_path, 2)
    torn = cache.path(_key(0)).with_name(".tmp-abc.safetensors")
    torn.write_bytes(b"half")
    assert set(cache.loose()) == {_key(0), _key(1)}
    assert verify(cache).damaged == ()
    collect(cache, older_s=3600)
    assert torn.exists()
    _age(tmp_path, 1)
    collect(cache, older_s=3600)
    assert not torn.exists()


def test_a_cache_that_a_run_uses_is_left_alone(tmp_path: Path) -> None:
    cache = _filled(tmp_path / "cache", 1)
    claim(cache.root, tmp_path / "run", ())
    with locked(tmp_path / "run"), pytest.raises(StoreError, match="a run is at work there"):
        collect(cache, older_s=0)


def test_a_claim_is_read_back_and_a_later_one_takes_its_place(tmp_path: Path) -> None:
    assert claimed(tmp_path, tmp_path) is None
    claim(tmp_path, tmp_path, [_key(1), _key(2), _key(1)])
    assert claimed(tmp_path, tmp_path) == {_key(1), _key(2)}
    claim(tmp_path, tmp_path, ())
    assert claimed(tmp_path, tmp_path) == frozenset()
    assert [found.out for found in claims(tmp_path)] == [tmp_path]
