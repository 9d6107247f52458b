"""`python tests/io/scheme_table.py`: the label schemes as the table of docs/data-in.md."""

from __future__ import annotations

from spinefx.api import SCHEMES, Scheme


def ranges(values: list[int]) -> str:
    """`1-25, 100` for whole numbers."""
    parts: list[list[int]] = []
    for value in sorted(values):
        if parts and value == parts[-1][1] + 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ", ".join(f"{a}-{b}" if a != b else f"{a}" for a, b in parts)


def row(name: str, scheme: Scheme) -> str:
    """One scheme: the values of vertebrae and discs with their first and last level, and everything else by kind."""
    cells = []
    for kind in ("vertebra", "disc"):
        of_kind = {
            value: s.level for value, s in scheme.table.items() if s.kind == kind and not s.level.startswith("V")
        }
        ends = f" ({of_kind[min(of_kind)]} .. {of_kind[max(of_kind)]})" if of_kind else ""
        cells.append(f"{ranges(list(of_kind))}{ends}" if of_kind else "-")
    kinds = dict.fromkeys(s.kind for s in scheme.table.values() if s.kind not in ("vertebra", "disc"))
    others = [f"{kind} {ranges([v for v, s in scheme.table.items() if s.kind == kind])}" for kind in kinds]
    return (
        f"| `{name}` | {cells[0]} | {cells[1]} | {'; '.join(others) or '-'} | {ranges(list(scheme.ignored)) or '-'} |"
    )


def table() -> str:
    """The table as Markdown."""
    head = "| `scheme` | vertebrae | discs | other | ignored |\n|---|---|---|---|---|\n"
    return head + "\n".join(row(name, scheme) for name, scheme in SCHEMES.items()) + "\n"


if __name__ == "__main__":
    print(table())
