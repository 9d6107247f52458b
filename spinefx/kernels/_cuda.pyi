import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Sizes = tuple[int, ...]

architectures: str

class CudaError(RuntimeError): ...

def devices() -> list[tuple[str, tuple[int, int], float]]: ...
def sample(
    pixel: str,
    data: int,
    source: Sizes,
    out: int,
    target: Sizes,
    count: int,
    matrix: Floats,
    nearest: bool,
    fill: float,
    displacement: int,
    field: Floats | None,
    stream: int,
) -> None: ...
def label_sums(pixel: str, labels: int, shape: Sizes, stream: int) -> tuple[Whole, Whole, Whole, Whole, Whole]: ...
def soft_moments(maps: int, count: int, shape: Sizes, out: int, stream: int) -> None: ...
