"""Messages with a text and an HTML part, written byte by byte (RFC 5322, RFC 2045–2047).

The standard library's `email` builds an object per header and part and folds every line in Python: 0.5 ms a letter,
ten times what rendering it takes. The few headers of a letter are known here, so they are put in place directly.
"""

import re
from base64 import encodebytes
from collections.abc import Mapping
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address

EOL = b"\r\n"
SHORT_LINE = 76

ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
LABEL = r"[a-zA-Z\d-]+"
PLAIN_ADDRESS = re.compile(rf"{ATOM}(\.{ATOM})*@{LABEL}(\.{LABEL})*", re.ASCII)
"""What nearly every address looks like. Others are looked at more slowly."""


def alternatives(headers: Mapping[str, str], text: str, html: str, boundary: str) -> bytes:
    """A multipart/alternative message. ValueError for a header value that is not one line.

    The boundary must hold a character that base64 does not have, as the parts are written in that.
    """
    lines = [_header(name, value) for name, value in headers.items()]
    lines += [b"MIME-Version: 1.0", b"Content-Type: multipart/alternative;", f' boundary="{boundary}"'.encode(), b""]
    edge = b"--" + boundary.encode()
    lines += [edge, *_part("plain", text), edge, *_part("html", html), edge + b"--", b""]
    return EOL.join(lines)


def checked_address(address: str) -> str:
    """The address if it is exactly one and in ASCII; ValueError otherwise."""
    if PLAIN_ADDRESS.fullmatch(address) or (address.isascii() and _is_unusual_address(address)):
        return address
    raise ValueError(f"{address!r} is no address that mail can go to")


def _is_unusual_address(text: str) -> bool:
    """Whether it is one by the whole grammar: quoted names, literal domains."""
    try:
        parsed = Address(addr_spec=text)
    except (MessageError, ValueError, IndexError):
        return False
    return bool(parsed.username and parsed.domain) and parsed.addr_spec == text


def _header(name: str, value: str) -> bytes:
    if not value.isprintable():
        raise ValueError(f"a {name} header must be one line")
    if not value.isascii() or len(name) + len(value) > SHORT_LINE:
        value = Header(value, header_name=name).encode(linesep="\r\n")
    return f"{name}: {value}".encode("ascii")


def _part(kind: str, content: str) -> list[bytes]:
    return [
        f'Content-Type: text/{kind}; charset="utf-8"'.encode(),
        b"Content-Transfer-Encoding: base64",
        b"",
        encodebytes(content.encode()).replace(b"\n", EOL),
    ]
