"""What good and bad masks look like: one phantom, right and with five faults planted, beside the cases' own pictures."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from spinefx.report.pictures import Picture

_FOLDER = Path(__file__).parent / "guide"
_TOLD = (
    (
        "good",
        "Good",
        "Contours run along bone and disc on every plane; levels are counted without a gap from the sacrum.",
    ),
    (
        "shifted",
        "Shifted",
        "All contours off by the same way: image and mask have different headers. Measures look normal.",
    ),
    (
        "renamed",
        "Misnamed",
        "Every level named as its neighbour: labels will meet the wrong discs. Count from the sacrum.",
    ),
    (
        "merged",
        "Merged",
        "Two bodies and the disc between them under one name: heights and volumes double, a level is gone.",
    ),
    (
        "holed",
        "Slices missing",
        "Gaps on the coronal plane: the mask was not drawn on some slices; widths and volumes are low.",
    ),
    ("cut", "Cut off", "A structure ends short of its border: the field of view, or the model, stopped there."),
)


@dataclass(frozen=True)
class Example:
    """One example: its name, what to see in it, its picture."""

    title: str
    about: str
    picture: Picture


def examples() -> tuple[Example, ...]:
    """The good one first, then the faults."""
    return tuple(Example(title, about, _picture(_FOLDER / f"{name}.webp")) for name, title, about in _TOLD)


def _picture(path: Path) -> Picture:
    from PIL import Image

    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
    return Picture(f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}", width, height, coarse=False)
