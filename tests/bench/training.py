"""`python -m tests.bench.training [--epochs 12]`: samples per second in training, beside the same model fed from memory.

The same network takes the same steps twice: from the store, augmented (flip, affine), and from one batch that lies in memory.
What is left of the second's rate in the first is what data cost; 5 % at most are asked for. Samples are made ready in a thread of their
own: where a core is free for it, what data cost is what the training thread itself spends on them, told in CPU beside the rates, which
hang on what else the machine does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from spinefx_augment.options import AffineOptions, FlipOptions
from spinefx_augment.spatial import Affine, Flip
from spinefx_autoencoder.batches import Batch, Batches
from spinefx_autoencoder.cohort import survey
from spinefx_autoencoder.layout import layout_of
from spinefx_autoencoder.model import fresh
from spinefx_autoencoder.objective import Dice
from spinefx_autoencoder.options import ConvAeOptions
from spinefx_autoencoder.scope import calm
from spinefx_autoencoder.team import Place, gathered
from spinefx_autoencoder.training import Trainer

from spinefx.api import Fitting, Grid, Row, Sample, SampleList
from spinefx.store.cache import Cache
from spinefx.store.samples import StoredSamples, places, put_samples
from spinefx.work.cohort.augment import Augmentation


def _stored(folder: Path, shape: tuple[int, int, int], count: int) -> StoredSamples:
    cache, rng = Cache(folder), np.random.default_rng(0)
    z, y, x = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    for number in range(count):
        size = rng.uniform(0.8, 1.2, 3)
        level = np.sqrt((z / 6 / size[0]) ** 2 + (y / 16 / size[1]) ** 2 + (x / 23 / size[2]) ** 2)
        mask = np.clip((1 - level) * 4 + 0.5, 0, 1).astype(np.float32)
        sample = Sample(Row(f"c{number}", f"p{number}", "disc", "L1-L2"), mask[None], mask, Grid(shape), ("mask",))
        put_samples(cache, f"{number:064x}", [sample])
    return StoredSamples(cache, tuple(p for n in range(count) for p in places(cache, f"{n:064x}")))


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--samples", type=int, default=48)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        samples = _stored(Path(name), (32, 48, 64), chosen.samples)
        augment = Augmentation(samples, [Flip(FlipOptions()), Affine(AffineOptions())], 0)
        fitting = Fitting(samples, SampleList(()), augment, 0, Path(name))
        options = ConvAeOptions()
        kind, mean = survey(samples)
        import torch

        with calm(options.threads), gathered("cpu", "auto", Place()) as team:
            net = fresh(layout_of(kind, options), 0, torch.from_numpy(mean))
            trainer = Trainer(net, kind, options, fitting, "bench", 4, team, "conv-ae")
            trainer.ready()
            held = next(iter(Batches(fitting, kind, 4, 1024, team.share).training(1)))
            rates: dict[str, list[float]] = {"from the store, augmented": [], "from memory": []}
            own: dict[str, list[float]] = {what: [] for what in rates}
            for epoch in range(1, chosen.epochs + 1):
                for what in rates:
                    feed = (
                        trainer.batches.training(epoch)
                        if what.startswith("from the")
                        else _same(held, trainer.batches.steps)
                    )
                    begun, spent, seen = time.perf_counter(), time.thread_time(), 0
                    for batch in feed:
                        _, whole, _ = trainer._losses(batch, Dice(None, None))
                        trainer.optimiser.zero_grad(set_to_none=True)
                        team.fabric.backward(whole)
                        trainer.optimiser.step()
                        seen += len(batch.mask)
                    rates[what].append(seen / (time.perf_counter() - begun))
                    own[what].append(1e3 * (time.thread_time() - spent) / seen)
            best = {what: float(np.median(found)) for what, found in rates.items()}
            for what, rate in best.items():
                print(f"{what:<28}{rate:8.1f} samples/s")
            stored, fed = (np.array(found) for found in rates.values())
            low, cost, high = np.percentile(100 * (1 - stored / fed), [25, 50, 75])
            print(
                f"data cost {cost:.1f} % of the rate, median of pairs of epochs ({low:.1f} to {high:.1f} for the middle half)"
            )
            store, memory = (float(np.median(found)) for found in own.values())
            told = f"{store:.1f} ms of CPU a sample from the store, {memory:.1f} from memory"
            print(f"the training thread takes {told}: {100 * (store / memory - 1):+.1f} %")
            print(f"a sample made ready takes {_cpu(augment):.2f} ms of CPU, in a thread beside the training's")


def _cpu(augment: Augmentation) -> float:
    """Milliseconds of CPU that one augmented sample takes, read from the store."""
    begun = time.thread_time()
    for index in range(len(augment.samples)):
        augment(index, 99)
    return 1e3 * (time.thread_time() - begun) / len(augment.samples)


def _same(batch: Batch, steps: int) -> list[Batch]:
    return [batch] * steps


if __name__ == "__main__":
    main()
