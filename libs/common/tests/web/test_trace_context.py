"""The trace context of requests, as W3C Trace Context has it."""

import pytest

from common.web.access_log import origin_of
from common.web.trace_context import MAX_BYTES, read_trace_context

IDS = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
GIVEN = f"00-{IDS}-01"


def read(traceparent: str, *tracestates: str) -> tuple[str, str | None] | None:
    return read_trace_context([traceparent.encode()], [state.encode() for state in tracestates])


@pytest.mark.parametrize(
    ("sent", "passed_on"),
    [
        (GIVEN, GIVEN),
        (f" {GIVEN}\t", GIVEN),
        (f"00-{IDS}-00", f"00-{IDS}-00"),
        (f"00-{IDS}-03", f"00-{IDS}-03"),
        (f"00-{IDS}-ff", f"00-{IDS}-03"),
        (f"01-{IDS}-01", GIVEN),
        (f"cc-{IDS}-01-what-the-future-will-be-like", GIVEN),
        (f"fe-{IDS}-09-", GIVEN),
    ],
)
def test_a_valid_traceparent_is_passed_on_in_the_known_version(sent: str, passed_on: str) -> None:
    assert read(sent) == (passed_on, None)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "nonsense",
        f"ff-{IDS}-01",
        f"{GIVEN}-extra",
        f"{GIVEN}.",
        f"cc-{IDS}-01.what",
        f"00-{IDS}-1",
        f"0-{IDS}-01",
        f"00-{IDS.upper()}-01",
        f"00-{IDS}-0x",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        f"00 {IDS} 01",
        f"{GIVEN},{GIVEN}",
    ],
)
def test_an_invalid_traceparent_is_replaced_together_with_its_state(sent: str) -> None:
    assert read(sent, "a=1") is None
    origin = origin_of([(b"traceparent", sent.encode()), (b"tracestate", b"a=1")])
    assert origin.traceparent not in (None, sent)
    assert origin.tracestate is None


@pytest.mark.parametrize("second", [GIVEN, f"00-{IDS}-00", "", "nonsense"])
def test_two_traceparents_are_as_good_as_none(second: str) -> None:
    origin = origin_of([(b"traceparent", GIVEN.encode()), (b"traceparent", second.encode()), (b"tracestate", b"a=1")])
    assert origin.traceparent != GIVEN
    assert origin.tracestate is None


@pytest.mark.parametrize(
    ("states", "passed_on"),
    [
        (["a=1"], "a=1"),
        (["a=1,b=2"], "a=1,b=2"),
        (["a=1", "b=2", "c=3"], "a=1,b=2,c=3"),
        ([" a=1 ,\t, b=2,"], "a=1,b=2"),
        (["tenant@system=x y:z"], "tenant@system=x y:z"),
        (["", "  "], None),
        (["a=1,a=2"], None),
        (["a=1", "a=1"], None),
        (["A=1"], None),
        (["a"], None),
        (["a="], None),
        (["a=b=c"], None),
        (["a=1,b"], None),
        ([f"a={'x' * 257}"], None),
        ([",".join(f"k{n}=1" for n in range(33))], None),
        ([",".join(f"k{n}=1" for n in range(32))], ",".join(f"k{n}=1" for n in range(32))),
    ],
)
def test_a_valid_tracestate_is_passed_on(states: list[str], passed_on: str | None) -> None:
    assert read(GIVEN, *states) == (GIVEN, passed_on)


def test_of_a_long_tracestate_long_members_go_first_then_the_oldest() -> None:
    members = [f"k{n}={'x' * 60}" for n in range(12)]
    found = read(GIVEN, ",".join([members[0], f"long={'y' * 200}", *members[1:]]))

    assert found is not None
    assert found[1] == ",".join(members[:8])
    assert len(found[1]) <= MAX_BYTES


@pytest.mark.parametrize("second", [b"request-43", b"request-42", b"", b"x"])
def test_two_request_ids_are_as_good_as_none(second: bytes) -> None:
    origin = origin_of([(b"x-request-id", b"request-42"), (b"x-request-id", second)])
    assert origin.correlation_id not in ("request-42", "request-43")
