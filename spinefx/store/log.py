"""The run's log: one JSON object a line, with case ids and never a patient's name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spinefx.contract.errors import StoreError
from spinefx.store.files import jsonable


@dataclass(frozen=True)
class Log:
    """Appends events to a file, each line whole."""

    path: Path

    def write(self, event: str, **facts: Any) -> None:
        """One line: time (UTC), event, facts."""
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **jsonable(facts)}
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StoreError(f"{self.path}: cannot write the log: {error.strerror or error}") from error
