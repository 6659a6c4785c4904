"""Sending and reading messages over HTTP."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from services.messaging.tests.conftest import Built, run_jobs, statuses, used

from common import clock
from common.clock import FixedClock
from common.contracts.auth import UserRegistered, UserUpdated
from common.contracts.messaging import MessageQueued
from common.ids import new_id
from common.persistence.database import Database
from common.testing import TestIssuer, deliver, facts
from common.testing.plugin import ClientFor

URL = "/api/v1/messages"


def text(**fields: Any) -> dict[str, Any]:
    return {"recipient": "+255712345678", "text": "Habari", "channel": "whatsapp"} | fields


async def test_a_sent_message_can_be_followed_to_its_delivery(
    built: Built, client_for: ClientFor, tokens: TestIssuer
) -> None:
    service = await built()
    client, me = await client_for(service), tokens.bearer()
    answer = await client.post(f"{URL}/send-text", json=text(client_ref="order-7"), headers=me)
    queued = answer.json()["data"]
    await run_jobs(service)
    history = (await client.get(f"{URL}/{queued['id']}", headers=me)).json()["data"]

    assert answer.status_code == 202
    assert queued | {"id": "", "queued_at": ""} == {
        "id": "",
        "channel": "whatsapp",
        "recipient": "+255712345678",
        "type": "text",
        "text": "Habari",
        "media_url": None,
        "status": "queued",
        "error": None,
        "client_ref": "order-7",
        "queued_at": "",
        "sent_at": None,
        "delivered_at": None,
        "read_at": None,
    }
    assert history["status"] == "delivered"
    assert [event["status"] for event in history["events"]] == ["queued", "sent", "delivered"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"recipient": "0712345678"}, "recipient"),
        ({"recipient": "+2557123456781234"}, "recipient"),
        ({"recipient": "+255712345678\n"}, "recipient"),
        ({"text": ""}, "text"),
        ({"text": "x" * 4097}, "text"),
        ({"channel": "fax"}, "channel"),
        ({"client_ref": ""}, "client_ref"),
        ({"send_at": "2026-01-01"}, "send_at"),
    ],
)
async def test_invalid_input_is_rejected_naming_the_field(
    built: Built, client_for: ClientFor, tokens: TestIssuer, wrong: dict[str, str], field: str
) -> None:
    client = await client_for(await built())
    answer = await client.post(f"{URL}/send-text", json=text(**wrong), headers=tokens.bearer())

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("written", ["+255 (0)712-345-678", "+2550712345678", "+٢٥٥٧١٢٣٤٥٦٧٨"])
async def test_a_recipient_is_one_number_in_every_spelling(
    built: Built, client_for: ClientFor, tokens: TestIssuer, written: str
) -> None:
    client, me = await client_for(await built()), tokens.bearer()
    answer = await client.post(f"{URL}/send-text", json=text(recipient=written), headers=me)
    found = await client.get(URL, params={"recipient": written}, headers=me)

    assert answer.json()["data"]["recipient"] == "+255712345678"
    assert [message["recipient"] for message in found.json()["data"]] == ["+255712345678"]


async def test_a_number_that_cannot_be_dialled_is_refused_in_the_words_of_registration(
    built: Built, client_for: ClientFor, tokens: TestIssuer
) -> None:
    client, me = await client_for(await built()), tokens.bearer()
    sent = await client.post(f"{URL}/send-text", json=text(recipient="0712"), headers=me)
    asked = await client.get(URL, params={"recipient": "0712"}, headers=me)

    for answer in (sent, asked):
        [problem] = answer.json()["errors"]
        assert (problem["field"], problem["code"]) == ("recipient", "invalid_phone")
        assert problem["message"] == "A phone number is in international form: +255712345678"


async def test_twenty_concurrent_requests_with_one_idempotency_key_make_one_message(
    built: Built, client_for: ClientFor, tokens: TestIssuer, database: Database
) -> None:
    client, me = await client_for(await built()), new_id()
    headers = tokens.bearer(me) | {"Idempotency-Key": "one-and-only"}
    answers = await asyncio.gather(*(client.post(f"{URL}/send-text", json=text(), headers=headers) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert len(await facts(database, MessageQueued)) == await used(database, me) == 1


async def test_a_client_reference_is_used_once_per_user_and_a_rejected_message_is_not_charged(
    built: Built, client_for: ClientFor, tokens: TestIssuer, database: Database
) -> None:
    client, me = await client_for(await built()), new_id()
    for user in (me, new_id()):
        first = await client.post(f"{URL}/send-text", json=text(client_ref="a"), headers=tokens.bearer(user))
        assert first.status_code == 202
    again = await client.post(f"{URL}/send-text", json=text(client_ref="a"), headers=tokens.bearer(me))

    assert (again.status_code, again.json()["code"]) == (409, "messaging.client_ref_used")
    assert await used(database, me) == 1
    assert len(await statuses(database)) == 2


async def test_fifty_concurrent_sends_never_exceed_the_quota(
    built: Built, client_for: ClientFor, tokens: TestIssuer, database: Database
) -> None:
    client, me = await client_for(await built(messages_per_day=20)), new_id()
    headers = tokens.bearer(me)
    answers = await asyncio.gather(*(client.post(f"{URL}/send-text", json=text(), headers=headers) for _ in range(50)))
    rejected = [answer for answer in answers if answer.status_code == 429]

    assert len(rejected) == 30
    assert {answer.json()["code"] for answer in rejected} == {"messaging.quota_exceeded"}
    assert len(await statuses(database)) == await used(database, me) == 20


async def test_the_quota_ends_at_the_users_own_midnight(
    built: Built, client_for: ClientFor, tokens: TestIssuer
) -> None:
    service, user = await built(messages_per_day=1), new_id()
    await deliver(service, UserRegistered(user_id=user, email="a@example.com", time_zone="Africa/Dar_es_Salaam"))
    client = await client_for(service)

    async def send_at(hour: int) -> tuple[int, str | None]:
        with clock.use(FixedClock(datetime(2026, 3, 1, hour, tzinfo=UTC))):
            answer = await client.post(f"{URL}/send-text", json=text(), headers=tokens.bearer(user))
        return answer.status_code, answer.headers.get("Retry-After")

    assert await send_at(18) == (202, None)
    assert await send_at(20) == (429, "3600")
    assert await send_at(21) == (202, None)


async def test_another_users_message_is_not_found(built: Built, client_for: ClientFor, tokens: TestIssuer) -> None:
    client = await client_for(await built())
    mine = (await client.post(f"{URL}/send-text", json=text(), headers=tokens.bearer())).json()["data"]["id"]
    other = tokens.bearer()

    assert (await client.get(f"{URL}/{mine}", headers=other)).status_code == 404
    assert (await client.get(URL, headers=other)).json()["data"] == []
    assert (await client.get(URL)).status_code == 401


async def test_the_list_is_filtered_and_paged_newest_first(
    built: Built, client_for: ClientFor, tokens: TestIssuer
) -> None:
    service = await built()
    client, me = await client_for(service), tokens.bearer()
    for number, channel in enumerate(("sms", "sms", "whatsapp")):
        body = text(channel=channel, recipient=f"+25571234000{number}")
        await client.post(f"{URL}/send-text", json=body, headers=me)
    await run_jobs(service)

    async def listed(**filters: Any) -> list[str]:
        answer = await client.get(URL, params=filters, headers=me)
        return [message["recipient"][-1] for message in answer.json()["data"]]

    assert await listed() == ["2", "1", "0"]
    assert await listed(status="failed", channel="sms") == ["0"]
    assert await listed(status="queued") == ["1"], "a message in an unknown state is still queued to its sender"
    assert await listed(recipient="+255712340001") == ["1"]
    assert await listed(to="2026-01-01T00:00:00Z") == []
    assert len(await listed(**{"from": "2026-01-01T00:00:00+03:00"})) == 3

    first = (await client.get(URL, params={"limit": 2}, headers=me)).json()
    rest = await client.get(URL, params={"limit": 2, "cursor": first["meta"]["next_cursor"]}, headers=me)
    assert [len(first["data"]), len(rest.json()["data"])] == [2, 1]
    assert rest.json()["meta"] == {"next_cursor": None}
    assert (await client.get(URL, params={"cursor": "x"}, headers=me)).json()["errors"][0]["field"] == "cursor"


async def test_a_message_id_is_a_time_ordered_uuid(built: Built, client_for: ClientFor, tokens: TestIssuer) -> None:
    client = await client_for(await built())
    answer = await client.post(f"{URL}/send-text", json=text(), headers=tokens.bearer())

    assert UUID(answer.json()["data"]["id"]).version == 7


async def test_a_users_own_limit_replaces_the_default_until_it_is_removed(
    built: Built, client_for: ClientFor, tokens: TestIssuer
) -> None:
    service, user = await built(messages_per_day=2), new_id()
    client = await client_for(service)

    async def send(limit: int | None) -> tuple[int, str]:
        await deliver(service, UserUpdated(user_id=user, email="a@example.com", max_messages_per_day=limit))
        answer = await client.post(f"{URL}/send-text", json=text(), headers=tokens.bearer(user))
        return answer.status_code, answer.json()["message"]

    assert await send(0) == (429, "Only 0 messages may be sent per day")
    assert [(await send(3))[0] for _ in range(4)] == [202, 202, 202, 429]
    assert await send(None) == (429, "Only 2 messages may be sent per day")
