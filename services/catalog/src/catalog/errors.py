"""The errors of catalog."""

from common.errors import Invalid


class ImageFileTooLarge(Invalid):
    """More bytes than an image may have."""

    status = 413
    code, field = "image_too_large", "file"
    message = "The image has too many bytes"


class ImageTooLarge(Invalid):
    """More pixels than an image may have."""

    code, field = "image_too_large", "file"
    message = "The image has too many pixels"


class UnsupportedImage(Invalid):
    status = 415
    code, field = "unsupported_image", "file"
    message = "The file is not an image that is accepted"
