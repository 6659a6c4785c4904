"""Every operation rejects what it does not know, and what the database cannot store, and names it.

Nothing of this reaches a use case, so that the requests change nothing, whoever sends them.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from .bodies import json_bodies, sample
from .objects import World, world_of
from .platform import API, Platform

METHODS = ("get", "put", "post", "delete", "patch")
UNKNOWN = "no_such_name"
SOME_ID = "019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11"
# Others add parameters to these: providers, mail programs.
IGNORES_PARAMETERS = {
    f"{API}/webhooks/stripe",
    f"{API}/auth/oidc/{{provider}}/callback",
    f"{API}/auth/email/confirm",
    f"{API}/auth/password/reset",
}
# No provider is configured: 404.
OIDC = "/oidc/{provider}/"
HOSTILE = {
    "NUL": "\x00",
    "a number beyond 64 bits": "9" * 30,
    "a UUID as URN": "urn:uuid:019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11",
}


class Sent(NamedTuple):
    method: str
    path: str
    query: str = ""
    body: Any = None


@pytest.fixture(scope="module")
async def world(exposed: Platform) -> AsyncIterator[World]:
    known = await world_of(exposed, owner=await exposed.member("admin"))
    yield known
    await exposed.http.request("DELETE", f"{API}/auth/me", headers=bearer(known))


@pytest.fixture(scope="module")
async def document(exposed: Platform) -> Any:
    return (await exposed.http.get("/openapi.json")).json()


def bearer(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.owner.token}"}


async def answers(platform: Platform, world: World, requests: list[Sent]) -> list[tuple[Sent, httpx.Response]]:
    """Four at a time."""
    turns = asyncio.Semaphore(4)

    async def one(sent: Sent) -> tuple[Sent, httpx.Response]:
        path = sent.path.format_map(defaultdict(lambda: SOME_ID, world.ids, key=world.ids["product_id"]))
        async with turns:
            url, headers = f"{path}{sent.query}", bearer(world)
            return sent, await platform.http.request(sent.method, url, json=sent.body, headers=headers)

    return await asyncio.gather(*map(one, requests))


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item and path.startswith(API):
                yield method.upper(), path, item[method]


def fields(response: httpx.Response) -> dict[str | None, str]:
    return {each["field"]: each["code"] for each in response.json().get("errors") or ()}


async def test_every_operation_names_unknown_parameters(exposed: Platform, world: World, document: Any) -> None:
    requests = [
        Sent(method, path, f"?{UNKNOWN}=1")
        for method, path, _ in operations(document)
        if path not in IGNORES_PARAMETERS and OIDC not in path
    ]
    assert len(requests) > 90
    wrong = [
        (sent.method, sent.path, response.status_code, response.text[:200])
        for sent, response in await answers(exposed, world, requests)
        if (response.status_code, fields(response)) != (422, {UNKNOWN: "unknown_parameter"})
    ]
    assert wrong == []


async def test_every_operation_names_unknown_fields(exposed: Platform, world: World, document: Any) -> None:
    requests = []
    for method, path, schema in json_bodies(document):
        body = sample(document, schema, world.ids)
        if isinstance(body, dict) and OIDC not in path:
            requests.append(Sent(method, path, "", body | {UNKNOWN: {"a": 1}}))
    assert len(requests) > 40
    wrong = [
        (sent.method, sent.path, response.status_code, response.text[:200])
        for sent, response in await answers(exposed, world, requests)
        if (response.status_code, fields(response).get(UNKNOWN)) != (422, "unknown_field")
    ]
    assert wrong == []


@pytest.mark.parametrize("value", HOSTILE)
async def test_a_value_that_cannot_be_stored_is_named_by_its_parameter(
    exposed: Platform, world: World, document: Any, value: str
) -> None:
    requests = {
        Sent(method, path, f"?{parameter['name']}={quote(HOSTILE[value])}"): parameter["name"]
        for method, path, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    }
    assert len(requests) > 60
    wrong = [
        (sent.path, sent.query[:40], response.status_code, response.text[:200])
        for sent, response in await answers(exposed, world, list(requests))
        if response.status_code >= 500
        or ("stored" in response.text and None in fields(response))
        or (value == "NUL" and sent.path not in IGNORES_PARAMETERS and requests[sent] not in fields(response))
    ]
    assert wrong == []


@pytest.mark.parametrize("value", HOSTILE)
async def test_an_id_that_is_none_is_named_by_its_parameter(
    exposed: Platform, world: World, document: Any, value: str
) -> None:
    requests = {
        Sent(method, path.replace(f"{{{parameter['name']}}}", quote(HOSTILE[value]))): parameter["name"]
        for method, path, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "path" and parameter["schema"].get("format") == "uuid"
    }
    assert len(requests) > 30
    wrong = [
        (sent.method, sent.path, response.status_code, response.text[:200])
        for sent, response in await answers(exposed, world, list(requests))
        if response.status_code != (400 if value == "NUL" else 422)
        or (value != "NUL" and fields(response).get(requests[sent]) != "invalid_uuid")
    ]
    assert wrong == []
