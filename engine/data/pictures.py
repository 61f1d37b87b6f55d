"""Decoding pictures into plain uint8 arrays, whatever their mode. Light to import: Pillow is loaded on first use."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.limits import MAX_IMAGE_PIXELS

if TYPE_CHECKING:
    import numpy as np

_ORIENTATION = 0x0112  # EXIF tag
_GREY_MODES = {"1", "L", "LA", "La"}
_WIDE_GREY_MODES = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


class UnreadablePictureError(Exception):
    """A picture that cannot be decoded; the text says why, for a warning."""


def decode(path: Path) -> tuple[np.ndarray, str]:
    """Read a picture.

    Returns:
        Its pixels as uint8 (height, width, 1 or 3), upright by its EXIF orientation, alpha laid over white;
        and the mode it was stored in, such as "RGB", "P", "CMYK", "I;16".

    Raises:
        UnreadablePictureError: corrupt, truncated, or larger than `MAX_IMAGE_PIXELS`.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels are what counts
            with Image.open(path) as image:
                _check_size(image)
                mode = image.mode
                upright = ImageOps.exif_transpose(image)
                return _to_array(upright), mode
    except UnreadablePictureError:
        raise
    except Exception as error:
        raise UnreadablePictureError(type(error).__name__) from error


def inspect(path: Path) -> tuple[tuple[int, int], str, bool]:
    """Look whether a picture can be decoded, without keeping it; JPEGs are decoded in an eighth of their size.

    Returns:
        Its height and width (upright), the mode it was stored in, and whether it is grey.

    Raises:
        UnreadablePictureError: as `decode` does.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                _check_size(image)
                mode, (width, height) = image.mode, image.size
                image.draft(None, (max(width // 8, 1), max(height // 8, 1)))
                image.load()
                turned = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
                grey = mode in _GREY_MODES | _WIDE_GREY_MODES or (mode == "P" and _is_grey_palette(image))
    except UnreadablePictureError:
        raise
    except Exception as error:  # a decoder fed with broken bytes raises anything
        raise UnreadablePictureError(type(error).__name__) from error
    return ((width, height) if turned else (height, width)), mode, grey


def _check_size(image: Any) -> None:
    if image.width * image.height > MAX_IMAGE_PIXELS:
        raise UnreadablePictureError(f"{image.width} × {image.height} pixels are too many")


def _to_array(image: Any) -> np.ndarray:
    import numpy as np
    from PIL import Image

    if image.mode in _WIDE_GREY_MODES:
        return _narrow(np.asarray(image, dtype=np.float64))[..., None]
    grey = image.mode in _GREY_MODES or (image.mode == "P" and _is_grey_palette(image))
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        image = Image.alpha_composite(paper, layer)
    array = np.asarray(image.convert("L" if grey else "RGB"), dtype=np.uint8)
    return np.ascontiguousarray(array[..., None] if array.ndim == 2 else array)


def _narrow(values: np.ndarray) -> np.ndarray:
    """Bring 16- and 32-bit greys to 8 bits: by their type's range, so that equal values stay equal over a data set."""
    import numpy as np

    top = float(values.max(initial=0.0))
    if top <= 1.0 and values.min(initial=0.0) >= 0.0 and not np.array_equal(values, np.floor(values)):
        scale = 255.0  # floating point pictures hold 0 to 1
    elif top <= 255.0:
        scale = 1.0
    else:
        scale = 255.0 / 65535.0 if top <= 65535.0 else 255.0 / top
    return np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)


def _is_grey_palette(image: Any) -> bool:
    palette = image.getpalette("RGB") or []
    used = {value for _, value in image.getcolors(256) or []}
    return all(palette[3 * i] == palette[3 * i + 1] == palette[3 * i + 2] for i in used if 3 * i + 2 < len(palette))
