"""Several processes train what one does; batches are as large as memory allows; a broken loss goes back."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from learn_samples import cohort, conv_ae, fitting, killed_at, split
from spinefx_autoencoder import memory
from spinefx_autoencoder.team import Place, Team, gathered, precision_of

from spinefx.api import DataError, Fitting, SampleList, StageError
from spinefx.work.cases.outcome import Failure
from spinefx.work.cohort.augment import Augmentation


def _fitting(tmp_path, train, validation, **more):
    """A fit that can be sent to another process."""
    tmp_path.mkdir(parents=True, exist_ok=True)
    return Fitting(train, validation, Augmentation(train, (), 3), 3, tmp_path, **more)


def _weights(model):
    return {name: value.detach().numpy() for name, value in model.net.state_dict().items()}


@pytest.mark.slow
@pytest.mark.parametrize(("optimiser", "apart"), [("adamw", 1e-4), ("muon", 0.05)])
def test_two_processes_train_what_one_does(optimiser, apart, tmp_path):
    """Muon makes rounding in directions that no sample sees as large as any step: losses agree, those weights do not."""
    options = {"decorrelation_weight": 0.1, "hide": 0.2, "optimiser": optimiser}
    train, validation, _ = split(cohort(6)[0], validation=1, test=1)
    train = SampleList(train.samples[:-1])  # 11 samples: batches of 8 and 3, shared unevenly
    one, two = (conv_ae(epochs=3, processes=n, **options) for n in (1, 2))
    history = one.fit(_fitting(tmp_path / "one", train, validation))
    before = dict(os.environ)
    shared = two.fit(_fitting(tmp_path / "two", train, validation))
    assert dict(os.environ) == before
    assert [sorted(h) for h in shared] == [sorted(h) for h in history]
    for a, b in zip(history, shared, strict=True):
        assert b["train_loss"] == pytest.approx(a["train_loss"], rel=1e-4)
    alone, together = _weights(one), _weights(two)
    worst = max(np.abs(alone[name] - together[name]).max() for name in alone)
    assert worst < apart


@pytest.mark.slow
def test_a_process_that_dies_ends_the_fit_and_says_so(tmp_path):
    train, validation, _ = split(cohort(4)[0], validation=1, test=1)
    with pytest.raises(StageError, match="training processes ended") as told:
        conv_ae(processes=2).fit(Fitting(train, validation, _Dying(train, os.getpid()), 3, tmp_path))
    cause = Failure.of(told.value).cause
    assert "one of 2 training processes ended (exit code 3" in cause, "what the report says, not what gloo does"
    assert "run again" in cause


class _Dying:
    """Augments in one process, and ends every other."""

    def __init__(self, train, alive):
        self.train, self.alive = train, alive

    def __call__(self, index, epoch):
        if os.getpid() != self.alive:
            os._exit(3)
        return self.train[index]


def test_what_cannot_be_sent_to_a_process_is_told(tmp_path):
    train, validation, _ = split(cohort(4)[0], validation=1, test=1)
    with pytest.raises(DataError, match="cannot be sent to a process"):
        conv_ae(processes=2).fit(fitting(train, validation, tmp_path))


@pytest.mark.parametrize(("count", "world"), [(8, 2), (3, 2), (1, 4), (7, 3)])
def test_shares_of_a_batch_cover_it_once(count, world):
    found = [i for rank in range(world) for i in range(count)[Team(None, Place(rank, world)).share(count)]]
    assert found == list(range(count))


def test_bfloat16_is_never_chosen_by_itself_on_a_cpu(tmp_path):
    assert precision_of("auto", "cpu") == "32-true"
    assert precision_of("bfloat16", "cpu") == "bf16-mixed"
    train, validation, _ = split(cohort(4)[0], validation=1, test=1)
    history = conv_ae(epochs=1, precision="bfloat16").fit(fitting(train, validation, tmp_path))
    assert np.isfinite(history[0]["train_loss"])


def test_a_gpu_that_is_not_there_is_told():
    if not torch.cuda.is_available():
        with pytest.raises(DataError, match="torch sees no GPU"), gathered("cuda", "auto", Place()):
            pass


class _Breaks:
    """Gives a sample of huge numbers, a given number of times in one epoch."""

    def __init__(self, train, times):
        self.train, self.times = train, times

    def __call__(self, index, epoch):
        sample = self.train[index]
        if epoch == 2 and self.times:
            self.times -= 1
            return type(sample)(sample.row, np.full_like(sample.image, 3e38), sample.mask, sample.grid)
        return sample


def test_a_loss_that_breaks_down_goes_back_at_half_the_rate_and_says_so(tmp_path):
    train, validation, _ = split(cohort(5)[0], validation=1, test=1)
    told = []
    model = conv_ae(epochs=3)
    history = model.fit(Fitting(train, validation, _Breaks(train, 1), 3, tmp_path, note=told.append))
    assert [h["epoch"] for h in history] == [1, 2, 3]
    assert len(told) == 1
    assert told[0].startswith("training broke down in epoch 2, step 1 of 2: ")
    assert "back to the end of epoch 1, lr is 0.0025 now" in told[0]
    assert history[1]["lr"] < 0.51 * 5e-3
    model.save(tmp_path / "model")
    assert "Training broke down and went back: epoch 2" in (tmp_path / "model" / "card.md").read_text()


def test_a_loss_that_never_comes_back_is_an_error_after_as_many_tries_as_asked_for(tmp_path):
    train, validation, _ = split(cohort(5)[0], validation=1, test=1)
    with pytest.raises(StageError, match=r"epoch 2, step 1 of 2: .* also after going back 2 times; lower lr"):
        conv_ae(epochs=3, rollbacks=2).fit(Fitting(train, validation, _Breaks(train, 10**6), 3, tmp_path))


def test_a_validation_sample_that_breaks_the_loss_is_told_as_one_in_training_is(tmp_path):
    train, validation, _ = split(cohort(5)[0], validation=1, test=1)
    far = SampleList(tuple(type(s)(s.row, np.full_like(s.image, 3e38), s.mask, s.grid) for s in validation))
    with pytest.raises(StageError, match=r"the validation after epoch 1: loss .* look for samples that are not like"):
        conv_ae(epochs=3, rollbacks=1).fit(fitting(train, far, tmp_path))


def test_a_fit_that_went_back_and_was_killed_ends_with_the_bytes_of_one_that_was_not(tmp_path):
    train, validation, _ = split(cohort(5)[0], validation=1, test=1)
    for name in "ab":
        (tmp_path / name).mkdir()
    straight = conv_ae(epochs=4)
    straight.fit(Fitting(train, validation, _Breaks(train, 1), 3, tmp_path / "a"))
    with pytest.raises(KeyboardInterrupt):
        given = Fitting(train, validation, _Breaks(train, 1), 3, tmp_path / "b", epoch_done=killed_at(2))
        conv_ae(epochs=4).fit(given)
    later = conv_ae(epochs=4)
    later.fit(Fitting(train, validation, _Breaks(train, 0), 3, tmp_path / "b"))
    a, b = _weights(straight), _weights(later)
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_a_batch_is_as_large_as_half_the_free_memory_and_stays_when_training_goes_on(tmp_path, monkeypatch):
    train, validation, _ = split(cohort(8)[0], validation=1, test=1)
    monkeypatch.setattr(memory, "free_bytes", lambda device: 64 * 2**20)
    with pytest.raises(KeyboardInterrupt):
        conv_ae(epochs=2, batch="auto").fit(fitting(train, validation, tmp_path, epoch_done=killed_at(1)))
    monkeypatch.setattr(memory, "free_bytes", lambda device: 2**40)
    model = conv_ae(epochs=2, batch="auto")
    model.fit(fitting(train, validation, tmp_path))
    small = model.facts["fitted"]["batch"]
    other = conv_ae(epochs=1, batch="auto")
    other.fit(fitting(train, validation, tmp_path / "other"))
    assert 1 < small < other.facts["fitted"]["batch"] == 16
    monkeypatch.undo()
    assert memory.free_bytes(torch.device("cpu")) > 2**20
