"""What ran, as the methods of a paper: a paragraph a subject, from the record alone, with numbered references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from spinefx.report.bibliography import Bibliography, of_checklists, of_software, of_stage
from spinefx.report.folder import Json, RunFolder, mapping, sequence, text
from spinefx.report.numbers import counted, is_number

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
_SUBJECTS = (
    ("Images and masks", {"loader": "Cases were found and read by", "segmenter": "Masks came from"}),
    (
        "Preparation",
        {"preprocessor": "Images and masks were prepared by", "augmenter": "Training samples were varied by"},
    ),
    ("Geometry", {"geometry_analyser": "Geometry was measured by"}),
    ("Latent features", {"encoder": "Latent features were learnt by"}),
    ("Evaluation", {"evaluator": "Findings were drawn by"}),
)


@dataclass(frozen=True)
class Methods:
    """The methods text: paragraphs (subject, sentences), and the works that they cite, by number."""

    paragraphs: tuple[tuple[str, tuple[str, ...]], ...]
    works: tuple[str, ...]


def kind_of(name: str) -> str:
    """A stage's kind in one spelling: `geometry`, `geometry-analyser` and `geometry_analyser` are one."""
    plain = name.replace("-", "_").lower()
    return "geometry_analyser" if plain.startswith("geometry") else plain


def methods(run: RunFolder) -> Methods:
    """The methods text of what ran."""
    bibliography = Bibliography()
    stages = [mapping(stage) for stage in sequence(run.run.get("stages"))]
    told = []
    known = {kind for _, kinds in _SUBJECTS for kind in kinds}
    for subject, kinds in _SUBJECTS:
        lines = [
            _sentence(kinds[kind_of(text(stage.get("kind")))], stage, bibliography)
            for stage in stages
            if kind_of(text(stage.get("kind"))) in kinds
        ]
        told.append((subject, [*lines, *(_sample(run) if subject == "Preparation" else ())]))
    others = [s for s in stages if kind_of(text(s.get("kind"))) not in known]
    told.append(("Further stages", [_sentence(f"Stage {text(s.get('kind'))} was", s, bibliography) for s in others]))
    told.append(("Partition", list(_split(run))))
    told.append(("Software", list(_software(run, bibliography))))
    bibliography.cite(of_checklists())
    return Methods(tuple((subject, tuple(lines)) for subject, lines in told if lines), bibliography.works)


def _sentence(said: str, stage: Json, bibliography: Bibliography) -> str:
    origin = " ".join(part for part in (text(stage.get("dist")), text(stage.get("version"))) if part)
    summary = text(stage.get("summary")).rstrip(".")
    options = options_text(mapping(stage.get("options")))
    return (
        f"{said} {text(stage.get('name'))}{f' ({origin})' if origin else ''}"
        f"{f': {summary[:1].lower()}{summary[1:]}' if summary else ''}{bibliography.cite(of_stage(stage))}"
        f"{f'; with {options}' if options else '; with its defaults'}."
    )


def options_text(options: Json) -> str:
    """`epochs 5, latent_dim 4`; options without a value are left out."""
    return ", ".join(f"{key} {text(value)}" for key, value in options.items() if text(value) and key != "use")


def _sample(run: RunFolder) -> Iterator[str]:
    """How samples were cut."""
    sample = mapping(run.plan.get("sample"))
    shape, spacing = (" x ".join(map(text, sequence(sample.get(key)))) for key in ("shape", "spacing"))
    if shape and spacing:
        yield f"Each {text(sample.get('structures'))} was cut out on a grid of {shape} voxels of {spacing} mm (z, y, x)."


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


def _software(run: RunFolder, bibliography: Bibliography) -> Iterator[str]:
    versions = mapping(run.run.get("versions"))
    named = "".join(f", {name} {text(value)}" for name, value in versions.items() if name != "spinefx")
    seed = text(run.run.get("seed"))
    version = text(run.run.get("spinefx"))
    yield (
        f"Computed with spinefx{f' {version}' if version else ''}{named}{bibliography.cite(of_software(run))}"
        f"{f'; all random numbers come from seed {seed}' if seed else ''}."
    )
