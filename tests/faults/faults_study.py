"""The cohort that faults are injected into, as a command of its own; and what must come out, whatever happens."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from spinefx.store.cache import Cache
from spinefx.store.files import TEMPORARY
from spinefx.store.upkeep import verify

RESULTS = ("features.parquet", "latents.parquet", "findings.json", "split.json")
"""What must be byte-identical, however often a run was disturbed."""

_JOURNAL = '''
import os
from pathlib import Path
from pydantic import BaseModel
from spinefx.api import Features, Plugin, hookimpl


class Options(BaseModel, frozen=True, extra="forbid"):
    path: Path


class Journal:
    """Writes down, past every cache, that a case is worked on."""

    def __init__(self, options):
        self.options = options

    def measure(self, scan):
        handle = os.open(self.options.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{scan.case.id}\\n".encode())
        os.close(handle)
        return Features.of_case(scan.case, {"seen": 1.0})


@hookimpl
def spinefx_geometry_analysers():
    return [Plugin(name="journal", api=1, version=1, summary="Writes down.", options=Options, build=Journal)]
'''

_PIPELINE = """
[run]
out = "run"
workers = {workers}
executor = "{executor}"
plugins = ["journal.py"]
[data]
use = "phantom"
patients = {patients}
levels = 3
spacing_mm = [6.0, 2.0, 2.0]
[labels]
[sample]
shape = [12, 16, 16]
spacing = 4.0
[encode]
use = "{encoder}"
latent_dim = 2
[[geometry]]
use = "journal"
path = "journal.txt"
[[geometry]]
use = "disc"
[[evaluate]]
use = "reconstruction"
"""


class Study:
    """A phantom cohort of small volumes in a folder of its own.

    folder : where the pipeline, the run and the cache lie.   environment : of every command.
    """

    def __init__(self, folder: Path, *, patients: int = 12, executor: str = "processes", encoder: str = "pca") -> None:
        self.folder, self.patients = folder, patients
        self.workers = 1 if executor == "serial" else 2
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "journal.py").write_text(_JOURNAL)
        settings = {"patients": patients, "executor": executor, "workers": self.workers, "encoder": encoder}
        (folder / "pipeline.toml").write_text(_PIPELINE.format(**settings))

    @property
    def out(self) -> Path:
        """The run's folder."""
        return self.folder / "run"

    def start(self, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """`spinefx run` in a process group of its own."""
        code = "from spinefx.cli import main; raise SystemExit(main(['run', '--quiet']))"
        command = [sys.executable, "-P", "-c", code]
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.folder, env=environment, start_new_session=True, **pipes)  # type: ignore[call-overload,no-any-return]

    def finish(self) -> tuple[int, str]:
        """`spinefx run` to its end: exit code, and what it said on stderr."""
        process = self.start()
        said = process.communicate(timeout=600)[1]
        return process.returncode, said.decode()

    def results(self) -> dict[str, bytes]:
        """The files that must not change."""
        return {name: (self.out / name).read_bytes() for name in RESULTS}

    def works(self) -> Counter[str]:
        """How often each case was worked on since the last `forget`."""
        path = self.folder / "journal.txt"
        return Counter(path.read_text().split()) if path.exists() else Counter()

    def problems(self) -> Iterator[str]:
        """What is not as it must be between runs: broken JSON, damaged artefacts."""
        for path in self.folder.rglob("*.json"):
            if path.name.startswith(TEMPORARY):
                continue
            try:
                json.loads(path.read_text())
            except ValueError:
                yield f"{path.relative_to(self.folder)} is broken"
        if damaged := verify(Cache(self.folder / ".spinefx-cache")).damaged:
            yield f"{len(damaged)} damaged artefacts"

    def forget(self) -> None:
        """Back to the beginning."""
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.rmtree(self.folder / ".spinefx-cache", ignore_errors=True)
        (self.folder / "journal.txt").unlink(missing_ok=True)
