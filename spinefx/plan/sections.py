"""The sections of a pipeline that are the engine's own, and their options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

STAGES = {
    "data": "loader",
    "segment": "segmenter",
    "preprocess": "preprocessor",
    "augment": "augmenter",
    "encode": "encoder",
    "geometry": "geometry_analyser",
    "evaluate": "evaluator",
}
"""Stage table -> the kind of plugin it names."""

MANY = frozenset({"preprocess", "augment", "geometry", "evaluate"})
"""Stage tables that are lists: `[[geometry]]`."""

SECTIONS = (
    "run", "data", "labels", "split", "segment", "preprocess", "sample", "augment", "encode", "geometry", "evaluate",
    "report",
)  # fmt: skip
"""Every section, in the order of the corridor."""

_ADDRESS = r"^([a-z]+://[^\s/]+)?$"
_PLACE = r"^([a-z0-9+.-]+://[^\s@]+)?$"
_DEVICE = r"^(cpu|cuda(:[0-9]{1,2})?)$"


class Section(BaseModel):
    """A section that is the engine's: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def _ids(value: Any) -> Any:
    return [str(item) if isinstance(item, int) else item for item in value] if isinstance(value, list) else value


def _three(value: Any) -> Any:
    return (value,) * 3 if isinstance(value, int | float) and not isinstance(value, bool) else value


def _known_device(value: Any) -> Any:
    if isinstance(value, str) and not re.match(_DEVICE, value):
        raise ValueError("wanted 'cpu', 'cuda' or a numbered one such as 'cuda:1'")
    return value


def _known_address(value: Any) -> Any:
    if isinstance(value, str) and not re.match(_ADDRESS, value):
        raise ValueError("wanted where a dask scheduler listens, as 'tcp://node1:8786'")
    return value


def _known_place(value: Any) -> Any:
    if isinstance(value, str) and not re.match(_PLACE, value):
        told = (
            "; credentials belong where its driver looks for them, not in a plan that is kept" if "@" in value else ""
        )
        raise ValueError(f"wanted a URL that fsspec takes, as 's3://bucket/runs/discs'{told}")
    return value


Millimetres = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Extent = Annotated[int, Field(ge=1, le=1024)]
Share = Annotated[float, Field(ge=0, lt=1)]
Patients = Annotated[
    Share | tuple[str, ...], BeforeValidator(_ids, json_schema_input_type=Share | tuple[str | int, ...])
]


class RunOptions(Section):
    """`[run]`: where results go and how the work is done; no number in the results depends on how, `seed` aside (and the
    ids, by which patients are dealt to folds)."""

    out: Path = Field(Path("runs/pipeline"), description="folder of the run; `runs/<name of the TOML>` unless given")
    seed: int = Field(0, ge=0, lt=2**63, description="the one source of all randomness")
    workers: int = Field(0, ge=0, le=1024, description="cases worked on at a time; 0 is one for each core")
    executor: Literal["serial", "processes", "dask"] = Field(
        "processes",
        description="`processes`: a pool that survives a dying worker; `serial`: in this process, one case at a time; "
        "`dask`: the workers of a dask cluster",
    )
    address: Annotated[str, BeforeValidator(_known_address)] = Field(
        "",
        pattern=_ADDRESS,
        description="of a running dask scheduler, as `tcp://node1:8786`; a cluster on this machine unless given",
    )
    publish: Annotated[str, BeforeValidator(_known_place)] = Field(
        "",
        pattern=_PLACE,
        description="where a copy of the run's folder is kept, as `s3://bucket/runs/discs` or any other place that fsspec "
        "reaches; brought up to date when the run is finished, only what has changed",
    )
    device: Annotated[str, BeforeValidator(_known_device)] = Field(
        "cpu",
        pattern=_DEVICE,
        description="where encoders are fitted: cpu, cuda or cuda:1; never chosen behind your back",
    )
    hash_ids: Path | None = Field(
        None,
        description="file with a secret of 16 bytes or more: cases and patients, in label tables too, are called by 16 hex "
        "digits of their ids' HMAC-SHA256 under it, and messages name no file of theirs",
    )
    plugins: tuple[Path, ...] = Field((), description="plugin files to load beside the installed ones")
    on_error: Literal["quarantine", "stop"] = Field(
        "quarantine", description="a failing case is set aside and the rest go on, or the run stops"
    )
    timeout: float = Field(
        3600.0,
        ge=0,
        allow_inf_nan=False,
        description="seconds that one case may take (not with executor `serial`); 0: no limit",
    )
    retries: int = Field(
        1, ge=0, le=10, description="how often a case is tried again after its worker died; a crash may be another's"
    )

    @model_validator(mode="before")
    @classmethod
    def _one_worker(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("executor") == "serial" and "workers" not in data:
            return {**data, "workers": 1}
        return data

    @model_validator(mode="after")
    def _agree(self) -> RunOptions:
        if self.executor == "serial" and self.workers != 1:
            raise ValueError(f"executor 'serial' has one worker, `workers` is {self.workers}; wanted 'processes'")
        if self.address and self.executor != "dask":
            raise ValueError(f"`address` is a dask scheduler's, `executor` is {self.executor!r}; wanted 'dask'")
        return self


class SplitOptions(Section):
    """`[split]`: who is fitted on and who is not; always by patient, made before anything is fitted."""

    by: Literal["patient"] = Field("patient", description="what is never divided between parts")
    folds: int = Field(5, ge=2, le=100, description="folds of the cross-validation, over all patients")
    test: Patients = Field(0.2, description="share of the patients held out from every fit, or a list of patient ids")
    validation: Patients = Field(
        0.15, description="share of the other patients for early stopping, or a list of patient ids"
    )
    stratify: str | None = Field(None, description="label whose distribution the parts share; none unless given")

    @model_validator(mode="after")
    def _apart(self) -> SplitOptions:
        if isinstance(self.test, tuple) and isinstance(self.validation, tuple):
            both = sorted(set(self.test) & set(self.validation))
            if both:
                raise ValueError(f"patients {', '.join(both[:5])} are named in `test` and in `validation`")
        return self


_BOXES: dict[str, dict[str, Any]] = {
    "disc": {"shape": (32, 64, 64), "spacing": 1.0},
    "vertebra": {"shape": (64, 96, 96), "spacing": 1.0},
    "spine": {"shape": (128, 64, 64), "spacing": 2.0},
}


class SampleOptions(Section):
    """`[sample]`: the boxes that are cut around structures for the encoder."""

    structures: Literal["disc", "vertebra", "spine"] = Field("disc", description="what one sample shows")
    shape: tuple[Extent, Extent, Extent] = Field(
        (32, 64, 64), description="voxels of the box, (z, y, x); 32x64x64 for discs, 64x96x96, 128x64x64 for spines"
    )
    spacing: Annotated[
        tuple[Millimetres, Millimetres, Millimetres],
        BeforeValidator(_three, json_schema_input_type=Millimetres | tuple[Millimetres, Millimetres, Millimetres]),
    ] = Field((1.0, 1.0, 1.0), description="voxel size in mm, one number or (z, y, x); 1, and 2 for spines")
    channels: tuple[str, ...] = Field(
        ("mask",),
        min_length=1,
        description="what the encoder sees: `mask`, `distance` (signed distance to its surface in mm, "
        "negative inside), or a modality of the scan such as `t2`",
    )
    frame: Literal["world", "structure"] = Field(
        "world", description="axes of the box: `world` keeps a structure's orientation, `structure` takes it out"
    )
    margin: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="mm that must be left between the structure and the box's edge"
    )

    @model_validator(mode="before")
    @classmethod
    def _fit_box(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("structures"), str):
            return {**_BOXES.get(data["structures"], {}), **data}
        return data


class ReportOptions(Section):
    """`[report]`: the HTML file at the end."""

    title: str = Field("", max_length=200, description="heading of the report; the run folder's name unless given")
    pictures: int = Field(
        1000,
        ge=0,
        description="how many cases at most have pictures, spread over the cohort by chance where there are more",
    )
    viewer: bool = Field(False, description="put a three-dimensional viewer into the report (adds about 4 MB)")
    phi: bool = Field(False, description="show patient ids as they are in the data; pseudonyms otherwise")


def default_stages(*, labelled: bool) -> dict[str, Any]:
    """The stage tables of a pipeline that names none; `predict` only where there is a `[labels]` section."""
    evaluators = ["reconstruction", "correlate", *(["predict"] if labelled else [])]
    return {
        "segment": {"use": "mask"},
        "preprocess": [],
        "augment": [],
        "encode": {"use": "conv-ae"},
        "geometry": [{"use": "disc"}, {"use": "space"}, {"use": "traversal"}],
        "evaluate": [{"use": name} for name in evaluators],
    }
