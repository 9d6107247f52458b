"""The options of every encoder."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

Whole = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
LatentDim = Annotated[int, Field(ge=1, le=1024)]


class ConvOptions(BaseModel, frozen=True, extra="forbid"):
    """What the convolutional encoders share."""

    latent_dim: LatentDim = Field(4, description="number of latents")
    decoder: Literal["atlas", "conv", "transposed"] = Field(
        "atlas",
        description="atlas: latents warp and mix learned templates; conv: interpolation and convolutions; transposed: "
        "strided transposed convolutions",
    )
    channels: Annotated[tuple[Whole, ...], Field(min_length=2, max_length=8)] = Field(
        (8, 16, 32, 64),
        description="feature maps per level of the encoder; every level after the first halves the grid",
    )
    pool: bool = Field(True, description="average axes of 32 voxels or more by 2 before the first convolution")
    first_stride: Literal[1, 2] = Field(1, description="stride of the first level; 2 halves the grid there, too")
    norm: Literal["group", "batch", "none"] = Field("group", description="normalisation after each convolution")
    activation: Literal["silu", "relu"] = Field("silu", description="what follows the normalisation")
    residual: bool = Field(False, description="a residual convolution more on every level of the encoder")
    templates: Annotated[int, Field(ge=0, le=256)] = Field(
        8, description="templates that the atlas mixes, beside the mean shape"
    )
    control: tuple[Whole, Whole, Whole] = Field(
        (3, 4, 4), description="control points (z, y, x) of the atlas's warp over the sample"
    )
    width: Whole = Field(64, description="hidden units between latents and decoder")
    epochs: Whole = Field(50, description="passes over the training samples at most")
    patience: Whole = Field(15, description="epochs without a better validation loss after which training stops")
    batch: Whole | Literal["auto"] = Field(
        4,
        description='samples per step, over all processes; "auto": as many as half of the free memory holds, 64 at most',
    )
    optimiser: Literal["adamw", "muon"] = Field(
        "adamw",
        description="adamw; or muon: steps made orthogonal, which learn a hard task by heart in far fewer epochs",
    )
    lr: Annotated[float, Field(gt=0, lt=1)] = Field(
        5e-3, description="highest learning rate; 0.02 unless given with muon"
    )
    schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="cosine: falls to nothing over the epochs; constant: stays; both after a warm-up"
    )
    weight_decay: Weight = Field(
        1e-2, description="decay of weights, by its product with the rate (not of biases and norms)"
    )
    clip: Annotated[float, Field(gt=0)] = Field(1.0, description="largest norm of the gradient")
    rollbacks: Annotated[int, Field(ge=0, le=20)] = Field(
        3, description="times that a loss which is not finite sends training back to the epoch before, at half the rate"
    )
    target: Literal["soft", "binary"] = Field(
        "soft", description="what decoded masks are held against: soft ones, or whole voxels (those above one half)"
    )
    dice_weight: Weight = Field(1.0, description="weight of 1 - Dice of the mask")
    bce_weight: Weight = Field(0.1, description="weight of the cross-entropy per mask voxel, beside Dice")
    distance_weight: Weight = Field(
        0.0, description="weight of the L1 error in mm of the decoded signed distance; needs the channel `distance`"
    )
    distance_mm: Annotated[float, Field(gt=0, le=100)] = Field(
        5.0, description="distances are cut off here before they are compared"
    )
    intensity_weight: Weight = Field(
        0.5, description="weight of the L1 error of intensity channels, in standard deviations"
    )
    ssim_weight: Weight = Field(0.0, description="weight of 1 - structural similarity of intensity channels")
    shape_weight: Weight = Field(
        0.3, description="weight of a linear guess of the mask's log-covariance from the latents; 0 switches it off"
    )
    latent_weight: Weight = Field(1e-3, description="weight of the latents' mean square")
    decorrelation_weight: Weight = Field(
        0.0,
        description="weight of the mean squared correlation between latents in a batch; wants a batch of 16 or more",
    )
    hide: Share = Field(
        0.0, description="share of the input's blocks that are hidden in training and must be rebuilt all the same"
    )
    hide_mm: Annotated[float, Field(gt=0, le=200)] = Field(8.0, description="side of a hidden block")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 on a GPU that has it, float32 on a CPU"
    )
    processes: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="processes that share each step: cores of a CPU, or the GPUs cuda:0, cuda:1, ..."
    )
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        1,
        description="threads of training and encoding, each process (samples are made ready in one more); another number "
        "may give other last bits, and more than there are free cores is slow",
    )
    memory_mb: Annotated[int, Field(ge=0)] = Field(
        1024, description="samples kept in memory at most, in MB; others are read again"
    )

    @model_validator(mode="before")
    @classmethod
    def _fit_rate(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("optimiser") == "muon":
            return {"lr": 0.02, **data}
        return data


class ConvAeOptions(ConvOptions, frozen=True, extra="forbid"):
    """Options of the encoder `conv-ae`."""


class ConvVaeOptions(ConvOptions, frozen=True, extra="forbid"):
    """Options of the encoder `conv-vae`."""

    latent_weight: Weight = Field(0.0, description="weight of the latents' mean square, beside the divergence")
    beta: Weight = Field(
        0.01, description="weight of the divergence (nats, summed over latents) from the standard normal"
    )
    free_bits: Weight = Field(0.1, description="nats per latent that cost nothing, so that none collapses")


class PcaOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the encoder `pca`."""

    latent_dim: LatentDim = Field(4, description="number of components")
    of: Literal["mask", "distance"] = Field(
        "mask", description="components of soft masks, or of signed distances (needs the channel `distance`)"
    )
    intensity_weight: Weight = Field(
        0.5, description="weight of intensity channels, in standard deviations, beside the mask; 0 leaves them out"
    )
    memory_mb: Annotated[int, Field(ge=1)] = Field(2048, description="samples held at a time at most, in MB")


Families = tuple[
    Literal[
        "morphology",
        "statistics",
        "intensity_histogram",
        "glcm",
        "glrlm",
        "glszm",
        "gldzm",
        "ngtdm",
        "ngldm",
    ],
    ...,
]


class RadiomicsOptions(BaseModel, frozen=True, extra="forbid"):
    """Which radiomic features, and over how many grey levels."""

    families: Annotated[Families, Field(min_length=1)] = Field(
        ("morphology", "statistics", "intensity_histogram", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"),
        description="families of features, as the IBSI divides them",
    )
    bins: Annotated[int, Field(ge=4, le=256)] = Field(
        32, description="grey levels between a structure's smallest and largest intensity"
    )


class RadiomicsAnalyserOptions(RadiomicsOptions, frozen=True, extra="forbid"):
    """The same, and of what."""

    structures: tuple[Literal["disc", "vertebra"], ...] = Field(("disc",), description="kinds that are measured")
    images: tuple[str, ...] = Field((), description="images that are measured in; none means all that a scan has")
