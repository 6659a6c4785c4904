"""Image files that Pillow does not write: 16-bit PNGs, ICC profiles, damaged files."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

GREY, RGB, GREY_ALPHA, RGB_ALPHA = 0, 2, 4, 6
"""Colour types of PNG."""


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    target = BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size: tuple[int, int], bits: int, colour_type: int, row: bytes, *before_data: bytes) -> bytes:
    """A PNG whose rows are all `row`; `before_data` are chunks."""
    header = struct.pack(">IIBBBBB", *size, bits, colour_type, 0, 0, 0)
    data = zlib.compress((b"\0" + row) * size[1])
    chunks = (png_chunk(b"IHDR", header), *before_data, png_chunk(b"IDAT", data), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def ramp(samples: int, *others: int) -> bytes:
    """A row of 16-bit samples from 0 to 65535, each with `others` behind it."""
    return b"".join(struct.pack(f">{1 + len(others)}H", x * 65535 // (samples - 1), *others) for x in range(samples))


def icc_profile(space: bytes, connection: bytes, **tags: bytes) -> bytes:
    """An ICC profile of version 2 (ICC.1:2001-04, 6) with these tags."""
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        table += name.encode() + struct.pack(">II", start + len(data), len(tag))
        data += tag + b"\0" * (-len(tag) % 4)
    white = struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    header = struct.pack(
        ">I4sI4s4s4s12s4s28s12s48s",
        *(start + len(data), b"", 0x02200000, b"prtr", space, connection, b"", b"acsp", b"", white, b""),
    )
    return header + table + data


def linear_grey_profile() -> bytes:
    """Grey whose samples are proportional to the light, which sRGB's are not."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    return icc_profile(b"GRAY", b"XYZ ", wtpt=white, kTRC=b"curv\0\0\0\0\0\0\0\0")


def grey_ink_profile() -> bytes:
    """CMYK whose inks are all grey: white without ink, 62 % lightness with one, darker with each other."""
    corners = b"".join(
        bytes((round(255 * 0.62 ** (c + m + y + k)), 128, 128))
        for c in (0, 1)
        for m in (0, 1)
        for y in (0, 1)
        for k in (0, 1)
    )
    matrix = struct.pack(">9I", *(0x10000 if i in (0, 4, 8) else 0 for i in range(9)))
    identity = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix + identity * 4 + corners + identity * 3
    return icc_profile(b"CMYK", b"Lab ", A2B0=table)


def swapped_profile() -> bytes:
    """sRGB with red and green exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {
        bytes(profile[at : at + 4]): struct.unpack(">I", profile[at + 4 : at + 8])[0]
        for at in range(132, 132 + 12 * struct.unpack(">I", profile[128:132])[0], 12)
    }
    red, green = (slice(tags[name] + 8, tags[name] + 20) for name in (b"rXYZ", b"gXYZ"))
    profile[red], profile[green] = profile[green], profile[red]
    return bytes(profile)
