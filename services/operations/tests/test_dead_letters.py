"""Dead letters: kept once per queue, replayed or discarded once, by staff."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common import metrics
from common.bus.delivery import DEAD_LETTERS, DeadLetter, Delivery
from common.bus.dispatch import Dispatcher
from common.bus.subscriptions import collect
from common.contracts.auth import UserDeactivated
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.testing import cloud_event_of
from common.web.service import Service
from operations.jobs import dead_letter_depth


def gone(
    queue: str = "orders.checkout.v1", error: str = "ValueError: no", cloud_event: CloudEvent | None = None
) -> Delivery:
    event = cloud_event or cloud_event_of(UserDeactivated(user_id=new_id()))
    return Delivery(event, 1, DeadLetter(queue, 5, error))


async def bury(service: Service, *deliveries: Delivery) -> None:
    consumer = next(c for c in collect(*service.subscribers) if c.name == DEAD_LETTERS)
    await Dispatcher(consumer, service.database)(deliveries)


async def letters(staff: httpx.AsyncClient, **params: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await staff.get("/api/v1/dead-letters", params=params)).json()["data"]
    return listed


async def outgoing(service: Service) -> list[tuple[str, str]]:
    async with service.database.begin() as tx:
        rows = await tx.sql.fetch("SELECT event_id, queue FROM outbox ORDER BY id")
    return [(str(row["event_id"]), row["queue"]) for row in rows]


async def test_a_letter_says_what_died_where_and_why(service: Service, staff: httpx.AsyncClient) -> None:
    death = gone(error="KeyError: 'sku'")
    await bury(service, death)

    (letter,) = await letters(staff)

    assert letter["queue"] == "orders.checkout.v1"
    assert letter["event_id"] == str(death.cloud_event.id)
    assert letter["error"] == "KeyError: 'sku'"
    assert (letter["attempts"], letter["deaths"], letter["state"]) == (5, 1, "waiting")
    assert letter["payload"] == {"user_id": death.cloud_event.subject}
    assert (await staff.get(f"/api/v1/dead-letters/{letter['id']}")).json()["data"] == letter


async def test_the_same_death_told_twice_is_one_letter(service: Service, staff: httpx.AsyncClient) -> None:
    death = gone()
    await bury(service, death, death, gone("billing.checkout.v1", cloud_event=death.cloud_event))

    assert sorted(letter["queue"] for letter in await letters(staff)) == ["billing.checkout.v1", "orders.checkout.v1"]


async def test_letters_are_filtered(service: Service, staff: httpx.AsyncClient) -> None:
    await bury(service, gone(), gone("billing.checkout.v1"))

    assert len(await letters(staff, queue="billing.checkout.v1")) == 1
    assert len(await letters(staff, type="auth.user.deactivated.v1", state="waiting")) == 2
    assert await letters(staff, state="discarded") == []


async def test_a_replay_sends_the_same_event_to_the_queue_that_failed(
    service: Service, staff: httpx.AsyncClient
) -> None:
    death = gone()
    await bury(service, death)
    (letter,) = await letters(staff)

    answer = await staff.post(f"/api/v1/dead-letters/{letter['id']}/replay")

    assert answer.status_code == 202
    assert answer.json()["data"]["state"] == "replayed"
    assert await outgoing(service) == [(str(death.cloud_event.id), "orders.checkout.v1")]


async def test_two_people_who_replay_at_once_replay_once(service: Service, staff: httpx.AsyncClient) -> None:
    await bury(service, gone())
    (letter,) = await letters(staff)
    path = f"/api/v1/dead-letters/{letter['id']}"

    answers = await asyncio.gather(*(staff.post(f"{path}/{verb}") for verb in ("replay", "replay", "discard")))

    assert sorted(answer.status_code for answer in answers)[1:] == [409, 409]
    assert len(await outgoing(service)) <= 1


async def test_a_replayed_letter_that_dies_again_waits_again(service: Service, staff: httpx.AsyncClient) -> None:
    death = gone()
    await bury(service, death)
    (letter,) = await letters(staff)
    await staff.post(f"/api/v1/dead-letters/{letter['id']}/replay")

    await bury(service, gone(error="ValueError: again", cloud_event=death.cloud_event))

    (again,) = await letters(staff)
    assert again["id"] == letter["id"]
    assert (again["state"], again["deaths"], again["error"]) == ("waiting", 2, "ValueError: again")
    assert (again["decided_at"], again["decided_by"]) == (None, None)


async def test_a_discarded_letter_stays_as_evidence_and_cannot_be_replayed(
    service: Service, staff: httpx.AsyncClient
) -> None:
    await bury(service, gone())
    (letter,) = await letters(staff)

    discarded = await staff.post(f"/api/v1/dead-letters/{letter['id']}/discard")
    refused = await staff.post(f"/api/v1/dead-letters/{letter['id']}/replay")

    assert discarded.json()["data"]["state"] == "discarded"
    assert (refused.status_code, refused.json()["code"]) == (409, "operations.already_decided")
    assert await outgoing(service) == []


async def test_many_are_replayed_in_the_order_they_happened(service: Service, staff: httpx.AsyncClient) -> None:
    deaths = [gone() for _ in range(3)]
    await bury(service, *reversed(deaths), gone("billing.checkout.v1"))

    answer = await staff.post("/api/v1/dead-letters/replay", json={"queue": "orders.checkout.v1"})

    assert answer.json()["data"] == {"replayed": 3}
    assert [event_id for event_id, _ in await outgoing(service)] == [str(death.cloud_event.id) for death in deaths]
    (left,) = await letters(staff, state="waiting")
    rest = await staff.post("/api/v1/dead-letters/replay", json={"ids": [left["id"], str(uuid4())]})
    assert rest.json()["data"] == {"replayed": 1}


async def test_a_message_that_is_no_event_can_be_looked_at_and_discarded_only(
    service: Service, staff: httpx.AsyncClient
) -> None:
    event = cloud_event_of(UserDeactivated(user_id=new_id()))
    unreadable = CloudEvent(new_id(), "unknown", "unknown", "x", event.time, b"\xff\x00", "x")
    await bury(service, gone(cloud_event=unreadable))
    (letter,) = await letters(staff)

    assert letter["payload"] == "base64:/wA="
    refused = await staff.post(f"/api/v1/dead-letters/{letter['id']}/replay")
    assert (refused.status_code, refused.json()["code"]) == (409, "operations.unreadable")
    assert (await staff.post("/api/v1/dead-letters/replay", json={})).json()["data"] == {"replayed": 0}
    assert (await staff.post(f"/api/v1/dead-letters/{letter['id']}/discard")).status_code == 200


async def test_the_depth_of_each_queue_is_a_metric(service: Service, staff: httpx.AsyncClient) -> None:
    await bury(service, gone(), gone(), gone("billing.checkout.v1"))
    depth = dead_letter_depth(service.database)
    await depth.run()
    assert _depths() == {"orders.checkout.v1": 2, "billing.checkout.v1": 1}

    await staff.post("/api/v1/dead-letters/replay", json={"queue": "orders.checkout.v1"})
    await depth.run()

    assert _depths() == {"billing.checkout.v1": 1}


@pytest.mark.parametrize("verb", ["replay", "discard"])
async def test_a_letter_that_is_not_there_is_not_found(staff: httpx.AsyncClient, verb: str) -> None:
    assert (await staff.post(f"/api/v1/dead-letters/{uuid4()}/{verb}")).status_code == 404


def _depths() -> dict[str, float]:
    samples = next(iter(metrics.DEAD_LETTERS.collect())).samples
    return {sample.labels["queue"]: sample.value for sample in samples}
