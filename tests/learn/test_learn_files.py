"""Models come back from disk as they were, and nothing else is taken for one."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from learn_samples import cohort, conv_ae, fitting, split
from spinefx_autoencoder import PcaOptions
from spinefx_autoencoder.files import save_model
from spinefx_autoencoder.pca import Pca

from spinefx.api import DataError, SampleList


def _made(name: str, **options):
    return conv_ae(**options) if name == "conv-ae" else Pca(PcaOptions(**options))


@pytest.fixture(scope="module", params=["conv-ae", "pca"])
def saved(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    samples, _ = cohort(5)
    train, validation, _ = split(samples, validation=1, test=1)
    model = _made(request.param, latent_dim=3)
    model.fit(fitting(train, validation, folder / "work"))
    model.save(folder / "model")
    return request.param, model, samples, folder / "model"


@pytest.fixture
def copy(saved, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for path in saved[3].iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_model_read_back_encodes_and_decodes_alike(saved):
    name, model, samples, folder = saved
    other = _made(name)
    other.load(folder)
    assert np.allclose(other.encode(samples).z, model.encode(samples).z, atol=1e-6)
    z = model.encode(samples).z
    assert np.allclose(other.decode(z), model.decode(z), atol=1e-6)
    assert sorted(p.name for p in folder.iterdir()) == ["card.md", "model.json", "weights.safetensors"]


def test_a_model_saved_again_has_the_same_bytes(saved, tmp_path):
    name, _, _, folder = saved
    other = _made(name)
    other.load(folder)
    other.save(tmp_path / "again")
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_the_card_says_on_whom_it_was_fitted(saved):
    text = (saved[3] / "card.md").read_text()
    assert "9 samples of 3 patients" in text
    assert "Limits" in text


def test_the_card_promises_no_white_latents_where_samples_are_too_few(tmp_path):
    few = cohort(2)[0]
    for size, white in ((2, True), (len(few), False)):
        model = conv_ae(latent_dim=size, epochs=1)
        model.fit(fitting(few, SampleList(()), tmp_path / f"w{size}"))
        model.save(tmp_path / f"m{size}")
        assert ("uncorrelated there" in (tmp_path / f"m{size}" / "card.md").read_text()) is white
        covariance = np.cov(model.encode(few).z.T)
        assert np.allclose(covariance, np.eye(size), atol=1e-3) is white


def test_many_wide_latents_are_not_called_singular(tmp_path):
    few = cohort(2)[0]
    model = conv_ae(latent_dim=400, epochs=1)
    model.fit(fitting(few, SampleList(()), tmp_path / "work"))
    model.axes = np.eye(400) / 8.0  # of latents that spread by 8: a determinant of 1e-361
    model.save(tmp_path / "model")
    again = conv_ae()
    again.load(tmp_path / "model")
    assert np.array_equal(again.encode(few).z, model.encode(few).z)


def test_a_pickled_checkpoint_is_never_opened(saved, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    (tmp_path / "model.pt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match=r"it holds model\.pt.*no pickled checkpoints"):
        _made(saved[0]).load(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        _made(saved[0]).load(tmp_path / "nowhere")


def test_a_pickle_named_weights_is_refused(saved, copy):
    (copy / "weights.safetensors").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(DataError, match=r"not the weights that model\.json was written with"):
        _made(saved[0]).load(copy)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("format", "other", "format 'other'"),
        ("plugin", "conv-vae", "a model of 'conv-vae'"),
        ("version", 99, "written by version 99"),
        ("options", {"latent_dim": 3, "colour": 1}, "model.json is not one of"),
        ("sample", {}, "model.json is not one of"),
    ],
)
def test_a_model_of_another_kind_is_refused_with_the_reason(saved, copy, key, value, reason):
    model = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps(model | {key: value}))
    with pytest.raises(DataError, match=reason):
        _made(saved[0]).load(copy)


def test_text_that_is_not_json_is_refused(saved, copy):
    (copy / "model.json").write_text("{")
    with pytest.raises(DataError, match="not JSON"):
        _made(saved[0]).load(copy)


def test_weights_of_wrong_shape_or_not_finite_are_refused(saved, tmp_path):
    from safetensors.numpy import load_file

    name, _, _, folder = saved
    model = json.loads((folder / "model.json").read_text())
    arrays = load_file(folder / "weights.safetensors")
    first = sorted(arrays)[0]
    for change, reason in (
        ({first: arrays[first].ravel()[:-1]}, f"weight {first} has shape"),
        ({first: np.full_like(arrays[first], np.nan)}, f"weight {first} holds numbers that are not finite"),
        ({"stray": arrays[first]}, r"hold \['stray'\] unknown"),
    ):
        save_model(tmp_path, arrays | change, model, "")
        with pytest.raises(DataError, match=reason):
            _made(name).load(tmp_path)
