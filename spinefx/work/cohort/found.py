"""What a stage of the cohort found, as it will lie in the run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spinefx.contract.findings import Findings
from spinefx.store.records import findings_json


@dataclass(frozen=True)
class Found:
    """What one cohort stage found: its findings as JSON, and the files that they name."""

    kind: str
    name: str
    findings: dict[str, Any]
    pictures: dict[str, bytes]

    @classmethod
    def failed(cls, kind: str, name: str, cause: str) -> Found:
        """What stands in the report where a stage failed; the rest goes on."""
        return cls(kind, name, *findings_json(Findings(warnings=(f"This stage failed: {cause}",))))
