"""The Content-Type and Content-Encoding of a request's body. Sources: RFC 9110, 8.3 and 8.4; RFC 8259, 8.1."""

from functools import lru_cache

from common.errors import UnsupportedMediaType

PLAIN_JSON = b"application/json"
UTF_8 = frozenset(("utf-8", "utf8"))
MAX_SHOWN = 100


class UnsupportedCoding(UnsupportedMediaType):
    message = "The body should not be encoded"

    @property
    def headers(self) -> dict[str, str]:
        return {"Accept-Encoding": "identity"}


def check_encoding(content_encoding: bytes) -> None:
    """Raises UnsupportedCoding: a compressed body could be thousands of times as large as its limit."""
    if content_encoding.lower() != b"identity":
        raise UnsupportedCoding


def normal_media_type(content_type: bytes) -> bytes:
    """The value with the type in lower case, which routes may compare. Raises UnsupportedMediaType for JSON that is
    declared as anything but UTF-8.
    """
    return content_type if content_type == PLAIN_JSON else _normal(content_type)


@lru_cache(maxsize=1000)
def _normal(content_type: bytes) -> bytes:
    kind, separator, parameters = content_type.decode("latin-1").partition(";")
    kind = kind.strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        charset = _charset(parameters)
        if charset not in UTF_8:
            raise UnsupportedMediaType(f"JSON should be in UTF-8, not {charset[:MAX_SHOWN]}")
    return f"{kind}{separator}{parameters}".encode("latin-1")


def _charset(parameters: str) -> str:
    """The parameter `charset`, `utf-8` without one."""
    pairs = (part.partition("=") for part in parameters.split(";"))
    values = {name.strip().lower(): value.strip().strip('"').lower() for name, _, value in pairs}
    return values.get("charset", "utf-8")
