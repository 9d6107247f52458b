import numpy as np
from numpy.typing import NDArray

def scaled(values: NDArray[np.float32], factor: float, offset: float, out: NDArray[np.float32]) -> None: ...
