"""The options of the convolutional encoders do what they say, and each variant passes as an encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from learn_samples import SMALL, cohort, conv_ae, fitting, iou, killed_at, split
from skimage.metrics import structural_similarity
from spinefx_autoencoder import losses
from spinefx_autoencoder.conv_ae import ConvAe, ConvVae
from spinefx_autoencoder.layout import Layout
from spinefx_autoencoder.model import Passed, empty, fresh
from spinefx_autoencoder.objective import Objective
from spinefx_autoencoder.options import ConvAeOptions, ConvVaeOptions, PcaOptions
from spinefx_autoencoder.pca import Pca

from spinefx.api import DataError, Encoder, Grid, Row, Sample, SampleList
from spinefx.work.cases.distance import signed_distance

STUDY = {
    "decoder": "transposed",
    "channels": (32, 64, 128, 256, 512),
    "pool": False,
    "first_stride": 2,
    "norm": "batch",
    "activation": "relu",
}


def conv_vae(**options):
    return ConvVae(ConvVaeOptions(**{**SMALL, **options}))


def with_distance(samples: SampleList) -> SampleList:
    """The same with a channel of signed distances, named."""
    made = []
    for s in samples:
        image = np.stack([s.mask, signed_distance(s.mask, s.grid.spacing)])
        made.append(Sample(s.row, image, s.mask, s.grid, ("mask", "distance")))
    return SampleList(tuple(made))


@pytest.mark.parametrize(
    "options",
    [
        {"residual": True},
        {"norm": "batch", "activation": "relu"},
        {"norm": "none", "decoder": "conv"},
        {"decoder": "transposed", "first_stride": 2, "pool": False},
        {"decoder": "transposed"},
        {"first_stride": 2, "decoder": "atlas"},
        {"schedule": "constant"},
        {"hide": 0.3},
    ],
    ids=str,
)
def test_every_variant_fits_saves_loads_and_gives_the_same_bytes_again(tmp_path, options):
    train, validation, test = split(cohort(6)[0], validation=1, test=1)
    found = []
    for name in "ab":
        model = conv_ae(epochs=2, **options)
        history = model.fit(fitting(train, validation, tmp_path / name))
        model.save(tmp_path / name / "model")
        found.append((tmp_path / name / "model" / "weights.safetensors").read_bytes())
    assert found[0] == found[1]
    assert np.isfinite(history[-1]["validation_loss"])
    other = ConvAe(ConvAeOptions())
    other.load(tmp_path / "a" / "model")
    assert np.array_equal(other.encode(test).z, model.encode(test).z)
    assert np.array_equal(other.decode(other.encode(test).z), model.decode(model.encode(test).z))


def test_the_study_s_network_has_its_layers_and_its_number_of_weights():
    layout = Layout((64, 64, 64), (1.0,) * 3, 1, 1, 4, STUDY["channels"], "transposed", 0, (1, 1, 1), 1)
    layout = Layout(**{**vars(layout), "halved": False, "first_stride": 2, "norm": "batch", "activation": "relu"})
    net = empty(layout)
    assert layout.levels[-1] == (2, 2, 2)
    up, down = (32, 64, 128, 256, 512), (512, 256, 128, 64, 32)
    convolutions = sum(a * b * 27 for a, b in zip((1, *up), up, strict=False))
    transposed = sum(a * b * 27 + b for a, b in zip(down, (*down[1:], 1), strict=True))
    norms = 2 * sum(up) + 2 * sum(down[1:])
    linear = 4096 * 4 + 4 + 4 * 4096 + 4096
    own = sum(p.numel() for name, p in net.named_parameters() if not name.startswith("shape_guess"))
    biases = sum(up)  # of convolutions before a batch norm, which takes them out again
    assert own + biases == convolutions + biases + transposed + norms + linear
    net = fresh(layout, 0, torch.zeros(1, 64, 64, 64)).train()
    assert net(torch.rand(2, 1, 64, 64, 64)).outputs.shape == (2, 1, 64, 64, 64)


def test_a_noisy_encoder_is_one_and_its_latents_are_the_means(tmp_path):
    train, validation, test = split(cohort(8)[0], validation=1, test=2)
    model = conv_vae(epochs=6)
    assert isinstance(model, Encoder)
    model.fit(fitting(train, validation, tmp_path / "w"))
    assert np.array_equal(model.encode(test).z, model.encode(test).z)
    assert iou(model.decode(model.encode(test).z), test) > 0.5
    model.save(tmp_path / "m")
    with pytest.raises(DataError, match="a model of 'conv-vae', not of 'conv-ae'"):
        conv_ae().load(tmp_path / "m")


def test_a_large_beta_draws_latents_to_the_normal_and_free_bits_keep_them_alive(tmp_path):
    train, validation, _ = split(cohort(8)[0], validation=1, test=1)
    spread = {}
    for name, options in {"small": {"beta": 1e-4}, "large": {"beta": 3.0, "free_bits": 0.0}}.items():
        model = conv_vae(epochs=6, **options)
        model.fit(fitting(train, validation, tmp_path / name))
        spread[name] = model._raw(train)[0].std(axis=0).max()
    assert spread["large"] < 0.5 * spread["small"]


def test_a_noisy_fit_that_was_stopped_ends_with_the_bytes_of_a_straight_one(tmp_path):
    train, validation, _ = split(cohort(5)[0], validation=1, test=1)
    straight, later = conv_vae(epochs=3, hide=0.2), conv_vae(epochs=3, hide=0.2)
    straight.fit(fitting(train, validation, tmp_path / "a"))
    with pytest.raises(KeyboardInterrupt):
        conv_vae(epochs=3, hide=0.2).fit(fitting(train, validation, tmp_path / "b", epoch_done=killed_at(2)))
    later.fit(fitting(train, validation, tmp_path / "b"))
    for model, name in ((straight, "a"), (later, "b")):
        model.save(tmp_path / name / "m")
    one, two = ((tmp_path / n / "m" / "weights.safetensors").read_bytes() for n in "ab")
    assert one == two


def test_divergence_is_torch_s_and_never_below_the_free_bits():
    z, spread = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)), torch.full((50, 3), -0.7)
    normal = torch.distributions.Normal
    wanted = torch.distributions.kl_divergence(normal(z, (0.5 * spread).exp()), normal(0.0, 1.0)).mean(0).sum()
    assert torch.allclose(losses.divergence(z, spread, free_bits=0.0), wanted, atol=1e-5)
    assert float(losses.divergence(z * 0, spread * 0, free_bits=0.1)) == pytest.approx(0.3)


def test_similarity_is_scikit_image_s():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(12, 14, 16)).astype(np.float32)
    b = (a + rng.normal(0, 0.5, a.shape)).astype(np.float32)
    found = float(losses.ssim(torch.tensor(a[None, None]), torch.tensor(b[None, None])))
    full = structural_similarity(a, b, win_size=7, data_range=6.0, use_sample_covariance=False, full=True)[1]
    assert found == pytest.approx(full[3:-3, 3:-3, 3:-3].mean(), abs=1e-4)
    assert float(losses.ssim(torch.tensor(a[None, None]), torch.tensor(a[None, None]))) == pytest.approx(1.0)


def test_correlation_between_latents_is_numpy_s_and_falls_in_training(tmp_path):
    z = torch.randn(40, 4, generator=torch.Generator().manual_seed(1))
    z[:, 1] += z[:, 0]
    matrix = np.corrcoef(z.numpy().T)
    wanted = (matrix**2).sum() - 4.0
    assert float(losses.correlation(z)) == pytest.approx(wanted / 12, rel=1e-4)
    train, validation, _ = split(cohort(8)[0], validation=1, test=1)
    left = {}
    for weight in (0.0, 3.0):
        model = conv_ae(epochs=8, batch=9, decorrelation_weight=weight)
        model.fit(fitting(train, validation, tmp_path / str(weight)))
        left[weight] = float(losses.correlation(torch.tensor(model._raw(train)[0])))
    assert left[3.0] < 0.7 * left[0.0]


def test_a_signed_distance_is_rebuilt_from_its_channel_alone(tmp_path):
    samples = with_distance(cohort(10)[0])
    train, validation, test = split(samples, validation=1, test=2)
    options = {"dice_weight": 0.0, "bce_weight": 0.0, "distance_weight": 1.0, "shape_weight": 0.0}
    model = conv_ae(epochs=8, batch=4, **options)
    model.fit(fitting(train, validation, tmp_path / "w"))
    assert model.kind.channels.distance == 1
    assert model.kind.channels.intensities == ()
    assert iou(model.decode(model.encode(test).z), test) > 0.6
    model.save(tmp_path / "m")
    other = conv_ae()
    other.load(tmp_path / "m")
    assert other.kind == model.kind
    with pytest.raises(DataError, match="needs the channel `distance`"):
        conv_ae(**options).fit(fitting(cohort(3)[0], SampleList(()), tmp_path / "no"))


def test_components_of_signed_distances_decode_to_masks(tmp_path):
    train, _, test = split(with_distance(cohort(12)[0]), validation=1, test=2)
    plain, signed = Pca(PcaOptions(latent_dim=4)), Pca(PcaOptions(latent_dim=4, of="distance"))
    for model in (plain, signed):
        model.fit(fitting(train, SampleList(()), tmp_path))
    a, b = (iou(m.decode(m.encode(test).z), test) for m in (plain, signed))
    assert b > a - 0.1
    signed.save(tmp_path / "m")
    other = Pca(PcaOptions())
    other.load(tmp_path / "m")
    assert np.array_equal(other.decode(signed.encode(test).z), signed.decode(signed.encode(test).z))
    with pytest.raises(DataError, match="needs the channel `distance`"):
        Pca(PcaOptions(of="distance")).fit(fitting(cohort(4)[0], SampleList(()), tmp_path))


def test_hidden_blocks_are_as_many_as_asked_for_and_hang_on_seed_epoch_and_step():
    kind = _kind()
    aim = Objective(ConvAeOptions(hide=0.25, hide_mm=4.0), kind)
    shown = aim.drawn(1, 2, 3, 200).shown
    assert float(shown.mean()) == pytest.approx(0.75, abs=0.02)
    assert torch.equal(shown, aim.drawn(1, 2, 3, 200).shown)
    assert not torch.equal(shown, aim.drawn(1, 2, 4, 200).shown)


def test_a_binary_target_is_reached_by_whole_voxels_alone():
    soft = torch.from_numpy(cohort(1)[0][0].mask.copy())[None]
    whole = (soft > 0.5).float()
    passed = Passed(torch.logit(soft.clamp(1e-6, 1 - 1e-6))[:, None], torch.zeros(1, 4), None, torch.zeros(1, 6))
    sharp = Passed((whole * 2 - 1)[:, None] * 30.0, *passed[1:])
    options = {"shape_weight": 0.0, "latent_weight": 0.0, "bce_weight": 1.0}
    for target, wins, loses in (("soft", passed, sharp), ("binary", sharp, passed)):
        aim = Objective(ConvAeOptions(target=target, **options), _kind())
        assert float(aim.loss(wins, soft[:, None], soft)) < 0.8 * float(aim.loss(loses, soft[:, None], soft))
    assert float(aim.loss(sharp, soft[:, None], soft)) < 1e-6


def _kind():
    from spinefx_autoencoder.cohort import survey

    return survey(cohort(1)[0])[0]


def test_channels_of_other_names_are_refused(tmp_path):
    train, validation, _ = split(with_distance(cohort(4)[0]), validation=1, test=1)
    model = conv_ae(epochs=1)
    model.fit(fitting(train, validation, tmp_path))
    mask = np.zeros((16, 24, 24), np.float32)
    grid = Grid((16, 24, 24), (1.0, 2.0, 2.0))
    other = SampleList((Sample(Row("a", "a", "disc", "L1"), np.stack([mask, mask]), mask, grid, ("mask", "t2")),))
    with pytest.raises(DataError, match="has the channels mask, t2, this encoder was made for mask, distance"):
        model.encode(other)


def test_batch_norm_in_several_processes_is_refused(tmp_path):
    with pytest.raises(DataError, match='use "group"'):
        conv_ae(norm="batch", processes=2).fit(fitting(cohort(3)[0], SampleList(()), tmp_path))


@pytest.mark.parametrize("batch", [1, 4])
def test_batch_norm_of_one_sample_s_one_voxel_is_refused(tmp_path, batch):
    with pytest.raises(DataError, match=r"nothing to average: a batch of one sample \(of 9, by"):
        deep = {"norm": "batch", "channels": (4,) * 6, "batch": batch}
        conv_ae(**deep).fit(fitting(cohort(3)[0], SampleList(()), tmp_path))
    conv_ae(norm="batch", channels=(4,) * 6, batch=5, epochs=1).fit(fitting(cohort(3)[0], SampleList(()), tmp_path))
