"""An exported encoder gives the encoder's own latents, in programs that know neither spinefx nor its classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from learn_samples import cohort, conv_ae, fitting, split
from spinefx_autoencoder import export

from spinefx.api import DataError


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    samples, _ = cohort(5, channels=2)
    train, validation, test = split(samples, validation=1, test=1)
    model = conv_ae(epochs=1)
    model.fit(fitting(train, validation, tmp_path_factory.mktemp("work")))
    return model, test


def _images(samples):
    return np.stack([s.image for s in samples])


def test_onnx_gives_the_encoder_s_latents(fitted, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model, test = fitted
    (path,) = model.export(tmp_path, ["onnx"])
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found = session.run(["z"], {"image": _images(test)})[0]
    assert np.allclose(found, model.encode(test).z, atol=1e-4)


def test_torch_export_gives_the_encoder_s_latents(fitted, tmp_path):
    model, test = fitted
    (path,) = model.export(tmp_path, ["torch"])
    found = torch.export.load(path).module()(torch.from_numpy(_images(test))).detach().numpy()
    assert np.allclose(found, model.encode(test).z, atol=1e-4)


def test_what_differs_from_the_encoder_is_not_written(fitted, tmp_path, monkeypatch):
    model, _ = fitted
    monkeypatch.setattr(export.Whole, "forward", lambda self, image: self.encoder(image)[0] @ self.axes)
    with pytest.raises(DataError, match="off torch's; nothing was written"):
        model.export(tmp_path, ["torch"])
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match="cannot export to 'tflite'; wanted onnx or torch"):
        model.export(tmp_path, ["tflite"])
