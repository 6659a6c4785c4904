"""Colours of decoded pictures: 8 bits per sample, and sRGB, which browsers assume where a file has no profile."""

from io import BytesIO

from PIL import Image, ImageCms

WHITE_16_BIT = 65535
REDUCE_16_BIT = [(value * 255 + WHITE_16_BIT // 2) // WHITE_16_BIT for value in range(WHITE_16_BIT + 1)]
MODE_OF_SPACE = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
"""ICC colour space → Pillow's mode."""


def reduce_samples(picture: Image.Image, raw_mode: str) -> Image.Image:
    """The picture as L, LA, RGB, RGBA or CMYK. `raw_mode` is Pillow's name for the samples in the file."""
    if picture.mode.startswith("I"):
        return _reduce_grey(picture)
    if raw_mode == "LA;16B":  # Pillow decodes it as RGBA.
        return picture.convert("LA")
    if "transparency" in picture.info:
        _reduce_transparency(picture, raw_mode)
    if picture.mode in ("1", "L", "LA"):
        return picture.convert("LA" if picture.has_transparency_data else "L")
    if picture.mode == "CMYK":
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture of `reduce_samples` as RGB or RGBA. A profile that cannot be applied is ignored."""
    alpha = picture.getchannel("A") if picture.mode in ("LA", "RGBA") else None
    colours = picture.convert(picture.mode.removesuffix("A"))
    converted = (profile and _convert(colours, profile)) or colours.convert("RGB")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _convert(colours: Image.Image, profile: bytes) -> Image.Image | None:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = MODE_OF_SPACE[source.profile.xcolor_space.strip()]
        if mode != colours.mode:
            if (colours.mode, mode) != ("L", "RGB"):
                return None
            colours = colours.convert("RGB")
        return ImageCms.profileToProfile(
            colours,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except Exception:  # a profile is any bytes, and Pillow has no base class for what it raises
        return None


def _reduce_grey(picture: Image.Image) -> Image.Image:
    """16-bit grey; `convert` would clip all above 255 to white."""
    wide = picture.convert("I")
    grey = wide.point(REDUCE_16_BIT, "L")
    if isinstance(transparent := picture.info.get("transparency"), int):
        opaque = [255] * (WHITE_16_BIT + 1)
        opaque[min(transparent, WHITE_16_BIT)] = 0
        grey.putalpha(wide.point(opaque, "L"))
    return grey


def _reduce_transparency(picture: Image.Image, raw_mode: str) -> None:
    """The transparent colour counts in samples of the file: Pillow leaves 3 of 2 bits as it is, not as 255."""
    value = picture.info["transparency"]
    if raw_mode in ("L;2", "L;4"):
        picture.info["transparency"] = value * (85 if raw_mode == "L;2" else 17)
    elif raw_mode == "RGB;16B":
        picture.info["transparency"] = tuple(sample >> 8 for sample in value)
