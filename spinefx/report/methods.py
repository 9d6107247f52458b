"""What ran, as sentences: one for each stage, from the record alone."""

from __future__ import annotations

from collections.abc import Iterator

from spinefx.report.folder import Json, RunFolder, mapping, sequence, text
from spinefx.report.numbers import counted, is_number

_SAID = {
    "loader": "Cases were found and read by",
    "segmenter": "Masks came from",
    "preprocessor": "Images and masks were prepared by",
    "augmenter": "Training samples were varied by",
    "encoder": "Latent features were learnt by",
    "geometry_analyser": "Geometry was measured by",
    "evaluator": "Findings were drawn by",
}
KINDS = {
    "loader": "Loader",
    "segmenter": "Segmenter",
    "preprocessor": "Preprocessor",
    "augmenter": "Augmenter",
    "encoder": "Encoder",
    "geometry_analyser": "Geometry analyser",
    "evaluator": "Evaluator",
    "engine": "Engine",
}
PARTS = {"train": "training", "validation": "validation", "test": "test"}


def kind_of(name: str) -> str:
    """A stage's kind in one spelling: `geometry`, `geometry-analyser` and `geometry_analyser` are one."""
    plain = name.replace("-", "_").lower()
    return "geometry_analyser" if plain.startswith("geometry") else plain


def methods(run: RunFolder) -> tuple[str, ...]:
    """The methods text, a sentence a stage in the order in which they ran, then the split and the software."""
    return (*_stages(run), *_split(run), *_software(run))


def _stages(run: RunFolder) -> Iterator[str]:
    for stage in map(mapping, sequence(run.run.get("stages"))):
        said = _SAID.get(kind_of(text(stage.get("kind"))), f"Stage {text(stage.get('kind'))} was")
        origin = " ".join(part for part in (text(stage.get("dist")), _version(stage)) if part)
        options = options_text(mapping(stage.get("options")))
        yield (
            f"{said} {text(stage.get('name'))}{f' ({origin})' if origin else ''}"
            f"{f', with {options}' if options else ', with its defaults'}."
        )


def _version(stage: Json) -> str:
    version = text(stage.get("version"))
    return f"stage version {version}" if version else ""


def options_text(options: Json) -> str:
    """`epochs 5, latent_dim 4`; options without a value are left out."""
    return ", ".join(f"{key} {text(value)}" for key, value in options.items() if value is not None and key != "use")


def _split(run: RunFolder) -> Iterator[str]:
    split = mapping(run.run.get("split"))
    counts = [(PARTS.get(part, part), n) for part, n in split.items() if is_number(n)]
    if counts:
        total = sum(int(n) for _, n in counts)
        shares = ", ".join(f"{n} {part}" for part, n in counts)
        yield (
            f"{counted(total, 'patient')} were divided before anything was fitted, each patient on one side only: "
            f"{shares}; everything fitted saw the training and validation patients alone."
        )


def _software(run: RunFolder) -> Iterator[str]:
    versions = mapping(run.run.get("versions"))
    named = [f"{name} {text(value)}" for name, value in versions.items() if name != "spinefx"]
    seed = text(run.run.get("seed"))
    version = text(run.run.get("spinefx"))
    yield (
        f"Computed with spinefx{f' {version}' if version else ''}"
        f"{f' on {chr(44).join(named).replace(chr(44), chr(44) + chr(32))}' if named else ''}"
        f"{f', seed {seed}' if seed else ''}."
    )
