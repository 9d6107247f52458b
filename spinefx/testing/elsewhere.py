"""A fresh process that finds a plugin by itself and puts it to work, as a worker of a run does.

python -m spinefx.testing.elsewhere      reads requests from stdin and answers on stdout, one line of JSON each
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

HEAVY = ("torch", "monai", "SimpleITK", "itk", "skimage", "sklearn", "statsmodels", "tensorflow", "jax", "torchio")
"""Modules that take seconds to import."""


class Elsewhere:
    """The process; one for all plugins of a source. Use it as a context manager, or call `close`."""

    def __init__(self, source: str) -> None:
        self.source = source
        path = os.pathsep.join(dict.fromkeys(str(Path(part).absolute()) for part in sys.path if part))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "4711", "OMP_NUM_THREADS": "1"}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "spinefx.testing.elsewhere"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, env=environment,
        )  # fmt: skip
        self.found = self._asked({"source": source})

    def digests(self, kind: str, name: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """`{"digests": ...}` of what the plugin makes there, or `{"error": ...}`."""
        return self._asked({"kind": kind, "name": name, "options": options})

    def close(self) -> None:
        """End the process."""
        if self._process.stdin and self._process.stdout:
            self._process.stdin.close()
            self._process.wait(timeout=20)
            self._process.stdout.close()
        self._errors.close()

    def _asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if not (self._process.stdin and self._process.stdout):
            return {"error": "the process has no pipes"}
        try:
            self._process.stdin.write(json.dumps(request, default=str) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
            if line:
                answer: Mapping[str, Any] = json.loads(line)
                return answer
        except BrokenPipeError:
            pass
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
        return {"error": f"the process died ({last[0] if last else f'exit code {self._process.poll()}'})"}


def _answer(request: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    from spinefx.testing.exercise import exercised
    from spinefx.testing.likeness import digests
    from spinefx.testing.subject import found_again
    from spinefx.testing.watch import watched

    subject = found_again(source, request["kind"], request["name"])
    with tempfile.TemporaryDirectory(prefix="spinefx-") as folder:
        settled = subject.__class__(subject.kind, subject.plugin, source, request["options"])
        with watched(Path(folder)):
            result = exercised(settled, Path(folder))
        return {"digests": digests(result)}


def _serve(requests: TextIO, answers: TextIO) -> None:
    source = ""
    for line in requests:
        request = json.loads(line)
        answer: Mapping[str, Any]
        try:
            if "source" in request:
                from spinefx.testing.subject import offers_of

                source = request["source"]
                before = set(sys.modules)
                offers_of(source)
                answer = {"heavy": [name for name in HEAVY if name in sys.modules and name not in before]}
            else:
                answer = _answer(request, source)
        except BaseException as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what plugins print is no answer
    _serve(sys.stdin, answers)
