"""Whoever is killed in training goes on, and ends with the bytes of a straight run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from learn_samples import cohort, conv_ae, fitting, killed_at, split
from spinefx_autoencoder.checkpoint import CHECKPOINT

from spinefx.api import DataError

_KILLED = """
import os, signal, sys
from pathlib import Path
from learn_samples import cohort, conv_ae, fitting, split
train, validation, _ = split(cohort(5)[0], validation=1, test=1)
def die(done, epochs, losses):
    if done == 2:
        os.kill(os.getpid(), signal.SIGKILL)
conv_ae(epochs=4).fit(fitting(train, validation, Path(sys.argv[1]), epoch_done=die))
"""


def _parts():
    train, validation, _ = split(cohort(5)[0], validation=1, test=1)
    return train, validation


def _bytes(model, folder: Path) -> bytes:
    model.save(folder)
    return (folder / "weights.safetensors").read_bytes()


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    model = conv_ae(epochs=4)
    history = model.fit(fitting(*_parts(), folder / "work"))
    return _bytes(model, folder / "model"), tuple(history)


def test_a_fit_stopped_after_any_epoch_ends_with_the_bytes_of_a_straight_one(straight, tmp_path):
    for epoch in (1, 3):
        work = tmp_path / f"work{epoch}"
        with pytest.raises(KeyboardInterrupt):
            conv_ae(epochs=4).fit(fitting(*_parts(), work, epoch_done=killed_at(epoch)))
        seen = []
        model = conv_ae(epochs=4)
        history = model.fit(fitting(*_parts(), work, epoch_done=lambda done, _, __, seen=seen: seen.append(done)))
        assert seen == list(range(epoch + 1, 5))
        assert (_bytes(model, tmp_path / f"model{epoch}"), tuple(history)) == straight


def test_a_process_killed_in_training_is_taken_up_where_it_was(straight, tmp_path):
    work = tmp_path / "work"
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [sys.executable, "-c", _KILLED, str(work)], env={**os.environ, "PYTHONPATH": paths}, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert (work / CHECKPOINT).is_file()
    model = conv_ae(epochs=4)
    history = model.fit(fitting(*_parts(), work))
    assert (_bytes(model, tmp_path / "model"), tuple(history)) == straight


def test_a_fit_that_was_done_is_not_trained_again(straight, tmp_path):
    conv_ae(epochs=4).fit(fitting(*_parts(), tmp_path / "work"))
    seen = []
    again = conv_ae(epochs=4)
    again.fit(fitting(*_parts(), tmp_path / "work", epoch_done=lambda *told: seen.append(told)))
    assert seen == []
    assert _bytes(again, tmp_path / "model") == straight[0]


def test_a_checkpoint_of_another_fit_or_a_damaged_one_is_refused(tmp_path):
    work = tmp_path / "work"
    conv_ae(epochs=1).fit(fitting(*_parts(), work))
    with pytest.raises(DataError, match=r"another fit .* delete it"):
        conv_ae(epochs=1).fit(fitting(*_parts(), work, seed=9))
    content = (work / CHECKPOINT).read_bytes()
    (work / CHECKPOINT).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="not a readable safetensors file"):
        conv_ae(epochs=1).fit(fitting(*_parts(), work))


def test_a_checkpoint_leaves_no_temporary_file(tmp_path):
    conv_ae(epochs=2).fit(fitting(*_parts(), tmp_path / "work"))
    assert [p.name for p in (tmp_path / "work").iterdir()] == [CHECKPOINT]
