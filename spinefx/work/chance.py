"""The only source of randomness: a seed, a name and a number give a generator, whoever asks and whenever."""

from __future__ import annotations

import hashlib

import numpy as np


def words(name: str) -> list[int]:
    """Four 32-bit words that stand for `name`, the same on every machine."""
    content = hashlib.sha256(name.encode()).digest()[:16]
    return [int.from_bytes(content[i : i + 4], "little") for i in range(0, 16, 4)]


def generator(seed: int, name: str, number: int = 0) -> np.random.Generator:
    """The generator of `name` (a sample, a patient) and `number` (an epoch) under `seed`."""
    return np.random.default_rng(np.random.SeedSequence([seed, *words(name), number]))


def uniform(seed: int, name: str) -> float:
    """One number in [0, 1) for `name` under `seed`."""
    return float(generator(seed, name).random())
