"""A MONAI bundle, made here and run for real: MONAI's own loaders, transforms, evaluator and writer in a process of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from spinefx_segment import BundleOptions
from spinefx_segment.outside.segmenter import Outside
from spinefx_segment.outside.tools import Bundle
from spinefx_segment.outside.trust import digest

from spinefx.api import Case, DataError, Scan, Volume
from spinefx.phantom import Scanner, draw_patient, scan_of

_INFERENCE = {
    "imports": ["$import torch"],
    "bundle_root": ".",
    "output_dir": "$@bundle_root + '/eval'",
    "datalist": [],
    "device": "$torch.device('cpu')",
    "network": {"_target_": "torch.nn.Conv3d", "in_channels": 1, "out_channels": 4, "kernel_size": 1},
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS", "labels": None},
        ],
    },
    "dataset": {
        "_target_": "Dataset", "data": "$[{'image': path} for path in @datalist]", "transform": "@preprocessing"
    },
    "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [32, 32, 32], "sw_batch_size": 4},
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {
                "_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "image",
                "nearest_interp": False, "to_tensor": True,
            },
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
            {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir", "resample": False},
        ],
    },
    "handlers": [
        {
            "_target_": "CheckpointLoader", "load_path": "$@bundle_root + '/models/model.pt'",
            "load_dict": {"model": "@network"},
        }
    ],
    "evaluator": {
        "_target_": "SupervisedEvaluator", "device": "@device", "val_data_loader": "@dataloader", "network": "@network",
        "inferer": "@inferer", "postprocessing": "@postprocessing", "val_handlers": "@handlers",
    },
    "run": ["$@evaluator.run()"],
}  # fmt: skip
_KINDS = {"background": 0, "vertebra": 1, "disc": 2, "canal": 3}


def _bundle(folder: Path) -> Path:
    """A network that says of every voxel which of 0, 1, 2, 3 is nearest to its brightness: a convolution of one voxel."""
    import torch

    for name in ("configs", "models"):
        (folder / name).mkdir(parents=True)
    channels = {str(value): name for name, value in _KINDS.items()}
    meta = {"network_data_format": {"outputs": {"pred": {"channel_def": channels}}}}
    (folder / "configs" / "metadata.json").write_text(json.dumps(meta))
    (folder / "configs" / "inference.json").write_text(json.dumps(_INFERENCE))
    k = torch.arange(4.0)  # -(x - k)^2 but for x^2, which all have
    torch.save({"weight": (2 * k).reshape(4, 1, 1, 1, 1), "bias": -(k**2)}, folder / "models" / "model.pt")
    return folder


def _scan() -> Scan:
    """A phantom whose brightness is its class, oblique, its slices along the last axis."""
    patient = draw_patient(5, 2, levels=3)
    _, mask = scan_of(patient, seed=5, scanner=Scanner(spacing_mm=(6.0, 3.0, 3.0)))
    data = np.zeros(mask.grid.shape, np.float32)
    for structure in mask.structures():
        data[mask.mask_of(structure)] = _KINDS[structure.kind]
    return Scan(Case("2_t2", patient.id), {"t2": Volume(data, mask.grid)}, mask)


@pytest.mark.slow
def test_a_bundle_draws_what_its_network_says_and_structures_are_named_here(tmp_path: Path) -> None:
    pytest.importorskip("ignite", reason='pip install "spinefx[monai-bundle]"')
    bundle, scan = _bundle(tmp_path / "bundle"), _scan()

    def drawn(**options: object) -> Scan:
        given = BundleOptions(model=bundle, **options)
        return Outside(given, Bundle(given)).segment(scan)

    with pytest.raises(DataError, match="configuration and models can run code when opened") as refusal:
        drawn()
    trusted = re.findall('sha256 = "([0-9a-f]{64})"', str(refusal.value))[0]
    made, true = drawn(sha256=trusted).require_mask(), scan.require_mask()
    assert made.grid == true.grid
    assert {s.name for s in made.structures()} == {s.name for s in true.structures()}
    for structure in true.structures():
        one, other = made.mask_of(structure), true.mask_of(structure)
        least = 0.85 if structure.kind == "vertebra" else 0.999  # arches touch, and are shared out where they do
        assert 2 * (one & other).sum() / (one.sum() + other.sum()) > least, structure
    assert ((made.labels > 0) != (true.labels > 0)).mean() < 1e-3, "crumbs alone are left out"
    assert digest(bundle, [p for p in bundle.rglob("*") if p.is_file()]) == trusted, "the run left nothing behind"
    (bundle / "configs" / "__pycache__").mkdir()
    (bundle / "configs" / "__pycache__" / "planted.pyc").write_bytes(b"code")
    with pytest.raises(DataError, match="not the files that `sha256` names"):
        drawn(sha256=trusted)
