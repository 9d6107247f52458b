"""Clinical labels: a table on disk becomes Labels, and the join with the images is audited.

    options = LabelOptions(table=Path("annotations.xlsx"), targets=("Narrowing",))
    labels = read_labels(options)
    audit(labels, latents.rows).table()

The room knows tables and levels, and nothing of images, packs or the engine.
"""

from __future__ import annotations

from spinefx.labels.audit import Audit, audit
from spinefx.labels.options import LabelKey, LabelOptions
from spinefx.labels.read import read_labels

__all__ = ["Audit", "LabelKey", "LabelOptions", "audit", "read_labels"]
