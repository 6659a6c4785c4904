"""Data exports: collected from every service, encrypted for one export."""

import asyncio
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.auth.tests.harness import PASSWORD, AuthApi, bearer, data, problem
from services.auth.tests.totp.factors import delete

from auth.data_export.api.document import MAX_CHUNK_BYTES, ExportDocument
from auth.data_export.domain import MAX_PER_DAY, OTHER_SERVICES
from auth.data_export.store import latest_export
from common.clock import FixedClock
from common.contracts.auth import ExportRequested
from common.contracts.event import registry
from common.data_export import GZIP, purpose
from common.security.encryption import SealedBox
from common.testing import deliver, eventually

PATH = "/auth/me/export"


async def last_request(api: AuthApi, user_id: str) -> ExportRequested:
    request: ExportRequested = (await api.published(ExportRequested, user_id))[-1]
    return request


def parts_of(request: ExportRequested, service: str, document: dict[str, Any], pieces: int = 1) -> list[Any]:
    """The events with which the service answers."""
    content = zlib.compress(json.dumps(document | {"cut": []}).encode(), wbits=GZIP)
    size = -(-len(content) // pieces)
    events = []
    for part in range(pieces):
        piece = content[part * size : (part + 1) * size]
        place = purpose(request.export_id, service, part, pieces)
        sealed = SealedBox.close(urlsafe_b64decode(request.public_key), piece, place)
        known = {"export_id": request.export_id, "user_id": request.user_id, "part": part, "parts": pieces}
        event = registry[f"{service}.personal_data.gathered.v1"]
        events.append(event.model_validate(known | {"sealed": urlsafe_b64encode(sealed).decode()}))
    return events


async def answered(api: AuthApi, request: ExportRequested, services: tuple[str, ...] = OTHER_SERVICES) -> None:
    for service in services:
        await deliver(api.service, *parts_of(request, service, {"things": [{"of": service}]}))


async def run(api: AuthApi) -> int:
    """What the job does every half a minute."""
    [job] = [job for job in api.service.jobs if job.name == "auth.exports"]
    return await job.run() or 0


async def test_an_export_is_ready_once_every_service_has_answered_in_any_order(api: AuthApi) -> None:
    person = await api.signed_in()
    user_id = person["user"]["id"]
    first = await api.get(PATH, person)
    assert data(first, 202)["services"] == {"auth": "done"} | dict.fromkeys(OTHER_SERVICES, "waiting")
    assert first.headers["retry-after"] == "2"
    request = await last_request(api, user_id)
    *others, last = OTHER_SERVICES
    await answered(api, request, tuple(reversed(others)))
    three = parts_of(request, last, {"things": [{"text": "x" * 50}]}, pieces=3)
    await deliver(api.service, three[2], three[0], three[2])
    waiting = data(await api.get(PATH, person), 202)
    assert waiting["status"] == "gathering"
    assert waiting["services"][last] == "waiting"
    await deliver(api.service, three[1])
    answer = await api.get(PATH, person)
    document = data(answer)
    assert answer.headers["content-disposition"] == 'attachment; filename="own-data.json"'
    assert (answer.headers["cache-control"], answer.json()["status"]) == ("no-store", "success")
    assert (document["id"], document["user_id"]) == (waiting["id"], user_id)
    assert list(document["services"]) == ["auth", *OTHER_SERVICES]
    assert document["services"][last] == {"things": [{"text": "x" * 50}], "cut": []}
    assert len(await api.published(ExportRequested, user_id)) == 1


async def test_auth_exports_its_own_data_without_secrets(api: AuthApi) -> None:
    person = await api.signed_in()
    data(await api.patch("/auth/me", {"first_name": "Neema", "address": "Makongoro Rd 1"}, person))
    data(await api.act("/api-keys", person, {"name": "Till", "scopes": ["read"]}), 201)
    await api.get(PATH, person)
    await answered(api, await last_request(api, person["user"]["id"]))
    answer = await api.get(PATH, person)
    own = data(answer)["services"]["auth"]
    assert (own["account"][0]["first_name"], own["account"][0]["address"]) == ("Neema", "Makongoro Rd 1")
    assert [len(own[kind]) for kind in ("account", "sessions", "devices", "api_keys")] == [1, 1, 1, 1]
    assert "sign_in" in [entry["action"] for entry in own["audit"]]
    assert not {"hash", "password_hash", "sealed_secret"} & {
        name for rows in own.values() for row in rows for name in row
    }
    assert "argon2" not in answer.text


async def test_a_waiting_request_gets_the_document_as_soon_as_it_is_ready(api: AuthApi) -> None:
    person = await api.signed_in()
    waiting = asyncio.create_task(api.http.get(f"/api/v1{PATH}", headers=bearer(person) | {"Prefer": "wait=10"}))

    async def asked() -> list[Any]:
        return await api.published(ExportRequested, person["user"]["id"])

    [request] = await eventually(asked)
    await answered(api, request)
    assert data(await waiting)["services"]["orders"]["things"] == [{"of": "orders"}]


async def test_one_export_runs_at_a_time_and_five_a_day(api: AuthApi, time: FixedClock) -> None:
    person = await api.signed_in()
    user_id = person["user"]["id"]
    at_once = await asyncio.gather(*(api.act(PATH, person) for _ in range(5)))
    assert len({data(answer, 202)["id"] for answer in at_once}) == 1
    for _ in range(MAX_PER_DAY - 1):
        await answered(api, await last_request(api, user_id))
        data(await api.act(PATH, person), 202)
    await answered(api, await last_request(api, user_id))
    rejected = await api.act(PATH, person)
    assert problem(rejected, 429) == (None, "too_many_exports")
    assert 86_000 < int(rejected.headers["retry-after"]) <= 86_400
    assert data(await api.get(PATH, person))["user_id"] == user_id
    time.advance(timedelta(days=1, seconds=1))
    person = await api.signed_in(person["user"]["email"])
    data(await api.get(PATH, person), 202)


async def test_services_that_miss_the_deadline_are_named_and_ignored(api: AuthApi, time: FixedClock) -> None:
    person = await api.signed_in()
    data(await api.get(PATH, person), 202)
    request = await last_request(api, person["user"]["id"])
    *prompt, late = OTHER_SERVICES
    await answered(api, request, tuple(prompt))
    time.advance(timedelta(minutes=10))
    assert await run(api) == 1
    await answered(api, request, (late,))
    failed = await api.get(PATH, person)
    assert problem(failed, 503) == (None, "export_incomplete")
    assert failed.json()["errors"][0]["detail"] == {"services": [late]}
    data(await api.act(PATH, person), 202)
    await answered(api, await last_request(api, person["user"]["id"]))
    data(await api.get(PATH, person))


async def test_unexpected_parts_are_ignored(api: AuthApi) -> None:
    person, other = await api.signed_in(), await api.signed_in()
    for tokens in (person, other):
        data(await api.get(PATH, tokens), 202)
    request = await last_request(api, person["user"]["id"])
    [part] = parts_of(request, "orders", {})
    strange = [
        part.model_copy(update={"export_id": UUID(int=7)}),
        part.model_copy(update={"user_id": UUID(other["user"]["id"])}),
        part.model_copy(update={"part": 1}),
        part.model_copy(update={"parts": 100_000}),
    ]
    await deliver(api.service, *strange)
    assert await api.rows("SELECT FROM export_part WHERE service <> 'auth'") == []
    await answered(api, request)
    assert data(await api.get(PATH, person))["user_id"] == person["user"]["id"]
    assert data(await api.get(PATH, other), 202)["services"]["orders"] == "waiting"


async def test_content_and_key_are_deleted_after_two_hours(api: AuthApi, time: FixedClock) -> None:
    person = await api.signed_in()
    data(await api.get(PATH, person), 202)
    await answered(api, await last_request(api, person["user"]["id"]))
    time.advance(timedelta(hours=2, seconds=1))
    assert await run(api) > 0
    assert await api.rows("SELECT FROM export_part") == []
    assert [dict(row) for row in await api.rows("SELECT state, sealed_private FROM export")] == [
        {"state": "ended", "sealed_private": None}
    ]
    time.advance(timedelta(days=7))
    assert (await run(api), await run(api)) == (1, 0)


async def test_a_large_document_is_decompressed_in_chunks(api: AuthApi) -> None:
    person = await api.signed_in()
    data(await api.get(PATH, person), 202)
    request = await last_request(api, person["user"]["id"])
    await deliver(api.service, *parts_of(request, "orders", {"things": ["x" * 5_000_000]}, pieces=2))
    await answered(api, request)
    async with api.database.begin() as tx:
        export = await latest_export(tx, request.user_id)
    assert export is not None
    document = ExportDocument(export, api.services.vault, api.database.begin)
    pieces = [piece async for piece in document.stream()]
    assert max(map(len, pieces)) <= MAX_CHUNK_BYTES
    assert len(json.loads(b"".join(pieces))["data"]["services"]["orders"]["things"][0]) == 5_000_000


async def test_the_private_key_is_stored_encrypted(api: AuthApi) -> None:
    person = await api.signed_in()
    data(await api.get(PATH, person), 202)
    [row] = await api.rows("SELECT sealed_private FROM export")
    [part] = await api.rows("SELECT sealed FROM export_part")
    assert len(row["sealed_private"]) > 32
    assert person["user"]["email"].encode() not in part["sealed"]


async def test_account_deletion_ends_the_export(api: AuthApi) -> None:
    person = await api.signed_in()
    data(await api.get(PATH, person), 202)
    request = await last_request(api, person["user"]["id"])
    data(await delete(api, "/auth/me", person, {"password": PASSWORD}))
    assert await api.rows("SELECT FROM export") == []
    await answered(api, request)
    assert await api.rows("SELECT FROM export_part") == []


async def test_an_api_key_cannot_export_its_owners_data(api: AuthApi) -> None:
    person = await api.signed_in()
    made = data(await api.act("/api-keys", person, {"name": "Till", "scopes": ["auth:read"]}), 201)
    exchanged = await api.http.post("/internal/api-keys/exchange", json={"key": made["key"]})
    token = data(exchanged)["access_token"]
    rejected = await api.get(PATH, {"access_token": token})
    assert problem(rejected, 403) == (None, "needs_sign_in")
    assert (await api.get(PATH)).status_code == 401
