"""CloudEvents of this platform and of other publishers."""

from uuid import uuid4

import pytest

from common.context import Origin, use_origin
from common.contracts.auth import UserDeactivated
from common.events.cloudevent import CloudEvent, MalformedCloudEvent


def test_headers_and_back_give_the_same_cloud_event() -> None:
    with use_origin(Origin("request-1", None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "vendor=1")):
        sent = CloudEvent.of(UserDeactivated(user_id=uuid4())).numbered(42)
    assert CloudEvent.from_headers(sent.headers(), sent.correlation_id, sent.data) == sent


@pytest.mark.parametrize("prefix", ["cloudEvents:", "ce-", "cloudEvents_"])
def test_every_usual_attribute_prefix_is_read(prefix: str) -> None:
    sent = CloudEvent.of(UserDeactivated(user_id=uuid4()))
    headers = {name.replace("cloudEvents_", prefix): value for name, value in sent.headers().items()}
    assert CloudEvent.from_headers(headers, sent.correlation_id, sent.data).id == sent.id


def test_an_event_without_a_cause_starts_a_causal_chain() -> None:
    cloud_event = CloudEvent.of(UserDeactivated(user_id=uuid4()))
    assert cloud_event.correlation_id == str(cloud_event.id)
    assert cloud_event.causation_id is None


@pytest.mark.parametrize("name", ["id", "type", "source", "time"])
def test_a_missing_attribute_is_named(name: str) -> None:
    headers = CloudEvent.of(UserDeactivated(user_id=uuid4())).headers()
    del headers[f"cloudEvents_{name}"]
    with pytest.raises(MalformedCloudEvent, match=name):
        CloudEvent.from_headers(headers, None, b"{}")


def test_an_unreadable_attribute_is_an_error() -> None:
    headers = CloudEvent.of(UserDeactivated(user_id=uuid4())).headers() | {"cloudEvents_id": "not-a-uuid"}
    with pytest.raises(MalformedCloudEvent):
        CloudEvent.from_headers(headers, None, b"{}")
