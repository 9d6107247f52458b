"""Two runs side by side: what differs in their plans, what both found, and the same cases in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spinefx.report.folder import Json, RunFolder, mapping, sequence, text
from spinefx.report.numbers import is_number
from spinefx.report.pictures import Album, Picture
from spinefx.report.record import shown_first
from spinefx.report.tables import TableView, plain_table, slug, titled

CASES = 60
"""So many cases are shown in both runs at most; those that differ come first."""


@dataclass(frozen=True)
class Said:
    """What one stage says in the first run and in the second."""

    title: str
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True)
class Twin:
    """A case as both runs picture it."""

    case: str
    first: Picture
    second: Picture


@dataclass(frozen=True)
class Comparison:
    """The comparison as the template draws it; `alike` counts the cases whose pictures are the same, byte for byte."""

    names: tuple[str, str]
    plans: TableView | None
    said: tuple[Said, ...]
    tables: tuple[TableView, ...]
    twins: tuple[Twin, ...]
    alike: int
    unshown: int


def comparison(first: RunFolder, second: RunFolder) -> Comparison:
    """The two runs beside each other. Differences are the second's number less the first's."""
    names = (_name(first), _name(second))
    names = names if names[0] != names[1] else (str(first.folder), str(second.folder))
    twins, alike, unshown = _twins(first, second)
    return Comparison(
        names=names,
        plans=_plans(first, second, names),
        said=tuple(_said(first, second)),
        tables=tuple(_tables(first, second, names)),
        twins=twins,
        alike=alike,
        unshown=unshown,
    )


def _name(run: RunFolder) -> str:
    return run.folder.resolve().name


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value of a plan with its path, as text."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
        for i, item in enumerate(value):
            yield from _flat(item, f"{path}[{item.get('use', i)}]")
    else:
        yield path, text(value)


def _plans(first: RunFolder, second: RunFolder, names: tuple[str, str]) -> TableView | None:
    """Options and versions that are not the same; where another plugin is used, those that both have."""
    told = [dict(_flat({**run.plan, "versions": run.run.get("versions")})) for run in (first, second)]
    keys = [key for key in dict.fromkeys([*told[0], *told[1]]) if told[0].get(key) != told[1].get(key)]
    other = tuple(key.removesuffix("use") for key in keys if key.endswith(".use") and all(key in one for one in told))
    keys = [key for key in keys if not key.startswith(other) or all(key in one for one in told)]
    rows = [[key, *(one.get(key, "not there") or "not set" for one in told)] for key in keys]
    return plain_table("plans", "What differs in plan and versions", ("Option", *names), rows) if rows else None


def _stages(run: RunFolder) -> dict[tuple[str, str, int], Json]:
    """Stages by kind, name and how often the two came before."""
    seen: Counter[tuple[str, str]] = Counter()
    stages = {}
    for stage in run.stages:
        key = (text(stage.get("kind")), text(stage.get("name")))
        stages[*key, seen[key]] = mapping(stage.get("findings"))
        seen[key] += 1
    return stages


def _said(first: RunFolder, second: RunFolder) -> Iterator[Said]:
    a, b = _stages(first), _stages(second)
    for key in dict.fromkeys([*a, *b]):
        lines = [tuple(map(text, sequence(mapping(one.get(key)).get("sentences")))) for one in (a, b)]
        if any(lines):
            yield Said(titled(key[1]), lines[0], lines[1])


def _tables(first: RunFolder, second: RunFolder, names: tuple[str, str]) -> Iterator[TableView]:
    """Tables that both runs have: one line a number, those that differ."""
    a, b = _stages(first), _stages(second)
    for key in a:
        others = {text(t.get("name")): t for t in map(mapping, sequence(mapping(b.get(key)).get("tables")))}
        for table in map(mapping, sequence(a[key].get("tables"))):
            other = others.get(text(table.get("name")))
            if other is not None:
                view = _table(f"{slug(key[1])}-{key[2]}-{slug(text(table.get('name')))}", table, other, names)
                if view is not None:
                    yield view


def _table(id_: str, first: Json, second: Json, names: tuple[str, str]) -> TableView | None:
    told = [_numbers(first), _numbers(second)]
    both = [key for key in told[0] if key in told[1]]
    rows = [
        [*key, told[0][key], told[1][key], told[1][key] - told[0][key]] for key in both if told[0][key] != told[1][key]
    ]
    apart = len(told[0].keys() ^ told[1].keys())
    if not rows and not apart:
        return None
    same = len(both) - len(rows)
    caption = f"{same} of {len(both)} numbers are equal and left out."
    caption += f" {apart} more stand in one run only." if apart else ""
    title = text(first.get("title")) or titled(text(first.get("name")))
    heads = ("Which", "Number", *names, "difference")
    return plain_table(id_, title, heads, rows, caption=caption, folded=len(rows) > 30) if rows else None


def _numbers(table: Json) -> dict[tuple[str, str], float]:
    """(the row's words, the column) -> number; equal rows are told apart by how often they came before."""
    columns = [mapping(column) for column in sequence(table.get("columns"))]
    heads = [text(column.get("title")) or text(column.get("name")) for column in columns]
    rows = [list(sequence(row)) for row in sequence(table.get("rows"))]
    wordy = [i for i in range(len(heads)) if any(isinstance(row[i], str) for row in rows if i < len(row))]
    seen: Counter[str] = Counter()
    numbers = {}
    for row in rows:
        which = ", ".join(text(row[i]) for i in wordy if i < len(row) and text(row[i]))
        seen[which] += 1
        which = which if seen[which] == 1 else f"{which} ({seen[which]})"
        for i, value in enumerate(row):
            if i not in wordy and is_number(value) and i < len(heads):
                numbers[which, heads[i]] = value
    return numbers


def _twins(first: RunFolder, second: RunFolder) -> tuple[tuple[Twin, ...], int, int]:
    """Cases with a picture in both runs that is not the same; how many are the same; how many more differ."""
    others = {text(case.get("case")): case for case in second.cases}
    albums = [Album(run, budget=10_000_000) for run in (first, second)]
    twins: list[Twin] = []
    alike = unshown = 0
    for case in shown_first(first):
        other = others.get(text(case.get("case")))
        names = [text(one.get("picture")) for one in (case, other or {})]
        contents = [run.content(name) if name else None for run, name in zip((first, second), names, strict=True)]
        if None in contents:
            continue
        if contents[0] == contents[1]:
            alike += 1
            continue
        pictures = [album.embed(name) for album, name in zip(albums, names, strict=True)] if len(twins) < CASES else []
        if len(pictures) == 2 and pictures[0] and pictures[1]:
            twins.append(Twin(text(case.get("case")), pictures[0], pictures[1]))
        else:
            unshown += 1
    return tuple(twins), alike, unshown
