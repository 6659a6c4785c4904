"""The CloudEvents envelope, ours and other publishers'."""

from uuid import uuid4

import pytest

from common.bus.envelope import Envelope, MalformedEnvelope
from common.context import Origin, originating
from common.contracts.auth import UserDeactivated


def test_an_envelope_survives_the_wire() -> None:
    with originating(Origin("request-1", None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "vendor=1")):
        sent = Envelope.of(UserDeactivated(user_id=uuid4())).numbered(42)
    assert Envelope.from_headers(sent.headers(), sent.correlation_id, sent.data) == sent


@pytest.mark.parametrize("prefix", ["cloudEvents:", "ce-", "cloudEvents_"])
def test_every_usual_attribute_prefix_is_read(prefix: str) -> None:
    sent = Envelope.of(UserDeactivated(user_id=uuid4()))
    headers = {name.replace("cloudEvents_", prefix): value for name, value in sent.headers().items()}
    assert Envelope.from_headers(headers, sent.correlation_id, sent.data).id == sent.id


def test_an_event_outside_any_request_begins_its_own_story() -> None:
    envelope = Envelope.of(UserDeactivated(user_id=uuid4()))
    assert envelope.correlation_id == str(envelope.id)
    assert envelope.causation_id is None


@pytest.mark.parametrize("name", ["id", "type", "source", "time"])
def test_a_missing_attribute_is_named(name: str) -> None:
    headers = Envelope.of(UserDeactivated(user_id=uuid4())).headers()
    del headers[f"cloudEvents_{name}"]
    with pytest.raises(MalformedEnvelope, match=name):
        Envelope.from_headers(headers, None, b"{}")


def test_an_unreadable_attribute_is_refused() -> None:
    headers = Envelope.of(UserDeactivated(user_id=uuid4())).headers() | {"cloudEvents_id": "not-a-uuid"}
    with pytest.raises(MalformedEnvelope):
        Envelope.from_headers(headers, None, b"{}")
