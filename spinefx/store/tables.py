"""Tables of a run's folder: parquet for machines, csv and xlsx for people.

Text that a spreadsheet would run as a formula is written so that it stays text.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinefx.contract.features import Features, source_of, unit_of
from spinefx.contract.samples import Latents, Split
from spinefx.store.files import atomic_write, atomic_write_bytes

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
CHUNK = 1 << 16
"""Rows of a csv file that are made ready at a time."""
SHEET = 1_048_575
"""Rows of a sheet that Excel opens, its head aside."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def features_frame(features: Features) -> pd.DataFrame:
    """One row per structure: case, patient, structure, level, then the columns in order."""
    import pandas as pd

    head = [(r.case, r.patient, r.structure, r.level) for r in features.rows]
    frame = pd.DataFrame(head, columns=["case", "patient", "structure", "level"], dtype="str")
    numbers = pd.DataFrame(dict(features.columns), index=frame.index)
    return pd.concat([frame, numbers], axis=1)


def latents_frame(latents: Latents, split: Split) -> pd.DataFrame:
    """One row per sample: case, patient, structure, level, split, z0 ... zN."""
    import pandas as pd

    head = [(r.case, r.patient, r.structure, r.level, split.part[r.patient]) for r in latents.rows]
    frame = pd.DataFrame(head, columns=["case", "patient", "structure", "level", "split"], dtype="str")
    return pd.concat([frame, pd.DataFrame(latents.z, columns=list(latents.names), index=frame.index)], axis=1)


def dictionary_frame(features: Features) -> pd.DataFrame:
    """The data dictionary: feature, unit, definition, the source of it, how many are missing."""
    import pandas as pd

    rows = [
        (name, unit_of(name), *source_of(features.meaning.get(name, "")), int((values != values).sum()))
        for name, values in features.columns.items()
    ]
    return pd.DataFrame(rows, columns=["feature", "unit", "definition", "source", "missing"])


def missing_frame(features: Features) -> pd.DataFrame:
    """Why numbers are missing or doubtful: case, patient, structure, level, feature, reason."""
    import pandas as pd

    rows = [(r.case, r.patient, r.structure, r.level, name, why) for (r, name), why in features.reasons.items()]
    return pd.DataFrame(rows, columns=["case", "patient", "structure", "level", "feature", "reason"], dtype="str")


def write_table(frame: pd.DataFrame, folder: Path, name: str, *, kinds: Sequence[str]) -> None:
    """Write `<name>.<kind>` into `folder` for each kind of `parquet`, `csv`, `xlsx`; same frame, same bytes.

    A frame of more rows than a sheet holds has no workbook.
    """
    for kind in kinds:
        path = folder / f"{name}.{kind}"
        if kind == "parquet":
            atomic_write(path, lambda temporary: frame.to_parquet(temporary, index=False))
        elif kind == "csv":
            atomic_write(path, lambda temporary: _csv(frame, temporary))
        elif len(frame) <= SHEET:
            atomic_write_bytes(path, _xlsx(frame, name))
        else:
            path.unlink(missing_ok=True)


def _csv(frame: pd.DataFrame, path: Path) -> None:
    """Row by row, some at a time: the text of a large table takes more memory than the table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for start in range(0, max(len(frame), 1), CHUNK):
            part = _safe(frame.iloc[start : start + CHUNK])
            part.to_csv(file, index=False, header=start == 0, lineterminator="\n")


def _safe(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy in which no text cell begins like a formula: a leading apostrophe keeps it text."""
    safe = frame.copy()
    for column in safe.columns:
        if not hasattr(safe[column].dtype, "kind") or safe[column].dtype.kind not in "fiub":
            safe[column] = [_quoted(value) for value in safe[column]]
    safe.columns = [_quoted(str(column)) for column in safe.columns]
    return safe


def _quoted(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _xlsx(frame: pd.DataFrame, title: str) -> bytes:
    """The frame as a workbook of one sheet; all text is text, NaN is an empty cell, no time of writing inside."""
    import datetime

    import openpyxl
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = openpyxl.Workbook(write_only=True)
    book.properties.created = book.properties.modified = datetime.datetime(1980, 1, 1)
    sheet = book.create_sheet(title[:31])

    def cell(value: Any) -> Any:
        if isinstance(value, str):
            made = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("\ufffd", value))
            made.data_type = "s"
            return made
        return None if value != value else value

    sheet.append([cell(str(name)) for name in frame.columns])
    for row in frame.itertuples(index=False):
        sheet.append([cell(value) for value in row])
    buffer = io.BytesIO()
    book.save(buffer)
    return _dateless(buffer.getvalue())


def _dateless(archive: bytes) -> bytes:
    """The same zip with every entry dated 1980, so that equal tables are equal bytes."""
    import re

    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", b"1980-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
