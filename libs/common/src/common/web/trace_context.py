"""Reads the trace context of a request. Sources: W3C Trace Context, 3.2 and 3.3."""

import re
from collections.abc import Sequence
from typing import NamedTuple

TRACEPARENT = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?P<ids>(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    rb"(?P<rest>-.*)?"
)
VERSION = b"00"
KNOWN_FLAGS = 0x03
"""Sampled, and a random trace id (level 2). Others must be set to zero."""
MEMBER = re.compile(
    rb"(?P<key>[a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    rb"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
BLANKS = b" \t"
MAX_MEMBERS = 32
MAX_BYTES = 512
LONG_MEMBER_BYTES = 128
"""Longer members are the first to be dropped."""


class TraceContext(NamedTuple):
    """As it is passed on, in version 00."""

    traceparent: str
    tracestate: str | None


def read_trace_context(traceparents: Sequence[bytes], tracestates: Sequence[bytes]) -> TraceContext | None:
    """The context from all headers of these names; None if there is no single valid traceparent.

    Of a version that is not known, the fields of version 00 count. An invalid tracestate is dropped as a whole.
    """
    if len(traceparents) != 1 or (found := TRACEPARENT.fullmatch(traceparents[0].strip(BLANKS))) is None:
        return None
    if found["version"] == VERSION and found["rest"] is not None:
        return None
    flags = int(found["flags"], 16) & KNOWN_FLAGS
    state = _read_tracestate(tracestates)
    return TraceContext(f"00-{found['ids'].decode()}-{flags:02x}", state.decode() if state else None)


def _read_tracestate(headers: Sequence[bytes]) -> bytes:
    """Several headers are one list, in their order. Empty if it is not valid."""
    parts = (part.strip(BLANKS) for header in headers for part in header.split(b","))
    members = [part for part in parts if part]
    matches = [MEMBER.fullmatch(member) for member in members]
    keys = {match["key"] for match in matches if match is not None}
    if len(keys) != len(members) or len(members) > MAX_MEMBERS:
        return b""
    return _shortened(members)


def _shortened(members: list[bytes]) -> bytes:
    """The newest members, which come first, as far as they fit."""
    if len(b",".join(members)) > MAX_BYTES:
        members = [member for member in members if len(member) <= LONG_MEMBER_BYTES]
    while len(state := b",".join(members)) > MAX_BYTES:
        members.pop()
    return state
