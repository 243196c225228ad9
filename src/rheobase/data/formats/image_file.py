"""Reader of image files, through Pillow: PNG, JPEG, TIFF and what else it decodes, one picture each."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import DataError
from rheobase.files import why

# what each of Pillow's modes holds that can be read without a loss or a choice
_GREY, _RGB, _PALETTE, _WITH_ALPHA = {"1", "L"}, {"RGB"}, {"P", "PA"}, {"LA", "La", "RGBA", "RGBa"}
_DEEP = {"I;16", "I;16L", "I;16B", "I;16N"}
_FROM_CONVERSION = {"CMYK", "YCbCr", "LAB", "HSV", "RGBX"}


def read_image(path: Path, *, size: tuple[int, int] | None = None, colour: str | None = None) -> np.ndarray:
    """The pixels of an image: (height, width) of a grey one, (height, width, 3) of a colour one.

    uint8, or float32 in [0, 1] where the file has 16 bits a pixel. The turn that a camera notes (EXIF) is applied.
    `size` (width, height) resizes, bilinear, without keeping the proportions; `colour`, grey or rgb, converts.

    **Raises**: DataError for a file that cannot be decoded, has several pictures, transparent pixels, or values whose
    range the file does not tell.
    """
    from PIL import Image, ImageOps

    try:
        if not path.stat().st_size:
            raise DataError(str(path), "an empty file of 0 bytes", "an image", "get the file again")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # of odd metadata; the pixels are whole or an error
            with Image.open(path) as image:
                if getattr(image, "n_frames", 1) > 1:
                    given = f"{getattr(image, 'n_frames', 1)} pictures in one file"
                    raise DataError(str(path), given, "one", "save each picture as a file of its own")
                image.load()
                return _pixels(ImageOps.exif_transpose(image), path, size, colour)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(str(path), f"an image that is too large ({error})", "fewer pixels", "scale it down") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError, OverflowError) as error:
        # Pillow's plugins fail in any of these ways on damaged files
        reason = "no known kind of image" if isinstance(error, Image.UnidentifiedImageError) else why(error)
        given = f"an image that cannot be decoded ({reason})"
        raise DataError(str(path), given, "a whole image", "get or save the file again") from error


def _pixels(image: Any, path: Path, size: tuple[int, int] | None, colour: str | None) -> np.ndarray:
    from PIL import Image

    if image.mode in _PALETTE:
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if image.mode in _WITH_ALPHA:
        image = _opaque(image, path)
    elif "transparency" in image.info and image.mode in _GREY | _RGB:
        image = _opaque(image.convert("RGBA" if image.mode in _RGB else "LA"), path)
    if image.mode in _DEEP or (image.mode == "I" and image.format == "PNG"):
        return _deep(image, size, colour)
    if image.mode in _FROM_CONVERSION and colour is None:
        remedy = "--colour rgb or --colour grey converts it"
        raise DataError(str(path), f"an image of colour space {image.mode}", "grey or RGB", remedy)
    if image.mode not in _GREY | _RGB | _FROM_CONVERSION:
        remedy = "save it with 8 or 16 bits for each value"
        raise DataError(str(path), f"an image of mode {image.mode}, whose range is unknown", "8 or 16 bits", remedy)
    mode = {"grey": "L", "rgb": "RGB", None: "RGB" if image.mode in _RGB else "L"}[colour]
    image = image.convert(mode)
    if size is not None and image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(image)


def _opaque(image: Any, path: Path) -> Any:
    """Without an alpha channel that says nothing."""
    image = image.convert("RGBA" if image.mode.startswith("RGB") else "LA")
    least = image.getchannel("A").getextrema()[0]
    if least < 255:
        remedy = "lay it on the background that is meant, and save it without transparency"
        raise DataError(str(path), "transparent pixels", "opaque ones: what shows through is not in the file", remedy)
    return image.convert("RGB" if image.mode == "RGBA" else "L")


def _deep(image: Any, size: tuple[int, int] | None, colour: str | None) -> np.ndarray:
    """A grey image of 16 bits, float32 in [0, 1]."""
    from PIL import Image

    values = np.asarray(image).astype(np.float32) / 65535
    if size is not None and image.size != size:
        values = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR)).clip(0, 1)
    return np.repeat(values[..., None], 3, axis=-1) if colour == "rgb" else values
