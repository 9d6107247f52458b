"""The conformance suite: which checks each kind of plugin must pass, and how they are run, with pytest or without."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from spinefx.contract.errors import PluginError
from spinefx.testing import checks_learning as learning
from spinefx.testing import checks_numbers as numbers
from spinefx.testing import checks_offer as offer
from spinefx.testing import checks_scans as scans
from spinefx.testing import checks_work as work
from spinefx.testing.elsewhere import Elsewhere
from spinefx.testing.lab import ConformanceError, Lab, NotApplicableError, told
from spinefx.testing.subject import Options, Subject, subjects_of
from spinefx.testing.watch import watched

Check = Callable[[Lab], None]

OFFER: tuple[Check, ...] = (
    offer.the_offer_says_what_it_is, offer.its_options_survive_a_round_trip, offer.its_key_follows_version_and_options,
    offer.it_is_found_without_heavy_imports,
)  # fmt: skip
CONDUCT: tuple[Check, ...] = (
    work.it_works_on_a_phantom, work.it_prints_nothing, work.it_stays_off_the_network, work.it_writes_nowhere_else, work.it_leaves_global_chance_alone,
    work.it_leaves_the_process_as_it_was, work.it_does_not_touch_its_inputs, work.the_same_input_gives_the_same_output,
    work.another_process_gives_the_same_output,
)  # fmt: skip
SCANS: tuple[Check, ...] = (work.one_object_does_many_cases, work.odd_inputs_get_an_answer)
KINDS: Mapping[str, tuple[Check, ...]] = {
    "loader": (scans.it_lists_the_same_cases_twice, scans.it_gives_sane_geometry, scans.it_refuses_damaged_files),
    "segmenter": (*SCANS, scans.it_keeps_the_grid, learning.a_trained_segmenter_saves_and_loads),
    "preprocessor": (*SCANS, scans.it_keeps_fiducials_in_place),
    "augmenter": (
        learning.its_changes_fit_the_sample, learning.strength_zero_changes_nothing, learning.it_does_change_something,
    ),
    "encoder": (
        learning.its_latents_are_of_the_samples, learning.a_sample_is_encoded_for_itself, learning.it_saves_and_loads,
        learning.it_refuses_a_damaged_model,
    ),
    "geometry_analyser": (
        *SCANS, numbers.its_numbers_are_of_the_case, numbers.a_rigid_motion_changes_no_size,
        numbers.a_larger_patient_measures_larger, numbers.its_measures_are_right_on_phantoms,
    ),
    "latent_analyser": (numbers.its_rows_are_the_study_s, numbers.its_findings_are_plain),
    "evaluator": (numbers.its_findings_are_plain, numbers.it_finds_what_was_planted, numbers.it_finds_nothing_else),
}  # fmt: skip
"""What each kind must pass beside `OFFER` and `CONDUCT`."""


@dataclass(frozen=True)
class Verdict:
    """How one check of one plugin ended: `passed`, `failed` or `not applicable`, and what is to be said about it."""

    plugin: str
    check: str
    outcome: str
    said: str = ""


def checks_of(subject: Subject) -> tuple[Check, ...]:
    """The checks of a plugin, in the order in which faults are best mended."""
    kind = "latent_analyser" if subject.plugin.scope == "latents" else subject.kind
    return (*OFFER, *CONDUCT, *KINDS[kind])


def title(check: Check) -> str:
    """`the same input gives the same output`."""
    return check.__name__.replace("study_s", "study's").replace("_", " ")


def verdicts(subject: Subject, elsewhere: dict[str, Elsewhere] | None = None) -> Iterator[Verdict]:
    """Every check, tried; nothing is raised but what stops all checks (options that are missing)."""
    with Lab(subject, elsewhere) as lab:
        for check in checks_of(subject):
            yield _tried(lab, check)


def check_plugin(
    source: ModuleType | str | Path | Sequence[Subject],
    *,
    options: Mapping[str, Options] | None = None,
    truths: Mapping[str, Mapping[str, str]] | None = None,
    waived: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Check every plugin that a source offers.

    source : an imported module, the path of a plugin file, the name of an installed package or plugin, or subjects.
    options : plugin name -> the options it is tried with, or a function that makes data in an empty folder and returns them.
    truths : plugin name -> {its feature: name of the phantom's truth}, where names differ.
    waived : plugin name -> {check: why it does not apply}.

    Raises
    ------
    ConformanceError
        An AssertionError that lists every fault found, each with what to do.
    PluginError
        If the source offers no plugin, or one cannot be built with the options given.
    """
    subjects = subjects_of(source, options=options, truths=truths, waived=waived)
    elsewhere: dict[str, Elsewhere] = {}
    try:
        found = [v for subject in subjects for v in verdicts(subject, elsewhere) if v.outcome == "failed"]
    finally:
        for process in elsewhere.values():
            process.close()
    if found:
        raise ConformanceError("\n".join(verdict.said for verdict in found))


def parametrize_with_checks(
    source: ModuleType | str | Path | Sequence[Subject],
    *,
    options: Mapping[str, Options] | None = None,
    truths: Mapping[str, Mapping[str, str]] | None = None,
    waived: Mapping[str, Mapping[str, str]] | None = None,
) -> Any:
    """A decorator that makes one pytest test of every check; arguments as in `check_plugin`.

    @parametrize_with_checks(my_package)
    def test_the_plugin_conforms(check):
        check()
    """
    import pytest

    parameters = []
    for subject in subjects_of(source, options=options, truths=truths, waived=waived):
        parameters += [
            pytest.param(_Bound(subject, check), id=f"{subject.name}-{check.__name__}") for check in checks_of(subject)
        ]
    return pytest.mark.parametrize("check", parameters)


@dataclass(frozen=True, eq=False)
class _Bound:
    """A check of a plugin, ready to be called by a test; checks of one plugin share their work."""

    subject: Subject
    check: Check

    def __call__(self) -> None:
        import pytest

        verdict = _tried(_lab(self.subject), self.check)
        if verdict.outcome == "failed":
            raise ConformanceError(verdict.said)
        if verdict.outcome == "not applicable":
            pytest.skip(verdict.said)


def _tried(lab: Lab, check: Check) -> Verdict:
    name = lab.asked.name
    if why := lab.asked.waived.get(check.__name__):
        return Verdict(name, check.__name__, "not applicable", why)
    try:
        with watched(lab.folder):  # whatever is tried, nothing is printed, sent or written elsewhere
            check(lab)
    except NotApplicableError as error:
        return Verdict(name, check.__name__, "not applicable", str(error))
    except PluginError:
        raise
    except ConformanceError as fault:
        return Verdict(name, check.__name__, "failed", str(fault))
    except Exception as error:
        return Verdict(
            name, check.__name__, "failed", f"{lab.what} raised {told(error)} where {title(check)} was checked"
        )
    return Verdict(name, check.__name__, "passed")


_labs: dict[int, Lab] = {}
_processes: dict[str, Elsewhere] = {}


def _lab(subject: Subject) -> Lab:
    """The lab of a subject, kept for its next check; that of the one before is closed."""
    if id(subject) not in _labs:
        for lab in _labs.values():
            lab.close()
        _labs.clear()
        for source in [s for s in _processes if s != subject.source]:
            _processes.pop(source).close()
        _labs[id(subject)] = Lab(subject, _processes)
    return _labs[id(subject)]


@atexit.register
def _close() -> None:
    for lab in _labs.values():
        lab.close()
    for process in _processes.values():
        process.close()
