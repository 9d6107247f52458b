"""Pictures as data URIs, small, within a budget that holds for the whole page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from spinefx.report.folder import RunFolder

_PNG_UP_TO = 8_000
_PIXEL_ART_BELOW = 140
_QUALITY = 84


@dataclass(frozen=True)
class Picture:
    """A picture on the page: its address, its size, and whether its pixels are few enough to be shown as they are."""

    uri: str
    width: int
    height: int
    coarse: bool


class Album:
    """Embeds pictures of one run until `budget` bytes are used; then counts what it turned away."""

    def __init__(self, run: RunFolder, *, budget: int = 12_000_000) -> None:
        self._run = run
        self._left = budget
        self.refused = 0

    def embed(self, name: str, *, small: bool = False) -> Picture | None:
        """The picture of that name, half as wide where `small`; None where absent, unreadable or over the budget."""
        content = self._run.content(name)
        if content is None:
            return None
        from PIL import Image

        try:
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                if small:
                    image.thumbnail((image.width // 2, image.height // 2), Image.Resampling.BOX)
                width, height = image.size
                if small or len(content) > _PNG_UP_TO:
                    content, kind = _small(image), "webp"
                else:
                    kind = "png"
                    image.verify()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
        address = f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
        if len(address) > self._left:
            self.refused += 1
            return None
        self._left -= len(address)
        return Picture(address, width, height, max(width, height) < _PIXEL_ART_BELOW)


def _small(image: object) -> bytes:
    """The image as WebP at a quality that keeps thin contours; same pixels, same bytes."""
    from PIL import Image

    assert isinstance(image, Image.Image)  # noqa: S101  (narrows the type: Pillow is imported late)
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="WEBP", quality=_QUALITY, method=2)
    return buffer.getvalue()
