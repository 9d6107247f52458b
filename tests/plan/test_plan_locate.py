"""Positions of keys, held against tomllib: every key it reads is found, and the text at its place is the key."""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinefx.plan.locate import KeyPath, locate


def key_paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key path of what tomllib read."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from key_paths(item, (*path, key))


DOCUMENT = '''# a comment with [brackets] = and "quotes
top = """two "quoted" lines
[not.a.table]
x = 1 \\"""" # still the end
[run]
out = 'C:\\new'   # literal
  seed = 3
"quoted key".'odd.one' = { a = 1, b.c = [1, { d = "}" }] }
list = [ # comment ]
  1.5, "a,]b",
  [2, 3],
]
[[geometry]]
use = "disc"
[geometry.inner]
deep = inf
[[geometry]]
use = "space"
[[geometry.sub]]
k = 1979-05-27T07:32:00Z
[[geometry.sub]]
k = 07:32:00
'''


def test_every_key_of_a_document_with_all_kinds_of_toml_is_found() -> None:
    assert set(key_paths(tomllib.loads(DOCUMENT))) <= set(locate(DOCUMENT))


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("top",), 2, 1),
        (("run",), 5, 1),
        (("run", "seed"), 7, 3),
        (("run", "quoted key", "odd.one"), 8, 14),
        (("run", "quoted key", "odd.one", "b", "c"), 8, 37),
        (("run", "quoted key", "odd.one", "b", "c", 1, "d"), 8, 47),
        (("run", "list", 1), 10, 8),
        (("run", "list", 2, 1), 11, 7),
        (("geometry", 0), 13, 1),
        (("geometry", 0, "inner", "deep"), 16, 1),
        (("geometry", 1, "use"), 18, 1),
        (("geometry", 1, "sub", 1, "k"), 22, 1),
    ],
)
def test_a_key_is_told_by_its_line_and_column(path: KeyPath, line: int, column: int) -> None:
    assert locate(DOCUMENT)[path] == (line, column)


def test_windows_line_ends_do_not_move_lines() -> None:
    assert locate(DOCUMENT.replace("\n", "\r\n")) == locate(DOCUMENT)


KEYS = st.one_of(
    st.sampled_from(["use", "a", "b-c", "7", "run"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=6).map(
        lambda text: json.dumps(text, ensure_ascii=False)
    ),
    st.sampled_from(["''", "'a.b'", "' # '", "'\"'"]),
)
SCALARS = st.sampled_from(
    [
        "1",
        "-2.5e3",
        "true",
        "inf",
        "1979-05-27",
        '""',
        '"a # b"',
        "'''x\n[y]\n'''",
        '"""\n"a" \\\n = """',
        "'[c]'",
        '"\\"]"',
    ]
)
GAPS = st.sampled_from(["", " ", "\t", "\n", " # ] , }\n"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(st.tuples(GAPS, inner, GAPS), max_size=3).map(
            lambda items: "[" + ",".join(f"{a}{v}{b}" for a, v, b in items) + "]"
        ),
        st.lists(st.tuples(KEYS, inner), max_size=3).map(
            lambda items: "{ " + ", ".join(f"{key} = {value}" for key, value in items) + " }"
        ),
    ),
    max_leaves=6,
)
DOTTED = st.lists(KEYS, min_size=1, max_size=3).map(" . ".join)
LINES = st.one_of(
    st.tuples(DOTTED, VALUES).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    DOTTED.map(lambda key: f"[{key}]"),
    DOTTED.map(lambda key: f"[[ {key} ]] # note"),
    st.sampled_from(["", "# [x]", "   "]),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=8).map("\n".join))
def test_whatever_tomllib_reads_is_found_at_its_place(text: str) -> None:
    spots = locate(text)
    with contextlib.suppress(tomllib.TOMLDecodeError):
        lines = text.split("\n")
        for path in key_paths(tomllib.loads(text)):
            line, column = spots[path]
            here = lines[line - 1][column - 1 :]
            key = path[-1]
            if isinstance(key, str) and not here.startswith("["):
                assert here.startswith((key, json.dumps(key, ensure_ascii=False), f"'{key}'"))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab.=[]{}\"'#,\\ \n\t1", max_size=60))
def test_no_text_makes_the_scan_fail(text: str) -> None:
    spots = locate(text)
    assert all(line >= 1 and column >= 1 for line, column in spots.values())
    with contextlib.suppress(tomllib.TOMLDecodeError):
        assert set(key_paths(tomllib.loads(text))) <= set(spots)


def test_nesting_beyond_the_limit_still_places_the_key_itself() -> None:
    assert locate("deep = " + "[" * 200 + "]" * 200)[("deep",)] == (1, 1)
