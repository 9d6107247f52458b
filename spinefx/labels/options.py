"""What `[labels]` in a pipeline.toml may say."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field


class LabelKey(BaseModel, frozen=True, extra="forbid"):
    """Which columns of a table say whose label a row holds.

    `patient` alone: one row per patient. With `level` (`L5-S1`, `L5`) or `ivd` (1 = L5-S1, counted upwards): one row
    per level. With both, `ivd` decides and a level that contradicts it is reported.
    """

    patient: str = Field(description="column with the patient's id, as the loader has it")
    level: str | None = Field(None, description="column with the level, such as L5-S1 for a disc or L5 for a vertebra")
    ivd: str | None = Field(None, description="column with the disc's number, 1 = L5-S1, counted upwards")
    rater: str | None = Field(
        None, description='column that says who read; every other column is then kept once for each, as "Grade (AB)"'
    )


class LabelOptions(BaseModel, frozen=True, extra="forbid"):
    """The `[labels]` table of a pipeline."""

    table: Path | None = Field(None, description="xlsx or csv file with the labels; none means the loader's own labels")
    others: tuple[Path, ...] = Field(
        (),
        description="tables of other raters, joined by patient and level; their columns stand beside the first's, with the "
        "table's name behind a name that is there already",
    )
    sheet: str | None = Field(None, description="sheet of an xlsx file; not needed where one sheet holds the table")
    key: LabelKey | None = Field(None, description="columns that say whose label it is; known tables need none")
    targets: tuple[str, ...] = Field((), description="columns to be explained; none means every column")
    covariates: tuple[str, ...] = Field((), description="columns that explain (age, sex), never targets")
