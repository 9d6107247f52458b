"""Files appear whole or not at all; keys follow content; tables are safe to open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from spinefx.api import Case, DataError, Features, Row, StoreError
from spinefx.store.cache import Cache
from spinefx.store.files import atomic_folder, atomic_write, atomic_write_bytes, jsonable, safe_name, sweep
from spinefx.store.keys import Fingerprints, digest, step_key
from spinefx.store.run import Run
from spinefx.store.tables import features_frame, write_table


def test_a_write_that_fails_leaves_the_old_file_and_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    atomic_write_bytes(path, b"old")

    def half(temporary: Path) -> None:
        temporary.write_bytes(b"ne")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        atomic_write(path, half)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with atomic_folder(folder) as new:
        (new / "a").write_text("1")
    with pytest.raises(RuntimeError), atomic_folder(folder) as new:
        (new / "b").write_text("2")
        raise RuntimeError("killed")
    assert [p.name for p in folder.iterdir()] == ["a"]
    with atomic_folder(folder) as new:
        (new / "c").write_text("3")
    assert [p.name for p in folder.iterdir()] == ["c"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_what_a_kill_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".tmp-x").mkdir()
    (tmp_path / ".tmp-y.json").touch()
    (tmp_path / "kept").touch()
    sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_a_folder_that_cannot_be_written_is_named_with_a_remedy(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(StoreError, match=r"file/x: cannot|file: cannot"):
        atomic_write_bytes(blocked / "x", b"")


def test_keys_follow_content_options_and_version_but_not_paths(tmp_path: Path) -> None:
    base = {"version": 1, "options": {"root": tmp_path, "smooth": 2.0}, "parents": "p"}
    key = step_key("loader", "spider", **base)
    assert key == step_key("loader", "spider", **(base | {"options": {"root": tmp_path / "moved", "smooth": 2.0}}))
    others = [{"version": 2}, {"options": {"root": tmp_path, "smooth": 2.5}}, {"parents": "q"}]
    assert len({key, *(step_key("loader", "spider", **(base | change)) for change in others)}) == 4
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_kernels_that_give_other_numbers_give_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier core computed is not taken for what this one would."""
    base = {"version": 1, "options": {}, "parents": ""}
    before = step_key("preprocessor", "resample", **base)
    monkeypatch.setattr("spinefx.store.keys.KERNELS", -1)
    assert step_key("preprocessor", "resample", **base) != before


def test_a_case_is_known_by_the_content_of_its_files(tmp_path: Path) -> None:
    path = tmp_path / "m.mha"
    path.write_bytes(b"one")
    case = Case("1_t2", "1", {"mask": path})
    memory = Fingerprints()
    first = memory.of_case(case)
    assert Fingerprints(dict(memory.known)).of_case(case) == first
    path.write_bytes(b"two!")
    assert Fingerprints(dict(memory.known)).of_case(case) != first
    path.unlink()
    with pytest.raises(DataError, match="not a regular file, or gone"):
        memory.of_case(case)


def test_the_cache_gives_back_what_it_got_and_drops_what_is_damaged(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "empty": np.zeros((0, 4), np.int16)}
    cache.put("ab12", arrays, {"n": 1})
    kept = cache.get("ab12")
    assert kept is not None
    assert np.array_equal(kept.arrays["a"], arrays["a"])
    assert kept.arrays["empty"].shape == (0, 4)
    assert kept.meta == {"n": 1}
    path = cache.path("ab12")
    content = bytearray(path.read_bytes())
    content[-5] ^= 255
    path.write_bytes(bytes(content))
    assert cache.get("ab12") is None
    assert not path.exists()
    with pytest.raises(StoreError, match="gone or damaged"):
        cache.require("ab12")


def test_text_that_looks_like_a_formula_stays_text(tmp_path: Path) -> None:
    row = Row("=1+1", "@sum", "disc", "L5-S1")
    frame = features_frame(Features.of_rows([row], [{"height_mm": -1.5}]))
    write_table(frame, tmp_path, "features", kinds=("parquet", "csv", "xlsx"))
    assert (tmp_path / "features.csv").read_text().splitlines()[1] == "'=1+1,'@sum,disc,L5-S1,-1.5"
    cell = openpyxl.load_workbook(tmp_path / "features.xlsx").active["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    assert pd.read_parquet(tmp_path / "features.parquet")["case"].tolist() == ["=1+1"]


def test_a_table_of_more_rows_than_a_sheet_has_no_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinefx.store.tables.SHEET", 3)
    for count, there in ((3, True), (4, False)):
        rows = [Row(f"c{n}", f"p{n}", "disc", "L5-S1") for n in range(count)]
        frame = features_frame(Features.of_rows(rows, [{"height_mm": float(n)} for n in range(count)]))
        write_table(frame, tmp_path, "features", kinds=("parquet", "csv", "xlsx"))
        assert (tmp_path / "features.xlsx").exists() is there
        assert len(pd.read_csv(tmp_path / "features.csv")) == count


def test_a_csv_written_in_parts_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row(f"c{n}", "=1+1", "disc", "L5-S1") for n in range(7)]
    values = [{"height_mm": n / 3, "wedge_deg": float("nan") if n % 2 else -n * 1e-9} for n in range(7)]
    for count in (0, 1, 7):
        frame = features_frame(Features.of_rows(rows[:count], values[:count]))
        for chunk in (1, 3, 7, 100):
            monkeypatch.setattr("spinefx.store.tables.CHUNK", chunk)
            write_table(frame, tmp_path / str(chunk), "features", kinds=("csv",))
        written = {(tmp_path / str(chunk) / "features.csv").read_bytes() for chunk in (1, 3, 7, 100)}
        assert len(written) == 1
        assert written.pop().decode().count("\n") == count + 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ".hidden", "x" * 300, "", "naïve", "CON:", "a\nb"])
def test_any_case_id_makes_a_file_name_that_stays_in_its_folder(name: str) -> None:
    safe = safe_name(name)
    assert Path(safe).name == safe
    assert not safe.startswith(".")
    assert 0 < len(safe) < 100
    assert safe_name(name + "?") != safe


def test_json_has_no_nan_and_refuses_what_it_does_not_know() -> None:
    assert jsonable({"a": (np.float32("nan"), np.int64(3), {2, 1})}) == {"a": [None, 3, [1, 2]]}
    with pytest.raises(TypeError, match="object has no JSON form"):
        jsonable(object())


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is this a run's folder"):
        _ = Run(tmp_path).exit_code


def test_text_that_no_file_can_hold_as_it_is_still_makes_a_table(tmp_path: Path) -> None:
    import openpyxl
    import pandas as pd

    from spinefx.store.files import atomic_write_json, read_json
    from spinefx.store.tables import write_table

    write_table(pd.DataFrame({"level": ["L5\x00\x07"]}), tmp_path, "t", kinds=("xlsx",))
    assert openpyxl.load_workbook(tmp_path / "t.xlsx").active["A2"].value == "L5\ufffd\ufffd"
    atomic_write_json(tmp_path / "t.json", {"cause": "no file \udcff"})
    assert read_json(tmp_path / "t.json") == {"cause": "no file \udcff"}
