"""The trained segmenter: whole fits, killed fits, files, and scans that it must refuse. Tiny nets; accuracy is in docs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from spinefx_segment import UnetOptions
from spinefx_segment.networks import Layout, built, fresh, precise
from spinefx_segment.resunet import Instances
from spinefx_segment.unet import Unet

from spinefx.api import Case, DataError, Scan, SegmenterFitting
from spinefx.phantom import Scanner, draw_patient, scan_of

TINY = {"epochs": 3, "steps": 2, "channels": (4, 4, 8), "patch": (4, 32, 32), "finest_mm": 2.5, "batch": 1, "lr": 1e-2}


class Scans:
    """Phantoms in memory."""

    def __init__(self, *numbers: int) -> None:
        self.scans = []
        for number in numbers:
            patient = draw_patient(5, number, levels=3)
            images, mask = scan_of(patient, seed=5, scanner=Scanner(spacing_mm=(6.0, 2.5, 2.5)))
            self.scans.append(Scan(Case(f"{number}_t2", patient.id), images, mask))
        self.cases = tuple(scan.case for scan in self.scans)

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, index: int) -> Scan:
        return self.scans[index]

    def __iter__(self) -> Iterator[Scan]:
        return iter(self.scans)


class KilledError(Exception):
    pass


def _fit(folder: Path, *, stop: int = 0, **changes: object) -> Unet:
    unet = Unet(UnetOptions(**(TINY | changes)))
    folder.mkdir(parents=True, exist_ok=True)

    def told(epoch: int, epochs: int, losses: object) -> None:
        if epoch == stop:
            raise KilledError

    unet.fit(SegmenterFitting(Scans(1, 2), Scans(3), 7, folder, "cpu", told))
    return unet


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unet")
    _fit(folder / "work").save(folder / "model")
    return folder / "model"


def _weights(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


def test_a_killed_fit_goes_on_to_the_very_same_weights(model: Path, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        _fit(tmp_path / "work", stop=2)
    again = _fit(tmp_path / "work")
    again.save(tmp_path / "model")
    assert _weights(tmp_path / "model") == _weights(model)
    assert not list((tmp_path / "work").glob("*.npy")), "prepared scans are taken away"


def test_two_threads_take_the_patches_of_a_step_and_end_with_the_bytes_of_one(tmp_path: Path) -> None:
    weights = {}
    for threads in (1, 2):
        unet = _fit(tmp_path / f"{threads}", batch=3, threads=threads)
        assert unet.net is not None
        weights[threads] = {name: value.numpy().tobytes() for name, value in unet.net.state_dict().items()}
    assert weights[1] == weights[2]


def test_another_fit_s_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        _fit(tmp_path, stop=1)
    with pytest.raises(DataError, match="a checkpoint of another fit"):
        _fit(tmp_path, lr=2e-2)


def test_a_saved_model_makes_the_same_mask_and_says_what_it_is(model: Path) -> None:
    loaded = Unet(UnetOptions(model=model, least_ml=0.0))
    assert loaded.fitted
    scan = Scans(4)[0]
    one = loaded.segment(scan)
    two = Unet(UnetOptions(model=model, least_ml=0.0, threads=2)).segment(scan)
    assert one.require_mask().grid == scan.require_mask().grid
    assert np.array_equal(one.require_mask().labels, two.require_mask().labels)
    assert set(one.quality) == {"vertebra", "disc", "canal"}
    assert any("segmentation may have failed" in note for note in one.notes), "three epochs of a tiny net do fail"
    told = (model / "card.md").read_text()
    assert "2 scans of 2 patients, 1 other patients for early" in told
    assert loaded.net is not None
    assert str(sum(p.numel() for p in loaded.net.parameters())) in told


def test_masks_that_are_there_are_kept_where_only_missing_ones_are_asked_for(model: Path) -> None:
    scan = Scans(4)[0]
    assert Unet(UnetOptions(model=model, replace="missing")).segment(scan) is scan


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda m: (m / "model.json").unlink(), r"no model\.json"),
        (lambda m: (m / "model.json").write_text("[1]"), "not the description of a segmenter"),
        (lambda m: (m / "weights.safetensors").write_bytes(b"x" * 99), "not the weights"),
        (lambda m: _change(m, version=9), "fit it again"),
        (lambda m: _change(m, kinds=["disc"]), "not those of the network"),
        (lambda m: _change(m, view={}), "is not one of unet"),
    ],
)
def test_other_files_are_refused(model: Path, tmp_path: Path, spoil: object, said: str) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in model.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    spoil(copy)  # type: ignore[operator]
    with pytest.raises(DataError, match=said):
        Unet(UnetOptions(model=copy)).segment(Scans(4)[0])


def _change(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_masks_without_what_is_learned_and_scans_without_the_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no image t1; it has t2"):
        _fit(tmp_path, image="t1")
    only = Scans(1)
    only.scans[0] = only[0].replace(mask=None)
    with pytest.raises(DataError, match="not fitted yet"):
        Unet(UnetOptions()).segment(only[0])


@pytest.mark.parametrize("network", ["resunet", "dynunet", "unet", "segresnet", "swinunetr"])
def test_every_network_gives_a_class_for_every_voxel(network: str) -> None:
    import torch

    patch = (32, 32, 64) if network == "swinunetr" else (4, 32, 32)
    net = built(Layout(network, (4, 4, 8), 3, (6.0, 2.5, 2.5), patch)).eval()
    with torch.inference_mode():
        assert net(torch.zeros(1, 1, *patch)).shape == (1, 3, *patch)


@pytest.mark.parametrize("samples", [1, 3])
def test_norms_are_those_of_each_sample_alone(samples: int) -> None:
    import torch

    seen = torch.randn(samples, 4, 3, 5, 6, generator=torch.Generator().manual_seed(1)) * 3 + 1
    mine, theirs = Instances(4), torch.nn.InstanceNorm3d(4, affine=True)
    with torch.no_grad():
        for norm in (mine, theirs):
            norm.weight.copy_(torch.tensor([1.0, 2.0, 0.5, -1.0]))
            norm.bias.copy_(torch.tensor([0.0, 1.0, -1.0, 2.0]))
    assert torch.allclose(mine(seen), theirs(seen), atol=1e-5)


def test_precision_is_as_told_and_changes_little() -> None:
    import torch

    layout = Layout("resunet", (4, 4, 8), 4, (6.0, 2.5, 2.5), (4, 32, 32), 2)
    net, seen = fresh(layout, 1).eval(), torch.randn(1, 1, 4, 32, 32, generator=torch.Generator().manual_seed(1))
    drawn = {}
    for precision, kind in (("full", torch.float32), ("mixed", torch.bfloat16)):
        with torch.inference_mode(), precise(precision, "cpu")():
            drawn[precision] = net(seen)
        assert drawn[precision].dtype == kind
    off = (drawn["mixed"].float() - drawn["full"]).abs().mean()
    assert 0 < off < 0.02 * drawn["full"].abs().mean()


def test_a_patch_that_the_network_cannot_halve_is_refused() -> None:
    with pytest.raises(DataError, match=r"patch in multiples of \(4, 4, 4\), got \(4, 30, 32\)"):
        built(Layout("segresnet", (4, 8, 16), 3, (6.0, 2.5, 2.5), (4, 30, 32)))
