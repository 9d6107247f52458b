"""The pipeline files that `spinefx init` and `demo` write."""

from __future__ import annotations

from pathlib import Path

from spinefx.plan.show import toml_value

_HEAD = """# A spinefx pipeline. Relative paths start at this file's folder.
#   spinefx check {name}    is everything there?
#   spinefx plan {name}     every option with its default, and what would run
#   spinefx run {name}      do it; again to go on where it stopped

[run]
seed = 0
workers = 0          # one for each core

"""

_TAIL = """
[split]
test = 0.2           # share of the patients that no fit ever sees
folds = 5

[[augment]]
use = "flip"         # left and right: discs have no side

[[augment]]
use = "affine"       # turns, sizes, places

[encode]
use = "conv-ae"      # pca is the baseline
latent_dim = 4

[[geometry]]
use = "disc"         # heights, depth, width, wedge, tilt, volume

[[geometry]]
use = "space"        # the latent space itself

[[evaluate]]
use = "reconstruction"

[[evaluate]]
use = "correlate"
{predict}
[report]
title = {title}
"""

_PREDICT = """
[[evaluate]]
use = "predict"
"""

_NO_TABLE = """[labels]
# table = "labels.csv"                          # csv or xlsx
# key = { patient = "id", level = "level" }     # its columns: whose label it is
# targets = ["narrowing"]
"""


def spider(root: str, base: Path, *, name: str) -> str:
    """A pipeline for data in SPIDER's layout; takes the label table that lies beside the images.

    root : the data folder as the pipeline says it, relative to `base`.   name : of the pipeline file.
    """
    known = ("annotations.xlsx", "radiological_gradings.csv")
    table = next((f"{root}/{table}" for table in known if (base / root / table).is_file()), None)
    data = f'[data]\nuse = "spider"\nroot = {toml_value(root)}\nseries = ["t2"]\n\n'
    labels = f"[labels]\ntable = {toml_value(table)}\n" if table else _NO_TABLE
    return _whole(name, data + labels, title="Lumbar discs", predict=table is not None)


def folder(root: str, *, name: str) -> str:
    """A pipeline for images and masks in a folder, found by the patterns of their names; arguments as in `spider`."""
    data = (
        f'[data]\nuse = "folder"\nroot = {toml_value(root)}\n'
        'images = "images/{id}_{modality}.nii.gz"   # {id} names the case; {patient} and {modality} what they say\n'
        'masks = "masks/{id}.nii.gz"\n'
        'scheme = "spider"                          # what mask values mean: spinefx plugins show folder\n\n'
    )
    return _whole(name, data + _NO_TABLE, title="Lumbar discs", predict=False)


def phantom(*, name: str) -> str:
    """A pipeline for spines of exactly known shape, made in memory, with labels; needs no data."""
    data = '[data]\nuse = "phantom"\npatients = 40\nseed = 0\n\n[labels]\n'
    return _whole(name, data, title="Phantom spines", predict=True)


def demo(*, patients: int, seed: int) -> str:
    """The pipeline of `spinefx demo`, beside its data; its first line says whose cohort it is."""
    return f"""# spinefx demo: {patients} patients, seed {seed}

[run]
out = "run"
seed = {seed}

[data]
use = "spider"
root = "data"
series = ["t2"]

[labels]
table = "data/annotations.xlsx"

[[augment]]
use = "flip"

[[augment]]
use = "affine"

[encode]
use = "conv-ae"
latent_dim = 4
epochs = 25

[report]
title = "spinefx demo: phantom spines"
"""


def _whole(name: str, data: str, *, title: str, predict: bool) -> str:
    tail = _TAIL.format(title=toml_value(title), predict=_PREDICT if predict else "")
    return _HEAD.format(name=name) + data + tail
