"""The optimiser `muon` against singular values, torch's own Muon and AdamW; and in a fit."""

from __future__ import annotations

import math

import pytest
import torch
from learn_samples import cohort, conv_ae, fitting, iou, killed_at, split
from spinefx_autoencoder.layout import Layout
from spinefx_autoencoder.model import fresh, groups_by_inputs
from spinefx_autoencoder.muon import Muon, inverse_root
from spinefx_autoencoder.options import ConvAeOptions
from torch import nn

_RANDOM = torch.Generator().manual_seed(0)


def _drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=_RANDOM)


def _orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    left, _, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    return (left @ right).float()


def test_the_inverse_root_takes_singular_values_away():
    matrix = _drawn(12, 40)
    assert torch.allclose(inverse_root(matrix @ matrix.T) @ matrix, _orthogonal(matrix), atol=1e-4)
    few = _drawn(12, 3) @ _drawn(3, 40)
    values = torch.linalg.svdvals(inverse_root(few @ few.T) @ few)
    assert torch.allclose(values[:3], torch.ones(3), atol=1e-2)
    assert float(values[3:].max()) < 1e-2
    assert torch.equal(inverse_root(torch.zeros(4, 4)) @ torch.zeros(4, 9), torch.zeros(4, 9))


@pytest.mark.parametrize(
    ("shape", "fan_in", "rows"),
    [((8, 3, 3, 3, 3), 81, 1), ((3, 8, 3, 3, 3), 10.125, 0), ((8, 1, 3, 3, 3), 27, 0), ((40, 4), 4, 0)],
)
def test_a_first_step_has_equal_singular_values_and_the_size_that_was_asked_for(shape, fan_in, rows):
    p = nn.Parameter(_drawn(*shape))
    before, p.grad = p.detach().clone(), _drawn(*shape)
    gradient = p.grad.transpose(0, rows).reshape(shape[rows], -1)
    Muon([{"params": [p], "fan_in": fan_in}], lr=0.02).step()
    step = (before - p.detach()).transpose(0, rows).reshape(shape[rows], -1)
    size = 0.02 * math.sqrt(max(gradient.shape) / fan_in)
    assert torch.allclose(step, size * _orthogonal(gradient), atol=1e-4 * size)
    assert float(step.pow(2).mean().sqrt()) == pytest.approx(0.02 / math.sqrt(fan_in), rel=1e-3)


def test_steps_point_where_torch_s_muon_goes():
    ours, theirs = nn.Parameter(torch.zeros(24, 60)), nn.Parameter(torch.zeros(24, 60))
    muon = Muon([{"params": [ours], "fan_in": 60}], lr=0.02)
    peer = torch.optim.Muon([theirs], lr=0.02, momentum=0.95, weight_decay=0.0)
    for _ in range(12):
        ours.grad = theirs.grad = _drawn(24, 60)
        muon.step()
        peer.step()
    likeness = torch.cosine_similarity(ours.detach().flatten(), theirs.detach().flatten(), dim=0)
    assert float(likeness) > 0.95  # theirs leaves singular values between .7 and 1.2, and looks at every step's anew


def test_vectors_take_adamw_s_step_at_a_twentieth_of_the_rate():
    ours, theirs = nn.Parameter(torch.ones(7)), nn.Parameter(torch.ones(7))
    muon = Muon([{"params": [ours], "weight_decay": 0.1}], lr=0.02)
    peer = torch.optim.AdamW([theirs], lr=0.001, betas=(0.9, 0.99), weight_decay=0.1, foreach=False)
    for _ in range(5):
        ours.grad = theirs.grad = _drawn(7)
        muon.step()
        peer.step()
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("decoder", ["atlas", "conv", "transposed"])
def test_every_number_of_a_network_is_in_one_group_and_fan_in_is_what_it_was_drawn_with(decoder):
    layout = Layout((16, 24, 24), (1.0,) * 3, 1, 1, 4, (4, 8, 8), decoder, 2, (2, 2, 2), 16)
    net = fresh(layout, 0, torch.zeros(1, 16, 24, 24))
    *hidden, decays, stays = groups_by_inputs(net, 0.5)
    grouped = [p for group in (*hidden, decays, stays) for p in group["params"]]
    assert sorted(map(id, grouped)) == sorted(map(id, net.parameters()))
    names = {id(p): name for name, p in net.named_parameters()}
    for group in hidden:
        assert [names[id(p)] for p in group["params"]] != ["encoder.latents.weight"]
        for p in group["params"]:
            rough = 3 / math.sqrt(p.numel())
            assert float(p.detach().std()) == pytest.approx(1 / math.sqrt(group["fan_in"]), rel=rough)
    assert [group["weight_decay"] for group in (*hidden, decays, stays)] == [0.5] * (len(hidden) + 1) + [0.0]


def test_an_output_of_a_strided_kernel_sums_an_eighth_of_its_taps():
    layout = Layout((16, 24, 24), (1.0,) * 3, 1, 1, 4, (4, 8, 8), "transposed", 2, (2, 2, 2), 16)
    net = fresh(layout, 0, torch.zeros(1, 16, 24, 24))
    fan_in = {id(group["params"][0]): group.get("fan_in") for group in groups_by_inputs(net, 0.0)}
    wanted = {"encoder.blocks.1.0": 4 * 27, "decoder.hidden": 4, "decoder.up.0": 8 * 27 / 8, "decoder.up.1": 8 * 27 / 8}
    assert {name: fan_in[id(net.get_submodule(name).weight)] for name in wanted} == wanted


def test_the_rate_is_muon_s_own_unless_given():
    assert ConvAeOptions(optimiser="muon").lr == 0.02
    assert ConvAeOptions(optimiser="muon", lr=0.01).lr == 0.01
    assert ConvAeOptions().lr == 5e-3


@pytest.mark.parametrize("decoder", ["atlas", "transposed"])
def test_a_network_learns_by_muon(decoder, tmp_path):
    train = cohort(6)[0]
    model = conv_ae(decoder=decoder, optimiser="muon", epochs=30, batch=4)
    history = model.fit(fitting(train, train.of_patients([]), tmp_path))
    assert history[0]["train_loss"] < 3.0
    assert iou(model.decode(model.encode(train).z), train) > 0.8


def test_a_fit_by_muon_that_was_stopped_ends_with_the_bytes_of_a_straight_one(tmp_path):
    train, validation, _ = split(cohort(5)[0], validation=1, test=1)
    wanted = {"epochs": 4, "optimiser": "muon", "decoder": "transposed"}
    conv_ae(**wanted).fit(fitting(train, validation, tmp_path / "a"))
    for epoch in (1, 3):
        work = tmp_path / f"b{epoch}"
        with pytest.raises(KeyboardInterrupt):
            conv_ae(**wanted).fit(fitting(train, validation, work, epoch_done=killed_at(epoch)))
        later, straight = conv_ae(**wanted), conv_ae(**wanted)
        later.fit(fitting(train, validation, work))
        straight.fit(fitting(train, validation, tmp_path / "a"))
        for model, name in ((straight, "s"), (later, "l")):
            model.save(tmp_path / name)
        one, two = ((tmp_path / name / "weights.safetensors").read_bytes() for name in "sl")
        assert one == two
