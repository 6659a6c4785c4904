"""PNG files without what no variant shows.

Pillow raises errors for texts and colour profiles above 1 MiB, which Photoshop writes, and reads the frames of
animations. Here they are left out before it sees the file.
"""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"}
MAX_PROFILE_BYTES = 4 * 1024 * 1024


class StillPng(NamedTuple):
    """The default image of a PNG file, and its ICC profile."""

    content: bytes
    profile: bytes | None


def still(content: bytes) -> StillPng:
    kept, profile = [SIGNATURE], None
    for kind, chunk in _chunks(content):
        if kind in NEEDED:
            kept.append(chunk)
        elif kind == b"iCCP":
            profile = _profile(chunk[8:-4])
    return StillPng(b"".join(kept), profile)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and bytes of each chunk to the end of the image; a truncated chunk is the last one."""
    start = len(SIGNATURE)
    while start < len(content):
        kind = content[start + 4 : start + 8]
        end = start + 12 + int.from_bytes(content[start : start + 4])
        yield kind, content[start:end]
        if kind == b"IEND":
            return
        start = end


def _profile(data: bytes) -> bytes | None:
    """The profile in an iCCP chunk: name, NUL, compression method 0, zlib stream. None if it cannot be read."""
    _, _, stream = data.partition(b"\0")
    if stream[:1] != b"\0":
        return None
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(stream[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if inflate.eof else None
