"""Images to upload."""

from io import BytesIO

from PIL import Image


def picture(size: tuple[int, int] = (800, 600)) -> bytes:
    """A JPEG of one colour."""
    target = BytesIO()
    Image.new("RGB", size, (30, 120, 90)).save(target, "JPEG")
    return target.getvalue()
