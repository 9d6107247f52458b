"""Reporting checklists beside what this report answers: CLAIM (2024) and TRIPOD+AI (2024), gaps marked.

The items are named in our own short words; the checklists themselves are to be filled in from their papers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Status = Literal["here", "in part", "gap"]


@dataclass(frozen=True)
class Item:
    """An item. `needs`: parts of the report that answer it; `authors`: what only the authors can write."""

    number: int
    topic: str
    needs: tuple[str, ...] = ()
    authors: str = ""


@dataclass(frozen=True)
class Answered:
    """An item, how far this report answers it, the parts to look at (title, id), and what is left to write."""

    number: int
    topic: str
    status: Status
    links: tuple[tuple[str, str], ...]
    left: str


_YOURS = "for the authors to write"

CLAIM = (
    Item(1, "Title names the AI method"),
    Item(2, "Structured abstract"),
    Item(3, "Background, intended use, clinical role"),
    Item(4, "Aims and hypotheses"),
    Item(5, "Prospective or retrospective"),
    Item(6, "Goal of the study"),
    Item(7, "Sources of the data", ("methods",), "where, when and by whom they were collected"),
    Item(8, "Inclusion and exclusion", ("flow",), "criteria applied before the data reached the loader"),
    Item(9, "Preprocessing", ("methods",)),
    Item(10, "Selection of subsets of the data", ("methods", "flow")),
    Item(11, "De-identification", (), "how identifiers were removed before"),
    Item(12, "Handling of missing data", ("missing",)),
    Item(13, "Image acquisition", (), "scanner, sequences and protocol"),
    Item(14, "Definition of the reference standard", ("labels",), "how each label was read, and from what"),
    Item(15, "Reason for this reference standard"),
    Item(16, "Who annotated, with which qualification"),
    Item(17, "Annotation of the test set"),
    Item(18, "Variability between and within raters", ("agreement",)),
    Item(19, "How data were assigned to partitions", ("split", "methods")),
    Item(20, "Level at which partitions are disjoint", ("split", "methods")),
    Item(21, "Intended sample size", (), "its justification"),
    Item(22, "Description of the model", ("methods", "files")),
    Item(23, "Software, with versions", ("provenance",)),
    Item(24, "Initialisation of the parameters", ("provenance",)),
    Item(25, "Training, with augmentation and hyperparameters", ("methods", "training")),
    Item(26, "How the final model was chosen", ("methods", "training")),
    Item(27, "Ensembles", ("methods",)),
    Item(28, "Metrics of performance", ("results",)),
    Item(29, "Uncertainty and significance", ("results",)),
    Item(30, "Robustness or sensitivity", ("agreement",)),
    Item(31, "Explainability", ("explorer",)),
    Item(32, "Evaluation on internal data", ("results",)),
    Item(33, "Testing on external data", (), "run the model on another cohort: `spinefx encode`"),
    Item(34, "Registration of a clinical trial"),
    Item(35, "Numbers included and excluded", ("flow",)),
    Item(36, "Demographic and clinical characteristics by partition", ("table-one",)),
    Item(37, "Performance with uncertainty on all partitions", ("results",)),
    Item(38, "Estimates of diagnostic performance", ("prediction",)),
    Item(39, "Failure analysis", ("cases", "results"), "why the worst cases failed"),
    Item(40, "Limitations", ("limits",), "those that a program cannot see"),
    Item(41, "Implications for practice"),
    Item(42, "Protocol and technical details", ("provenance", "files")),
    Item(43, "Availability of software, model and data", ("files", "provenance"), "where others find them"),
    Item(44, "Funding and its role"),
)

TRIPOD_AI = (
    Item(1, "Title"),
    Item(2, "Abstract"),
    Item(3, "Background, target population, health inequalities"),
    Item(4, "Objectives"),
    Item(5, "Data: sources and dates", ("methods",), "dates, and how representative they are"),
    Item(6, "Participants: setting, eligibility, treatments", ("flow",), "setting, eligibility and treatments"),
    Item(7, "Preparation of the data", ("methods",)),
    Item(8, "Outcome: definition, assessment, blinding", ("labels",), "who assessed it, blinded to what"),
    Item(9, "Predictors: choice, definition, measurement", ("dictionary", "methods")),
    Item(10, "Sample size", (), "its justification"),
    Item(11, "Missing data", ("missing",)),
    Item(12, "Analytical methods", ("methods", "results")),
    Item(13, "Class imbalance", ("labels", "prediction")),
    Item(14, "Fairness", (), "performance in the groups that matter"),
    Item(15, "Output of the model", ("prediction",)),
    Item(16, "Differences between training and evaluation data", ("table-one",)),
    Item(17, "Ethical approval"),
    Item(
        18,
        "Open science: funding, interests, protocol, data, code",
        ("files", "provenance"),
        "all but code and versions",
    ),
    Item(19, "Patient and public involvement"),
    Item(20, "Flow and characteristics of participants", ("flow", "table-one")),
    Item(21, "Numbers of participants and events in each analysis", ("prediction",)),
    Item(22, "Specification of the model", ("files",)),
    Item(23, "Performance with intervals, in subgroups too", ("results",), "subgroups other than levels"),
    Item(24, "Updating of the model"),
    Item(25, "Interpretation, with fairness"),
    Item(26, "Limitations", ("limits",), "those that a program cannot see"),
    Item(27, "Usability in current care"),
)

CHECKLISTS = (
    (
        "CLAIM",
        CLAIM,
        "Tejani AS, Klontzas ME, Gatti AA, et al. Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 "
        "update. Radiol Artif Intell 6:e240300 (2024). doi:10.1148/ryai.240300",
    ),
    (
        "TRIPOD+AI",
        TRIPOD_AI,
        "Collins GS, Moons KGM, Dhiman P, et al. TRIPOD+AI statement: updated guidance for reporting clinical prediction "
        "models that use regression or machine learning methods. BMJ 385:e078378 (2024). doi:10.1136/bmj-2023-078378",
    ),
)
"""Name, items and source of each checklist."""


def answered(item: Item, parts: Mapping[str, tuple[str, str]]) -> Answered:
    """The item against the parts that this report has: key -> (title, id)."""
    links = tuple(dict.fromkeys(parts[need] for need in item.needs if need in parts))
    absent = [need for need in item.needs if need not in parts]
    if not links:
        wanted = f"this run has no {', no '.join(absent)}" if absent else ""
        return Answered(item.number, item.topic, "gap", (), "; ".join(filter(None, [wanted, item.authors])) or _YOURS)
    whole = not absent and not item.authors
    left = "; ".join(filter(None, [item.authors, *(f"this run has no {need}" for need in absent)]))
    return Answered(item.number, item.topic, "here" if whole else "in part", links, left)


@dataclass(frozen=True)
class Crosswalk:
    """A checklist with its answers, and how many of each status."""

    name: str
    source: str
    items: tuple[Answered, ...]

    def count(self, status: Status) -> int:
        """How many items stand so."""
        return sum(item.status == status for item in self.items)


def crosswalk(parts: Mapping[str, tuple[str, str]]) -> tuple[Crosswalk, ...]:
    """Every checklist against the parts that this report has: key -> (title, id)."""
    return tuple(
        Crosswalk(name, source, tuple(answered(item, parts) for item in items)) for name, items, source in CHECKLISTS
    )
