"""The encoder alone, for other programs: ONNX and torch.export, each checked against torch before it counts as written."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spinefx.api import DataError
from spinefx_autoencoder.cohort import FAR_CM, Channels
from spinefx_autoencoder.files import write_whole

if TYPE_CHECKING:
    from spinefx_autoencoder.model import Encoder

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_APART = 1e-4
_BATCHES = (1, 3)


class Whole(nn.Module):
    """From a sample's image as it is cut, (n, c, z, y, x), to its latents (n, d) as the run tells them."""

    def __init__(self, encoder: Encoder, channels: Channels, centre: NDArray[Any], axes: NDArray[Any]) -> None:
        super().__init__()
        self.encoder = encoder
        mean, scale = np.zeros(channels.count), np.ones(channels.count)
        mean[list(channels.intensities)], scale[list(channels.intensities)] = channels.mean, channels.spread
        limit = np.full(channels.count, np.inf)
        if channels.distance >= 0:
            scale[channels.distance], limit[channels.distance] = 10.0, FAR_CM
        as_image = (1, channels.count, 1, 1, 1)
        for name, values in (("mean", mean), ("scale", scale), ("limit", np.minimum(limit, 3e38))):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32).view(as_image))
        self.register_buffer("centre", torch.tensor(centre, dtype=torch.float32))
        self.register_buffer("axes", torch.tensor(axes, dtype=torch.float32))

    mean: Tensor
    scale: Tensor
    limit: Tensor
    centre: Tensor
    axes: Tensor

    def forward(self, image: Tensor) -> Tensor:
        """Latents of images."""
        standard = torch.minimum(torch.maximum((image - self.mean) / self.scale, -self.limit), self.limit)
        z, _ = self.encoder(standard)
        latents: Tensor = (z - self.centre) @ self.axes
        return latents


def exported(
    whole: Whole, shape: tuple[int, int, int, int], folder: Path, kinds: Sequence[str], truth: Run
) -> list[Path]:
    """Write encoder.onnx (`onnx`) and encoder.pt2 (`torch`) into `folder`; the files.

    truth : images (n, c, z, y, x) -> latents, as the encoder itself gives them.

    Raises
    ------
    DataError
        If a package is missing, or what was written does not give the encoder's own latents to 1e-4 of their range.
    """
    folder.mkdir(parents=True, exist_ok=True)
    makers = {"onnx": _onnx, "torch": _torch}
    files = []
    for kind in kinds:
        if kind not in makers:
            raise DataError(f"cannot export to {kind!r}; wanted {' or '.join(makers)}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content, run = makers[kind](whole.eval(), torch.zeros(2, *shape))
        rng = np.random.default_rng(0)
        for count in _BATCHES:
            images = rng.random((count, *shape), dtype=np.float32)
            wanted, found = truth(images), run(images)
            apart = float(np.abs(found - wanted).max() / max(1.0, float(np.abs(wanted).max())))
            if not apart <= _APART:
                raise DataError(f"the encoder in {kind} gives latents {apart:.2g} off torch's; nothing was written")
        path = folder / {"onnx": "encoder.onnx", "torch": "encoder.pt2"}[kind]
        write_whole(path, content)
        files.append(path)
    return files


def _onnx(whole: Whole, example: Tensor) -> tuple[bytes, Run]:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 (torch's exporter needs it)
    except ImportError as error:
        raise DataError(
            "export to ONNX needs onnx, onnxscript and onnxruntime; pip install 'spinefx[export]'"
        ) from error
    number = torch.export.Dim("n", min=1, max=4096)
    program = torch.onnx.export(
        whole,
        (example,),
        input_names=["image"],
        output_names=["z"],
        dynamo=True,
        dynamic_shapes={"image": {0: number}},
        verbose=False,
    )
    content: bytes = program.model_proto.SerializeToString()  # type: ignore[union-attr]
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return content, lambda images: np.asarray(session.run(["z"], {"image": images})[0], np.float32)


def _torch(whole: Whole, example: Tensor) -> tuple[bytes, Run]:
    import io

    program = torch.export.export(
        whole, (example,), dynamic_shapes={"image": {0: torch.export.Dim("n", min=1, max=4096)}}
    )
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    module = program.module()

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = module(torch.from_numpy(images)).numpy()
        return found

    return buffer.getvalue(), run
