"""For authors of plugins: phantoms to try them on, and a suite that says whether they keep the contract.

    import my_package
    from spinefx.testing import parametrize_with_checks

    @parametrize_with_checks(my_package)
    def test_the_plugin_conforms(check):
        check()

`spinefx plugin test PATH` runs the same without pytest. `spinefx.testing.fixtures` holds pytest fixtures
(`pytest_plugins = ["spinefx.testing.fixtures"]`). Nothing in a run imports this room.
"""

from __future__ import annotations

from spinefx.testing.bench import ScanList, fiducial_scan, odd_scans, phantom_samples, phantom_scan, phantom_truth
from spinefx.testing.hostile import write_hostile
from spinefx.testing.lab import ConformanceError
from spinefx.testing.study import phantom_study
from spinefx.testing.subject import Subject, subjects_of
from spinefx.testing.suite import Verdict, check_plugin, parametrize_with_checks, verdicts

__all__ = [
    "ConformanceError", "ScanList", "Subject", "Verdict", "check_plugin", "fiducial_scan", "odd_scans", "parametrize_with_checks",
    "phantom_samples", "phantom_scan", "phantom_study", "phantom_truth", "subjects_of", "verdicts", "write_hostile",
]  # fmt: skip
