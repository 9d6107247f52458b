"""The options of every loader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from spinefx.api import SCHEMES, DataError, Scheme, SchemeError
from spinefx_io.meaning import inline_scheme
from spinefx_io.pattern import compile_pattern

Spacing = Annotated[float, Field(gt=0.05, lt=30.0)]


Budget = Annotated[float, Field(gt=0, description="refuse volumes that need more memory than this, in GB")]
Levels = Annotated[
    Path | None,
    Field(
        description="csv or xlsx of masks that mean something else in single cases: columns case or patient, and lowest (L4, "
        "L6), thoracic (13), or value with structure (7 and partial-vertebra T11, 8 and ignored)"
    ),
]
SchemeName = Annotated[
    str | dict[str, str | tuple[int, ...]],
    Field(
        description=f"what mask values mean: {', '.join(SCHEMES)}; a name in `schemes`; or one of your own, as "
        '{ 1 = "vertebra L5", 201 = "disc L5-S1", 100 = "canal", ignored = [50] }'
    ),
]
SchemesFile = Annotated[Path | None, Field(description="TOML file with label schemes of your own, one table each")]


def _check_scheme(scheme: str | Mapping[str, Any], schemes: Path | None) -> None:
    if not isinstance(scheme, str):
        try:
            inline_scheme("scheme", scheme)
        except SchemeError as error:
            raise ValueError(str(error)) from error
    elif scheme not in SCHEMES and schemes is None:
        raise ValueError(f"no such label scheme; known are {', '.join(map(repr, SCHEMES))}")


def _scheme_is_known(scheme: Any, info: ValidationInfo) -> Any:
    _check_scheme(scheme, info.data.get("schemes"))
    return scheme


class SpiderOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of `spider`."""

    root: Path | tuple[Path, ...] = Field(
        description="the folder that holds images/ and masks/, or several such folders; one with masks/ alone will do"
    )
    series: tuple[str, ...] = Field(
        ("t1", "t2", "t2_SPACE"), min_length=1, description="which series to take, as they end the file names"
    )
    levels: Levels = None
    budget_gb: Budget = 2.0

    @property
    def roots(self) -> tuple[Path, ...]:
        """The data folders, one or several."""
        return (self.root,) if isinstance(self.root, Path) else self.root


def _names_the_case(pattern: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except DataError as error:
        raise ValueError(str(error)) from error
    if "id" not in compiled.groupindex:
        raise ValueError(f"pattern {pattern!r} needs an {{id}}, which names the case")


class FolderOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of `folder`."""

    root: Path = Field(description="the data folder; patterns are relative to it")
    images: str | tuple[str, ...] = Field(
        (),
        description="pattern(s) of image files with named parts: images/{id}_{modality}.nii.gz; {id} names the case, "
        "{patient} and {modality} what they say, any other name becomes a fact; {modality:t1,t2} takes these alone",
    )
    masks: str = Field("", description="pattern of mask files, as masks/{id}.nii.gz; empty where there are none")
    modality: str = Field("image", description="modality of images whose pattern does not name one")
    schemes: SchemesFile = None
    scheme: SchemeName
    levels: Levels = None
    budget_gb: Budget = 2.0

    _check = field_validator("scheme")(_scheme_is_known)

    @model_validator(mode="after")
    def _patterns_work(self) -> Self:
        if not self.patterns and not self.masks:
            raise ValueError('needs `images` or `masks`, a pattern such as "images/{id}.nii.gz"')
        for pattern in (*self.patterns, *([self.masks] if self.masks else [])):
            _names_the_case(pattern)
        return self

    @property
    def patterns(self) -> tuple[str, ...]:
        """The image patterns, one or several."""
        return ((self.images,) if self.images else ()) if isinstance(self.images, str) else self.images


class ManifestOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of `manifest`."""

    table: Path = Field(description="csv, tsv or xlsx with one row per case")
    sheet: str = Field("", description="sheet of an xlsx; the first where empty")
    root: Path | None = Field(None, description="folder that the table's paths start from and stay in; the table's own")
    id: str = Field("id", description="column that names the case")
    patient: str = Field("", description="column that names the patient; the case's id where empty")
    images: tuple[str, ...] = Field((), description="columns with paths of images; a column's name is the modality")
    mask: str = Field("", description="column with paths of masks; empty where there are none")
    facts: tuple[str, ...] = Field((), description="columns kept as facts (sex, age); never one with names of people")
    schemes: SchemesFile = None
    scheme: SchemeName
    levels: Levels = None
    budget_gb: Budget = 2.0

    _check = field_validator("scheme")(_scheme_is_known)


class VerseOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of `verse`."""

    root: Path = Field(description="the data folder; rawdata/ and derivatives/ or everything in one place")
    levels: Levels = None
    budget_gb: Budget = 2.0


class BidsOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of `bids`."""

    root: Path = Field(description="the BIDS folder")
    suffixes: tuple[str, ...] = Field(("T1w", "T2w", "ct"), min_length=1, description="which images to take")
    mask: str = Field("_dseg", description="what a mask's name adds to its image's: _dseg, _label-spine_dseg")
    pipeline: str = Field("", description="derivative that holds the masks, where there are several")
    schemes: SchemesFile = None
    scheme: SchemeName
    levels: Levels = None
    budget_gb: Budget = 2.0

    _check = field_validator("scheme")(_scheme_is_known)


class DicomOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of `dicom`."""

    root: Path = Field(description="the data folder; series are found by what their headers say, whatever the names")
    images: dict[str, str] = Field(
        {},
        description='modality = pattern of its series\' description, as { t1 = "t1*sag*", t2 = "t2*sag*" }; case is '
        "ignored; where empty, a patient's only CT, PET and MR are `ct`, `pet` and `mr`",
    )
    raw_pet: bool = Field(False, description="leave PET in Bq/ml or counts; else its headers turn it into SUVbw")
    regions: dict[str, str] = Field(
        {},
        description="masks from RTSTRUCT contours or SEG segments beside the series: pattern of a region's name = what it "
        'is, as { "L5*" = "vertebra L5", "GTV*" = "tumour" }; case is ignored',
    )
    masks: str = Field("", description="pattern of mask files, as masks/{id}.nii.gz; empty where there are none")
    scheme: SchemeName = ""
    schemes: SchemesFile = None
    levels: Levels = None
    budget_gb: Budget = 2.0

    @model_validator(mode="after")
    def _masks_have_a_scheme(self) -> Self:
        if self.masks:
            _names_the_case(self.masks)
            _check_scheme(self.scheme, self.schemes)
        if self.masks and self.regions:
            raise ValueError("`masks` and `regions` both say where masks come from; keep one")
        if self.regions:
            try:
                Scheme.parse(
                    "regions", {str(i): text for i, text in enumerate(dict.fromkeys(self.regions.values()), 1)}
                )
            except SchemeError as error:
                raise ValueError(str(error)) from error
        if bad := [name for name in self.images if not name.isidentifier() or name == "mask"]:
            raise ValueError(f"{bad[0]!r} cannot be a modality; take letters, digits and _")
        return self


class PhantomOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of `phantom`."""

    patients: int = Field(40, ge=1, le=100_000, description="how many patients to draw")
    seed: int = Field(
        0, ge=0, description="the cohort's own seed; other cohorts of one seed share their first patients"
    )
    levels: int = Field(6, ge=3, le=7, description="labelled vertebrae from L5 upwards")
    modalities: tuple[Literal["t1", "t2", "t2_SPACE", "ct"], ...] = Field(
        ("t2",), min_length=1, description="contrasts to render; all of a patient lie on one grid"
    )
    spacing_mm: tuple[Spacing, Spacing, Spacing] = Field(
        (4.0, 0.6, 0.6), description="voxel size in mm: left-right, antero-posterior, head-foot"
    )
    oblique_deg: float = Field(6.0, ge=0, le=30, description="the scanner is turned by up to this angle, in degrees")
    pir_share: float = Field(
        0.16, ge=0, le=1, description="share of patients with the slices along the first axis (PIR)"
    )
    noise: float = Field(0.03, ge=0, description="noise over the brightness of CSF")
    bias: float = Field(0.25, ge=0, description="strength of the coil's uneven sensitivity")
