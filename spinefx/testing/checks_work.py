"""Checks of conduct, for every kind: what a plugin may not do while it works, and that its results can be relied on."""

from __future__ import annotations

from spinefx.contract.scan import Scan
from spinefx.testing.bench import odd_scans, phantom_scan
from spinefx.testing.lab import ConformanceError, Lab, NotApplicableError, named, told
from spinefx.testing.likeness import difference, digests


def it_works_on_a_phantom(lab: Lab) -> None:
    """On a plain phantom it gives a result."""
    if isinstance(lab.begun, Exception):
        raise ConformanceError(
            f"{lab.what} fails on a plain phantom: {told(lab.begun)}; mend that first, the other checks wait for it "
            "(spinefx.testing.phantom_scan, phantom_samples and phantom_study are what it may have got)"
        ) from lab.begun


def it_prints_nothing(lab: Lab) -> None:
    """stdout belongs to the command line."""
    if said := lab.first.seen.said.strip():
        line = said.splitlines()[0][:80]
        raise ConformanceError(
            f"{lab.what} prints to stdout ({line!r}), where programs read results; use logging, or the note of what it gives"
        )


def it_stays_off_the_network(lab: Lab) -> None:
    """A run works offline, and no scan leaves the machine."""
    if asked := lab.first.seen.network:
        raise ConformanceError(
            f"{lab.what} uses the network ({asked[0]}); runs work offline: ship what it needs, or take its path as an option"
        )


def it_writes_nowhere_else(lab: Lab) -> None:
    """Files are written into the workspace it is given, nowhere else."""
    if written := lab.first.seen.written:
        raise ConformanceError(
            f"{lab.what} writes a file of its own ({written[0]}); the engine stores results, so return them; an encoder "
            "may write into its workspace"
        )


def it_leaves_global_chance_alone(lab: Lab) -> None:
    """Random numbers come from a generator that it is given or seeds itself."""
    if drew := lab.second.seen.drew:
        raise ConformanceError(
            f"{lab.what} uses the global random state of {', '.join(drew)}, so that its numbers hang on what ran before; use "
            "the rng or seed that it is given, as in np.random.default_rng(seed)"
        )


def it_leaves_the_process_as_it_was(lab: Lab) -> None:
    """Working folder, environment, NumPy's error handling and threads are as before."""
    if left := lab.second.seen.left:
        raise ConformanceError(f"{lab.what} {left[0]}")


def it_does_not_touch_its_inputs(lab: Lab) -> None:
    """Arrays that it is given hold what they held, and are read-only still."""
    _ = lab.first
    if touched := lab.touched:
        raise ConformanceError(
            f"{lab.what} changes its input ({touched[0]}), which other stages read too; work on a copy: array.copy()"
        )


def the_same_input_gives_the_same_output(lab: Lab) -> None:
    """A second, fresh object gives the same to the last bit."""
    if at := difference(lab.first.digests, lab.second.digests):
        raise ConformanceError(
            f"{lab.what} gives another result the second time (at {at}); all chance must come from the seed or rng that it "
            "is given, and nothing may be remembered between calls"
        )


def another_process_gives_the_same_output(lab: Lab) -> None:
    """A worker that finds it by itself, with another hash seed, gives the same to the last bit."""
    first, options = lab.first, lab.subject.built_options().model_dump(mode="json")
    answer = lab.elsewhere.digests(lab.subject.kind, lab.subject.name, options)
    if "error" in answer:
        raise ConformanceError(
            f"{lab.what} fails in a fresh process ({answer['error']}), as the workers of a run are; it may rely on nothing "
            "that this process has set up"
        )
    if at := difference(first.digests, answer["digests"]):
        raise ConformanceError(
            f"{lab.what} gives another result in another process (at {at}); look for the order of a set, hash(), a global "
            "variable or the time in it"
        )


def one_object_does_many_cases(lab: Lab) -> None:
    """What it gives for a scan does not hang on the scans that it saw before."""
    does = _does(lab)
    alone = digests(does(phantom_scan(1)))
    does(phantom_scan(2))
    if at := difference(alone, digests(does(phantom_scan(1)))):
        raise ConformanceError(
            f"{lab.what} gives another result for a scan after it has seen another one (at {at}); keep nothing of a case in "
            "`self`"
        )


def odd_inputs_get_an_answer(lab: Lab) -> None:
    """Left-handed, one-slice and empty inputs give a result or an error of spinefx's own that names what is wrong."""
    does, wrong = _does(lab), []
    for what, scan in odd_scans(phantom_scan(1)).items():
        if scan.mask is None and lab.asked.kind != "segmenter":
            continue  # which stands before every other stage
        try:
            does(scan)
        except Exception as error:
            if not named(error):
                wrong.append(f"{what} ({told(error)})")
    if wrong:
        raise ConformanceError(
            f"{lab.what} does not answer {' and '.join(wrong)}; give a result, or raise DataError from spinefx.api that says "
            "what is wrong with the scan"
        )


def _does(lab: Lab):  # type: ignore[no-untyped-def]
    """The stage's work on one scan."""
    method = {"segmenter": "segment", "preprocessor": "process", "geometry_analyser": "measure"}.get(lab.asked.kind)
    if method is None or lab.asked.plugin.scope != "scan":
        raise NotApplicableError("it does not work on scans")
    work = getattr(lab.stage, method)

    def does(scan: Scan) -> object:
        return work(scan)

    return does
