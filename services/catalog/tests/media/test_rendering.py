"""What becomes of the colours, the orientation and the frames of each kind of file."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image, UnidentifiedImageError
from services.catalog.tests.media.image_files import (
    GREY,
    GREY_ALPHA,
    RGB,
    RGB_ALPHA,
    encoded,
    grey_ink_profile,
    linear_grey_profile,
    png,
    png_chunk,
    ramp,
    swapped_profile,
)

from catalog.media.providers.pillow import (
    RenderedImage,
    TooManyPixelsError,
    UnusableImageError,
    inspect_image,
    render_variants,
)

RED = Image.new("RGB", (200, 120), (220, 30, 40))
TOLERANCE = 4
"""WebP is lossy."""


def large(content: bytes) -> Image.Image:
    inspect_image(content)
    return Image.open(BytesIO(render_variants(content).variants["large"]))


def assert_colours(content: bytes, *expected: tuple[int, ...]) -> None:
    """The pixels at equal distances along the middle row, RGB or RGBA; a transparent pixel's colour is no matter."""
    picture = large(content)
    assert picture.mode == ("RGBA" if len(expected[0]) == 4 else "RGB")
    steps = max(len(expected) - 1, 1)
    for step, colour in enumerate(expected):
        shown = picture.getpixel((step * (picture.width - 1) // steps, picture.height // 2))
        assert isinstance(shown, tuple)
        compared = slice(3, None) if colour[3:] == (0,) else slice(None)
        assert shown[compared] == pytest.approx(colour[compared], abs=TOLERANCE)


def grey(*levels: int) -> list[tuple[int, int, int]]:
    return [(level,) * 3 for level in levels]


def test_a_jpeg_with_several_pictures_is_the_first_of_them() -> None:
    blue = Image.new("RGB", RED.size, (0, 0, 255))
    mpo = encoded(RED, "MPO", save_all=True, append_images=[blue])
    assert inspect_image(mpo).content_type == "image/jpeg"
    assert_colours(mpo, (220, 30, 40))
    assert_colours(mpo[: mpo.index(b"\xff\xd9") + 2], (220, 30, 40))
    index = mpo.index(b"MPF\0")
    for damage in (b"XXXX", b"MM\0*\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"):
        assert_colours(mpo[: index + 4] + damage + mpo[index + 4 + len(damage) :], (220, 30, 40))


def test_16_bit_samples_keep_their_gradient() -> None:
    assert_colours(png((257, 64), 16, GREY, ramp(257)), *grey(0, 64, 128, 191, 255))
    veiled = png((257, 64), 16, GREY_ALPHA, ramp(257, 32896))
    assert_colours(veiled, *((level, level, level, 128) for level in (0, 64, 128, 191, 255)))
    half = png((256, 64), 16, RGB_ALPHA, struct.pack(">4H", 65535, 32896, 0, 32896) * 256)
    assert_colours(half, (255, 128, 0, 128))
    assert_colours(png((256, 64), 16, RGB, struct.pack(">3H", 65535, 32896, 0) * 256), (255, 128, 0))


def test_few_bits_per_sample_become_the_whole_range() -> None:
    assert_colours(png((64, 64), 1, GREY, b"\0" * 4 + b"\xff" * 4), *grey(0, 255))
    assert_colours(png((64, 64), 2, GREY, b"\0" * 8 + b"\xff" * 8), *grey(0, 255))
    assert_colours(png((64, 64), 4, GREY, b"\0" * 16 + b"\xff" * 16), *grey(0, 255))


@pytest.mark.parametrize(
    ("bits", "colour_type", "row", "transparent"),
    [
        (1, GREY, b"\0" * 4 + b"\xff" * 4, struct.pack(">H", 1)),
        (2, GREY, b"\0" * 8 + b"\xff" * 8, struct.pack(">H", 3)),
        (4, GREY, b"\0" * 16 + b"\xff" * 16, struct.pack(">H", 15)),
        (8, GREY, b"\0" * 32 + b"\xff" * 32, struct.pack(">H", 255)),
        (16, GREY, b"\0" * 64 + b"\xff" * 64, struct.pack(">H", 65535)),
        (8, RGB, b"\0" * 96 + b"\x80" * 96, struct.pack(">3H", 128, 128, 128)),
        (16, RGB, b"\0" * 192 + b"\x80" * 192, struct.pack(">3H", 0x8080, 0x8080, 0x8080)),
    ],
)
def test_the_transparent_colour_of_a_png_is_transparent_at_every_depth(
    bits: int, colour_type: int, row: bytes, transparent: bytes
) -> None:
    assert_colours(
        png((64, 64), bits, colour_type, row, png_chunk(b"tRNS", transparent)), (0, 0, 0, 255), (255, 255, 255, 0)
    )


def test_palettes_keep_colours_and_transparency() -> None:
    palette = Image.new("P", (200, 120), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(1, (100, 0, 200, 120))
    assert_colours(encoded(palette, "PNG"), (255, 0, 0), (0, 0, 255))
    assert_colours(encoded(palette, "PNG", transparency=1), (255, 0, 0, 255), (0, 0, 255, 0))
    assert_colours(encoded(palette, "PNG", transparency=b"\x80\x40"), (255, 0, 0, 128), (0, 0, 255, 64))


def test_grey_with_alpha_and_bilevel_pictures_are_shown() -> None:
    assert_colours(encoded(Image.new("LA", (200, 120), (100, 128)), "PNG"), (100, 100, 100, 128))
    assert_colours(encoded(Image.new("1", (200, 120), 1), "PNG"), (255, 255, 255))
    assert_colours(encoded(Image.new("L", (200, 120), 100), "JPEG"), (100, 100, 100))


def ycck() -> bytes:
    """A red JPEG in YCCK: Adobe's marker with transform 2. The inks (0, 255, 255) are converted as if they were RGB."""
    luma, blue, red = Image.new("RGB", (1, 1), (0, 255, 255)).convert("YCbCr").getpixel((0, 0))  # type: ignore[misc]
    # Pillow inverts what it writes, as Adobe inverts the key.
    picture = Image.new("CMYK", (200, 120), (255 - luma, 255 - blue, 255 - red, 0))
    content = encoded(picture, "JPEG", quality=95)
    at = content.index(b"Adobe") + 11
    assert content[at] == 0
    return content[:at] + b"\2" + content[at + 1 :]


def test_cmyk_and_ycck_jpegs_are_not_negatives() -> None:
    assert_colours(encoded(Image.new("CMYK", (200, 120), (0, 255, 255, 0)), "JPEG"), (255, 0, 0))
    assert_colours(encoded(Image.new("CMYK", (200, 120), (0, 0, 0, 255)), "JPEG"), (0, 0, 0))
    assert_colours(ycck(), (255, 0, 0))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_colour_profile_is_applied(kind: str) -> None:
    assert_colours(encoded(RED, kind, icc_profile=swapped_profile(), quality=95), (30, 220, 40))


def test_a_colour_profile_is_applied_beneath_transparency_and_palettes() -> None:
    profile = swapped_profile()
    half = Image.new("RGBA", RED.size, (220, 30, 40, 128))
    assert_colours(encoded(half, "PNG", icc_profile=profile), (30, 220, 40, 128))
    assert_colours(encoded(half, "WEBP", icc_profile=profile, lossless=True), (30, 220, 40, 128))
    palette = RED.quantize(2)
    assert_colours(encoded(palette, "PNG", icc_profile=profile), (30, 220, 40))


def test_profiles_of_grey_and_cmyk_are_applied() -> None:
    middle = Image.new("L", (200, 120), 128)
    for kind in ("JPEG", "PNG"):
        assert_colours(encoded(middle, kind, icc_profile=linear_grey_profile()), (188, 188, 188))
    with_alpha = encoded(Image.new("LA", (200, 120), (128, 128)), "PNG", icc_profile=linear_grey_profile())
    assert_colours(with_alpha, (188, 188, 188, 128))
    cyan = Image.new("CMYK", (200, 120), (255, 0, 0, 0))
    assert_colours(encoded(cyan, "JPEG"), (0, 255, 255))
    picture = large(encoded(cyan, "JPEG", icc_profile=grey_ink_profile()))
    red, green, blue = picture.getpixel((100, 60))  # type: ignore[misc]
    assert red == pytest.approx(green, abs=TOLERANCE) == pytest.approx(blue, abs=TOLERANCE)
    assert 100 < red < 200


@pytest.mark.parametrize("profile", [b"\0", b"no profile" * 50, swapped_profile()[:300], grey_ink_profile()])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_profile_that_is_damaged_or_of_other_colours_is_ignored(kind: str, profile: bytes) -> None:
    assert_colours(encoded(RED, kind, icc_profile=profile, quality=95), (220, 30, 40))


def with_chunk(content: bytes, kind: bytes, data: bytes) -> bytes:
    """The PNG with this chunk behind its header."""
    return content[:33] + png_chunk(kind, data) + content[33:]


def test_texts_and_profiles_of_any_size_do_not_reject_a_png() -> None:
    content = encoded(RED, "PNG")
    mebibytes = zlib.compress(b"x" * 5_000_000)
    for kind, data in (
        (b"iCCP", b"name\0\0" + mebibytes),
        (b"iCCP", b"name\0\7" + mebibytes),
        (b"iCCP", b"name"),
        (b"iCCP", b""),
        (b"zTXt", b"Comment\0\0" + mebibytes),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + mebibytes),
        (b"eXIf", b"no metadata"),
        (b"pHYs", b""),
    ):
        assert_colours(with_chunk(content, kind, data), (220, 30, 40))
    large_profile = zlib.compress(swapped_profile() + b"\0" * 2_000_000)
    assert_colours(with_chunk(content, b"iCCP", b"name\0\0" + large_profile), (30, 220, 40))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_are_upright_in_each_orientation(kind: str) -> None:
    upright = Image.new("RGB", (90, 60), (0, 0, 255))
    upright.paste((255, 0, 0), (0, 0, 45, 30))
    transpositions = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    for orientation, method in transpositions.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = upright if method is None else upright.transpose(method)
        rendered = render_variants(encoded(stored, kind, exif=exif))
        assert (rendered.width, rendered.height) == (90, 60)
        shown = first_variant(rendered)
        assert shown.size == (90, 60)
        corners = [shown.getpixel(at) for at in ((10, 10), (80, 10), (10, 50), (80, 50))]
        assert [max(range(3), key=corner.__getitem__) for corner in corners] == [0, 2, 2, 2]  # type: ignore[index]


def first_variant(rendered: RenderedImage) -> Image.Image:
    return Image.open(BytesIO(rendered.variants["large"]))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_damaged_metadata_do_not_reject_a_picture(kind: str) -> None:
    for exif in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40):
        assert_colours(encoded(RED, kind, exif=exif, quality=95), (220, 30, 40))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", RED.size, colour) for colour in ((0, 0, 255), (0, 255, 0))]
    animation = encoded(RED, kind, save_all=True, append_images=frames, duration=100, quality=95)
    assert_colours(animation, (220, 30, 40))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_truncated_files_are_damaged_and_never_another_error(kind: str) -> None:
    content = encoded(Image.effect_noise((300, 200), 80).convert("RGB"), kind)
    for length in (*range(1, 200, 7), len(content) // 2, len(content) * 9 // 10):
        with pytest.raises(UnusableImageError):
            render_variants(content[:length])


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG", "WEBP"])
def test_files_with_changed_bytes_are_rendered_or_unusable_and_never_another_error(kind: str) -> None:
    content = encoded(Image.effect_noise((60, 40), 80).convert("RGB"), kind, save_all=kind == "MPO")
    for at in range(min(len(content), 700)):
        changed = bytearray(content)
        changed[at] ^= 0xFF
        try:
            info = inspect_image(bytes(changed))
            if info.pixels < 1_000_000:
                render_variants(bytes(changed))
        except UnusableImageError:
            pass


@pytest.mark.parametrize(
    "error",
    [
        *(OSError("x"), SyntaxError("x"), ValueError(), struct.error(), KeyError("x"), AttributeError()),
        *(TypeError(), IndexError(), EOFError(), OverflowError(), ZeroDivisionError(), zlib.error(), RecursionError()),
        *(MemoryError(), NotImplementedError(), UnicodeDecodeError("ascii", b"", 0, 0, ""), AssertionError()),
        *(UnidentifiedImageError(), Image.DecompressionBombError()),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_the_decoder_raises_is_the_files_fault(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    content = encoded(RED, "JPEG")
    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", fail)
    with pytest.raises(UnusableImageError, match="picture"):
        render_variants(content)
    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(UnusableImageError, match="picture"):
        inspect_image(content)


def test_too_many_pixels_and_too_many_scans_are_told_before_decoding() -> None:
    bomb = bytearray(encoded(Image.new("L", (8, 8)), "PNG"))
    bomb[16:24] = (60_000).to_bytes(4) * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4)
    with pytest.raises(TooManyPixelsError):
        inspect_image(bytes(bomb))
    progressive = encoded(Image.effect_noise((300, 200), 80), "JPEG", progressive=True)
    scan = progressive.rindex(b"\xff\xda")
    with pytest.raises(UnusableImageError, match="scans"):
        inspect_image(progressive[:scan] + progressive[scan:-2] * 600 + b"\xff\xd9")
