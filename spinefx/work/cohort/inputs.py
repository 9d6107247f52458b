"""Digests of what the cohort's stages see: part of their keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from spinefx.contract.features import Features
from spinefx.contract.labels import Labels
from spinefx.contract.samples import Split
from spinefx.store.keys import digest
from spinefx.store.records import row_parts


def of_inputs(anatomy: Features, labels: Labels, split: Split, facts: Mapping[str, Mapping[str, Any]]) -> str:
    """Digest of all that latent analysers see beside the latents."""
    told = [[vars(r) for r in labels.rows], dict(labels.columns), dict(labels.kinds)]
    told += [dict(labels.categories), labels.targets, labels.covariates]
    parts = [dict(split.part), dict(split.fold)]
    return digest([of_columns(anatomy), told, parts, {case: dict(known) for case, known in facts.items()}])


def of_columns(features: Features) -> str:
    """Digest of a whole feature table; every missing number is one and the same."""
    told = hashlib.sha256(json.dumps([row_parts(row) for row in features.rows]).encode())
    for name, values in features.columns.items():
        told.update(json.dumps(name).encode())
        told.update(np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes())
    return told.hexdigest()
