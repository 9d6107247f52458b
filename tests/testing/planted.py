"""Faults planted one at a time into the plugins that `spinefx plugin new` writes, and what the suite must say of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spinefx.cli.scaffold import package


@dataclass(frozen=True)
class Planted:
    """kind : of the plugin.   old, new : text of its `stage.py` or `__init__.py`.   said : pattern of the message."""

    name: str
    kind: str
    old: str
    new: str
    said: str
    file: str = "stage.py"


FAULTS = (
    # the offer
    Planted("silent-option", "augmenter", ', description="chance that a sample is changed at all"', "",
            "option `probability` has no description", "__init__.py"),
    Planted("invalid-default", "augmenter", "Field(0.2, ge=0, lt=1", "Field(1.2, ge=0, lt=1",
            "option `strength` = 1.2 does not pass its own rules", "__init__.py"),
    Planted("hidden-option", "geometry", "Field(0.1, ge=0,", "Field(0.1, ge=0, exclude=True,",
            "option `least_ml` is left out when options are written", "__init__.py"),
    Planted("heavy-import", "preprocessor", "from typing import Any\n", "from typing import Any\n\nimport torch\n",
            "imports torch when plugins are listed, which takes seconds", "__init__.py"),
    # conduct
    Planted("crash", "geometry", "mask = scan.require_mask()", "mask = scan.mask_of_today",
            "fails on a plain phantom: AttributeError"),
    Planted("print", "geometry", "mask = scan.require_mask()", "mask = scan.require_mask(); print('measuring')",
            r"prints to stdout \('measuring'\)"),
    Planted("network", "preprocessor", "        width = self", "        import socket\n        try:\n"
            "            socket.create_connection(('telemetry.example', 80), 1)\n        except OSError:\n            pass\n"
            "        width = self", "uses the network .*telemetry.example"),
    Planted("stray-file", "segmenter", "        mask = LabelMap", "        import pathlib\n        try:\n"
            "            pathlib.Path('debug.npy').write_bytes(b'x')\n        except OSError:\n            pass\n"
            "        mask = LabelMap", r"writes a file of its own \(.*debug.npy\)"),
    Planted("global-chance", "augmenter", "rng.random(), 1.0", "np.random.random(), 1.0",
            "uses the global random state of np.random"),
    Planted("own-chance", "augmenter", "        chance, gain", "        rng = np.random.default_rng()\n        chance, gain",
            "gives another result the second time"),
    Planted("environment", "evaluator", "        rows = study.latents.rows\n", "        import os\n\n        import secrets\n\n"
            "        os.environ['OMP_NUM_THREADS'] = secrets.token_hex(4)\n        rows = study.latents.rows\n",
            r"changed environment variables \(OMP_NUM_THREADS\)"),
    Planted("touched-input", "preprocessor", "        width = self", "        image.data.flags.writeable or "
            "np.ndarray.setflags(image.data.base, write=True) if image.data.base is not None else None\n"
            "        loose = image.data.base if image.data.base is not None else image.data\n"
            "        loose.setflags(write=True)\n        loose *= np.asarray(0.5, loose.dtype)\n        width = self",
            r"changes its input \(its scan's image"),
    Planted("memory", "geometry", "values.append(self._measured(mask, structure))",
            "self.done = getattr(self, 'done', 0) + 1\n                "
            "values.append({**self._measured(mask, structure), 'number': float(self.done)})",
            "gives another result for a scan after it has seen another one"),
    Planted("memory", "geometry", "        mask = scan.require_mask()\n", "        mask = scan.require_mask()\n"
            "        self.seen = getattr(self, 'seen', 0.0) + float(mask.labels.sum())\n",
            "gives another result for a scan after it has seen another one"),
    Planted("raw-error", "geometry", "        rows, values = [], []\n",
            "        rows, values = [], []\n        _ = mask.structures()[0]\n",
            r"does not answer an empty mask \(IndexError"),
    # each kind's own
    Planted("own-grid", "segmenter", "LabelMap(above.astype(np.uint16), image.grid, SCHEME)",
            "LabelMap(above.astype(np.uint16), image.grid.crop((1, 0, 0), image.grid.shape), SCHEME)",
            r"gives a mask on a grid that no image has \(off by 1 mm\)"),
    Planted("half-voxel", "preprocessor", "return Volume(np.clip(data, 0.0, 1.0), image.grid)",
            "return Volume(np.clip(data, 0.0, 1.0), image.grid.crop((0.5, 0.0, 0.0), image.grid.shape))",
            "moves what image t2 shows by 0.5 mm"),
    Planted("never-off", "augmenter", "1.0 + self.options.strength * rng", "1.05 + self.options.strength * rng",
            "still changes the intensities with strength = 0"),
    Planted("batch", "encoder", "return Latents(samples.rows, z)", "return Latents(samples.rows, z - z.mean(axis=0))",
            "latents change by .* with the samples encoded beside it"),
    Planted("batch", "encoder", "        z = np.zeros((len(samples)", "        mean = np.mean([s.mask.mean() for s in samples])\n"
            "        z = float(mean) + np.zeros((len(samples)", "latents change by .* with the samples encoded beside it"),
    Planted("voxels", "geometry", "mask.grid.spacing[axis], 0.0", "1.0, 0.0", "it does not follow the spacing"),
    Planted("world-axes", "geometry", "along = [scaled(centred[:, axis], mask.grid.spacing[axis], 0.0) for axis in range(3)]",
            "along = [mask.grid.to_world(index)[:, 0] - mask.grid.to_world(index)[:, 0].mean()]",
            "a rigid motion changes no size"),
    Planted("biased", "geometry", "len(index) * mask.grid.voxel_mm3", "1.1 * len(index) * mask.grid.voxel_mm3",
            "volume_mm3 of .* is .* on a phantom whose disc.volume_mm3 is"),
    Planted("other-case", "geometry", "Row(scan.case.id, scan.case.patient", "Row(scan.case.id, 'somebody'",
            "gives a row of case '1_phantom', patient 'somebody'"),
    Planted("rows-as-patients", "evaluator", "x, y = _means(values, who), _means(grades, who)",
            "x, y = np.asarray(values), np.asarray(grades)", "findings where there is only chance .*count patients, not rows"),
    Planted("blind", "evaluator", "value <= self.options.rate", "value <= 0.0", "marks no finding between z0"),
    Planted("shuffled", "loader", "sorted(self.options.root.iterdir())",
            "sorted(self.options.root.iterdir(), key=lambda _: __import__('os').urandom(4))",
            "lists other cases|gives another result the second time .at .'cases'"),
    Planted("metres", "loader", "return Grid.from_json(json.loads(path.read_text()))",
            "g = json.loads(path.read_text())\n        return Grid.from_json({**g, 'spacing': [s / 1000 for s in g['spacing']]})",
            "spacing is in mm"),
    Planted("forgiving", "loader", 'data, labels = _array(case.files["image"]), _array(case.files["mask"])',
            'labels = _array(case.files["mask"])\n        try:\n            data = _array(case.files["image"])\n'
            "        except DataError:\n            data = np.zeros(labels.shape)",
            r"takes an empty file \(image of case 'p1_t2'\) for a good one"),
)  # fmt: skip


def written(fault: Planted | None, kind: str, folder: Path) -> Path:
    """The package of that kind with the fault in it; its `src` folder."""
    name = f"planted-{fault.name if fault else kind}"
    for path, content in package(name, kind, cpp=False).items():
        if fault is not None and path.name == fault.file and path.parts[0] == "src":
            assert content.count(fault.old) >= 1, f"{fault.name}: the template has changed"
            content = content.replace(fault.old, fault.new)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder / "src"
