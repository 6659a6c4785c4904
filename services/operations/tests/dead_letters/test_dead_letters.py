"""Dead letters: stored once per queue, replayed or discarded once, by staff."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from services.operations.tests.conftest import deliver_dead_letters, failed_delivery

from common import metrics
from common.contracts.auth import UserDeactivated
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.testing import cloud_event_of
from common.web.service import Service
from operations.dead_letters.jobs import dead_letter_depth


async def dead_letters(staff: httpx.AsyncClient, **params: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await staff.get("/api/v1/dead-letters", params=params)).json()["data"]
    return listed


async def outgoing(service: Service) -> list[tuple[str, str]]:
    async with service.database.begin() as tx:
        rows = await tx.sql.fetch("SELECT event_id, queue FROM outbox ORDER BY id")
    return [(str(row["event_id"]), row["queue"]) for row in rows]


async def test_a_dead_letter_names_its_queue_event_and_error(service: Service, staff: httpx.AsyncClient) -> None:
    delivery = failed_delivery(error="KeyError: 'sku'")
    await deliver_dead_letters(service, delivery)

    (dead_letter,) = await dead_letters(staff)

    assert dead_letter["queue"] == "orders.checkout.v1"
    assert dead_letter["event_id"] == str(delivery.cloud_event.id)
    assert dead_letter["error"] == "KeyError: 'sku'"
    assert (dead_letter["attempts"], dead_letter["deaths"], dead_letter["state"]) == (5, 1, "waiting")
    assert dead_letter["payload"] == {"user_id": delivery.cloud_event.subject}
    assert (await staff.get(f"/api/v1/dead-letters/{dead_letter['id']}")).json()["data"] == dead_letter


async def test_a_repeated_delivery_is_one_dead_letter_per_queue(service: Service, staff: httpx.AsyncClient) -> None:
    delivery = failed_delivery()
    await deliver_dead_letters(
        service, delivery, delivery, failed_delivery("billing.checkout.v1", cloud_event=delivery.cloud_event)
    )

    assert sorted(dead_letter["queue"] for dead_letter in await dead_letters(staff)) == [
        "billing.checkout.v1",
        "orders.checkout.v1",
    ]


async def test_dead_letters_are_filtered(service: Service, staff: httpx.AsyncClient) -> None:
    await deliver_dead_letters(service, failed_delivery(), failed_delivery("billing.checkout.v1"))

    assert len(await dead_letters(staff, queue="billing.checkout.v1")) == 1
    assert len(await dead_letters(staff, type="auth.user.deactivated.v1", state="waiting")) == 2
    assert await dead_letters(staff, state="discarded") == []


async def test_a_replay_sends_the_same_event_to_the_queue_that_failed(
    service: Service, staff: httpx.AsyncClient
) -> None:
    delivery = failed_delivery()
    await deliver_dead_letters(service, delivery)
    (dead_letter,) = await dead_letters(staff)

    answer = await staff.post(f"/api/v1/dead-letters/{dead_letter['id']}/replay")

    assert answer.status_code == 202
    assert answer.json()["data"]["state"] == "replayed"
    assert await outgoing(service) == [(str(delivery.cloud_event.id), "orders.checkout.v1")]


async def test_of_concurrent_decisions_one_succeeds(service: Service, staff: httpx.AsyncClient) -> None:
    await deliver_dead_letters(service, failed_delivery())
    (dead_letter,) = await dead_letters(staff)
    path = f"/api/v1/dead-letters/{dead_letter['id']}"

    answers = await asyncio.gather(*(staff.post(f"{path}/{verb}") for verb in ("replay", "replay", "discard")))

    assert sorted(answer.status_code for answer in answers)[1:] == [409, 409]
    assert len(await outgoing(service)) <= 1


async def test_a_replayed_dead_letter_that_fails_again_waits_again(service: Service, staff: httpx.AsyncClient) -> None:
    delivery = failed_delivery()
    await deliver_dead_letters(service, delivery)
    (dead_letter,) = await dead_letters(staff)
    await staff.post(f"/api/v1/dead-letters/{dead_letter['id']}/replay")

    await deliver_dead_letters(service, failed_delivery(error="ValueError: again", cloud_event=delivery.cloud_event))

    (again,) = await dead_letters(staff)
    assert again["id"] == dead_letter["id"]
    assert (again["state"], again["deaths"], again["error"]) == ("waiting", 2, "ValueError: again")
    assert (again["decided_at"], again["decided_by"]) == (None, None)


async def test_a_discarded_dead_letter_stays_and_cannot_be_replayed(service: Service, staff: httpx.AsyncClient) -> None:
    await deliver_dead_letters(service, failed_delivery())
    (dead_letter,) = await dead_letters(staff)

    discarded = await staff.post(f"/api/v1/dead-letters/{dead_letter['id']}/discard")
    rejected = await staff.post(f"/api/v1/dead-letters/{dead_letter['id']}/replay")

    assert discarded.json()["data"]["state"] == "discarded"
    assert (rejected.status_code, rejected.json()["code"]) == (409, "operations.already_decided")
    assert await outgoing(service) == []


async def test_many_are_replayed_in_the_order_of_their_events(service: Service, staff: httpx.AsyncClient) -> None:
    deliveries = [failed_delivery() for _ in range(3)]
    await deliver_dead_letters(service, *reversed(deliveries), failed_delivery("billing.checkout.v1"))

    answer = await staff.post("/api/v1/dead-letters/replay", json={"queue": "orders.checkout.v1"})

    assert answer.json()["data"] == {"replayed": 3}
    assert [event_id for event_id, _ in await outgoing(service)] == [
        str(delivery.cloud_event.id) for delivery in deliveries
    ]
    (left,) = await dead_letters(staff, state="waiting")
    rest = await staff.post("/api/v1/dead-letters/replay", json={"ids": [left["id"], str(uuid4())]})
    assert rest.json()["data"] == {"replayed": 1}


async def test_a_message_that_is_not_an_event_can_only_be_read_and_discarded(
    service: Service, staff: httpx.AsyncClient
) -> None:
    event = cloud_event_of(UserDeactivated(user_id=new_id()))
    unreadable = CloudEvent(new_id(), "unknown", "unknown", "x", event.time, b"\xff\x00", "x")
    await deliver_dead_letters(service, failed_delivery(cloud_event=unreadable))
    (dead_letter,) = await dead_letters(staff)

    assert dead_letter["payload"] == "base64:/wA="
    rejected = await staff.post(f"/api/v1/dead-letters/{dead_letter['id']}/replay")
    assert (rejected.status_code, rejected.json()["code"]) == (409, "operations.unreadable")
    assert (await staff.post("/api/v1/dead-letters/replay", json={})).json()["data"] == {"replayed": 0}
    assert (await staff.post(f"/api/v1/dead-letters/{dead_letter['id']}/discard")).status_code == 200


async def test_the_number_of_waiting_dead_letters_per_queue_is_a_metric(
    service: Service, staff: httpx.AsyncClient
) -> None:
    await deliver_dead_letters(service, failed_delivery(), failed_delivery(), failed_delivery("billing.checkout.v1"))
    depth = dead_letter_depth(service.database)
    await depth.run()
    assert _depths() == {"orders.checkout.v1": 2, "billing.checkout.v1": 1}

    await staff.post("/api/v1/dead-letters/replay", json={"queue": "orders.checkout.v1"})
    await depth.run()

    assert _depths() == {"billing.checkout.v1": 1}


@pytest.mark.parametrize("verb", ["replay", "discard"])
async def test_an_unknown_dead_letter_is_not_found(staff: httpx.AsyncClient, verb: str) -> None:
    assert (await staff.post(f"/api/v1/dead-letters/{uuid4()}/{verb}")).status_code == 404


def _depths() -> dict[str, float]:
    samples = next(iter(metrics.DEAD_LETTERS.collect())).samples
    return {sample.labels["queue"]: sample.value for sample in samples}
