"""The tools: TotalSegmentator, SPINEPS, nnU-Net v2, MONAI bundles. Each says how to get it and its weights."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, PluginError, Scan, Scheme, StageError, Structure, Volume, scheme
from spinefx_segment.outside.exchange import read, write
from spinefx_segment.outside.options import (
    BundleOptions,
    NnunetOptions,
    SpinepsOptions,
    TotalSegmentatorOptions,
    TrustedOptions,
)
from spinefx_segment.outside.process import FOLDERS, found, run
from spinefx_segment.outside.segmenter import KINDS, Meaning
from spinefx_segment.outside.trust import require

Labels = NDArray[np.uint16]

_OWN = (
    "Make it an environment of its own: python -m venv {0}; {0}/bin/pip install {1}; export "
    + FOLDERS
    + "=$PWD/{0}/bin"
)


class TotalSegmentator:
    """Wasserthal et al. 2023, version 2: its own weights, fetched by itself at the first run."""

    name = "TotalSegmentator"
    remedy = _OWN.format("totalseg", "TotalSegmentator") + (
        "; its weights: totalseg_download_weights -t total (or total_mr, vertebrae_mr), once, with a network"
    )

    def __init__(self, options: TotalSegmentatorOptions) -> None:
        self.options = options

    def ready(self) -> Meaning:
        """The scheme of the task; kinds alone for `total_mr`, which tells no vertebra from another."""
        found(self.name, self.remedy)
        if self.options.task == "total_mr":
            return Meaning(classes={19: "vertebra", 20: "disc"})
        return Meaning(vertebrae_mr() if self.options.task == "vertebrae_mr" else scheme("totalsegmentator"))

    def draw(self, scan: Scan, volume: Volume, folder: Path) -> Labels:
        """One run on one file, all classes in one map."""
        o, out = self.options, folder / "mask.nii.gz"
        write(volume, folder / "image.nii.gz")
        device = o.device.replace("cuda", "gpu")
        command = [found(self.name, self.remedy), "-i", str(folder / "image.nii.gz"), "-o", str(out), "--ml"]
        command += ["--task", o.task, "--device", device, *(["--fast"] if o.fast else [])]
        said = run(command, folder, minutes=o.minutes)
        return read(_made([out], self.name, said), volume.grid)


class Spineps:
    """Moeller et al. 2024: a semantic, an instance and a labelling model, found by name where it keeps them."""

    name = "SPINEPS"
    remedy = _OWN.format("spineps", "SPINEPS") + (
        "; its weights come by themselves at the first run, or unpack them under SPINEPS_SEGMENTOR_MODELS"
    )

    def __init__(self, options: SpinepsOptions) -> None:
        self.options = options

    def ready(self) -> Meaning:
        """VerSe's numbers, which it shares."""
        found("spineps", self.remedy)
        return Meaning(scheme("verse"))

    def draw(self, scan: Scan, volume: Volume, folder: Path) -> Labels:
        """Its vertebrae, discs and endplates, with canal and cord from its semantic map where they are free."""
        o = self.options
        image = folder / "rawdata" / f"sub-scan_{o.contrast}.nii.gz"
        write(volume, image)
        command = [found("spineps", self.remedy), "sample", "-i", str(image), "-model_semantic", o.semantic]
        command += ["-model_instance", o.instance, "-model_labeling", o.labelling, "-der_name", "derivatives_seg"]
        kind, _, card = o.device.partition(":")
        said = run([*command, *(["-cpu"] if kind == "cpu" else [])], folder, minutes=o.minutes, card=card)
        labels = read(_made(folder.rglob("*_seg-vert_msk.nii.gz"), self.name, said), volume.grid)
        regions = read(_made(folder.rglob("*_seg-spine_msk.nii.gz"), self.name, said), volume.grid)
        tubes = np.isin(regions, (60, 61)) & (labels == 0)
        labels[tubes] = regions[tubes]
        return labels


class Nnunet:
    """Isensee et al. 2021, version 2: a trained folder (dataset.json, plans.json, fold_0 ...), as nnU-Net writes it."""

    name = "nnU-Net"
    program = "nnUNetv2_predict_from_modelfolder"
    remedy = _OWN.format("nnunet", "nnunetv2") + (
        "; the model is the folder that nnUNetv2_train or nnUNetv2_install_pretrained_model_from_zip leaves"
    )

    def __init__(self, options: NnunetOptions) -> None:
        self.options = options

    def ready(self) -> Meaning:
        """What dataset.json calls its labels, unless the options say otherwise."""
        o = self.options
        files = [o.model / "dataset.json", o.model / "plans.json"]
        files += [o.model / f"fold_{fold}" / o.checkpoint for fold in o.folds]
        _there(o.model, files, "name the folder that holds them, and the `folds` it has")
        found(self.program, self.remedy)
        require(o.model, files, o.sha256, "nnU-Net's checkpoints (pickles)")
        return _meaning(o, _json(o.model / "dataset.json").get("labels"), o.model / "dataset.json")

    def draw(self, scan: Scan, volume: Volume, folder: Path) -> Labels:
        """One run on one case, every channel a file."""
        o, facts = self.options, _json(self.options.model / "dataset.json")
        ending, channels = str(facts.get("file_ending", ".nii.gz")), facts.get("channel_names") or {"0": ""}
        if ending not in (".nii.gz", ".nii", ".nrrd", ".mha"):
            raise DataError(f"{o.model}: was trained on {ending!r} files, wanted .nii.gz, .nii, .nrrd or .mha")
        volumes = [_image(scan, name) for name in o.images] if o.images else [volume]
        if len(volumes) != len(channels):
            raise DataError(
                f"{o.model}: has {len(channels)} channels ({', '.join(map(str, channels.values()))}), "
                f"{len(volumes)} given; name as many modalities in `images`"
            )
        for number, own in enumerate(volumes):
            if own.grid != volume.grid:
                raise DataError(f"case {scan.case.id}: {o.images[number]} lies on another grid; nnU-Net wants one")
            write(own, folder / "in" / f"scan_{number:04d}{ending}")
        command = [found(self.program, self.remedy), "-i", str(folder / "in"), "-o", str(folder / "out")]
        command += ["-m", str(o.model.resolve()), "-f", *o.folds, "-chk", o.checkpoint, "-npp", "1", "-nps", "1"]
        kind, _, card = o.device.partition(":")
        command += ["-device", kind, "--disable_progress_bar", *([] if o.flip else ["--disable_tta"])]
        said = run(command, folder, minutes=o.minutes, card=card)
        return read(_made([folder / "out" / f"scan{ending}"], self.name, said), volume.grid)


class Bundle:
    """A bundle of MONAI's zoo or of one's own: configs, models, docs in one folder; run by MONAI as its config says.

    The config must take `bundle_root`, `output_dir` and `datalist` (a list of files), as those of the zoo do, and save one
    label map as NIfTI.
    """

    name = "the MONAI bundle"
    _start = "import json, sys; from monai.bundle import run; run(**json.loads(sys.argv[1]))"

    def __init__(self, options: BundleOptions) -> None:
        self.options = options

    def ready(self) -> Meaning:
        """What metadata.json says of the output's channels, unless the options say otherwise."""
        o = self.options
        if find_spec("ignite") is None:
            raise PluginError(f'{self.name} needs pytorch-ignite: pip install "spinefx[monai-bundle]"')
        meta = o.model / "configs" / "metadata.json"
        _there(o.model, [meta, o.model / o.config], "name the folder that `monai.bundle download` left, unpacked")
        files = [path for path in o.model.rglob("*") if path.is_file()]
        require(o.model, files, o.sha256, "a bundle's configuration and models")
        try:
            channels = next(iter(_json(meta)["network_data_format"]["outputs"].values()))["channel_def"]
            labels = {str(label): value for value, label in channels.items()}
        except (KeyError, TypeError, AttributeError, StopIteration):
            labels = {}
        return _meaning(o, labels, meta)

    def draw(self, scan: Scan, volume: Volume, folder: Path) -> Labels:
        """One run of its inference on one file."""
        o, root = self.options, self.options.model.resolve()
        image = folder / "in" / "scan.nii.gz"
        write(volume, image)
        told_to = {
            "config_file": str(root / o.config),
            "meta_file": str(root / "configs" / "metadata.json"),
            "bundle_root": str(root),
            "output_dir": str(folder / "out"),
            "datalist": [str(image)],
            "device": f"$torch.device('{o.device}')",
        }
        said = run([sys.executable, "-P", "-c", self._start, json.dumps(told_to)], folder, minutes=o.minutes)
        return read(_made((folder / "out").rglob("*.nii*"), self.name, said), volume.grid)


def vertebrae_mr() -> Scheme:
    """TotalSegmentator's model of vertebrae in MR: the sacrum, then L5 upwards to C1."""
    upward = [s.level for _, s in sorted(scheme("totalsegmentator").table.items()) if s.kind == "vertebra"]
    table = {1: Structure.of("sacrum")} | {n: Structure.of("vertebra", v) for n, v in enumerate(upward, start=2)}
    return Scheme("totalsegmentator-vertebrae-mr", table)


def _meaning(options: TrustedOptions, labels: object, where: Path) -> Meaning:
    """What the options say, or else what the model's own names (name -> value) say of kinds."""
    if options.scheme is not None:
        return Meaning(scheme(options.scheme))
    if options.classes is not None:
        return Meaning(classes=dict(options.classes))
    known = {str(name).lower(): value for name, value in labels.items()} if isinstance(labels, dict) else {}
    kinds = {int(str(known[kind])): kind for kind in KINDS if str(known.get(kind, "")).isdecimal()}
    if not kinds or set(known) - {"background", *kinds.values()}:
        raise DataError(
            f"{where}: its labels are {', '.join(map(str, known)) or 'not named'}; say what the values mean: "
            '`scheme = "verse"` (spider, totalsegmentator, ...) or `classes = {1 = "vertebra", 2 = "disc"}`'
        )
    return Meaning(classes=kinds)


def _image(scan: Scan, name: str) -> Volume:
    if name not in scan.images:
        raise DataError(f"case {scan.case.id} has no image {name}; it has {', '.join(sorted(scan.images)) or 'none'}")
    return scan.images[name]


def _there(model: Path, files: list[Path], remedy: str) -> None:
    if missing := [path.relative_to(model).as_posix() for path in files if not path.is_file()]:
        raise DataError(f"{model}: no {', '.join(missing)}; {remedy}")


def _json(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({error})") from error
    if not isinstance(facts, dict):
        raise DataError(f"{path}: wanted a JSON object")
    return facts


def _made(paths: Iterable[Path], name: str, said: str) -> Path:
    """The one file of `paths` that is there."""
    there = [path for path in paths if path.is_file()]
    if len(there) != 1:
        raise StageError(f"{name} ended without an error and left {len(there)} masks, wanted one:\n{said}")
    return there[0]
