"""HEAD and OPTIONS for every path of the published document, through the gateway and every service."""

import re
from typing import Any

import pytest

from common.ids import new_id

from .platform import Platform

# These differ from request to request, whatever the method.
OWN_OF_EACH_REQUEST = {"x-request-id", "traceparent", "date", "age", "x-cache", "ratelimit", "content-length", "etag"}
# Each call makes a new document.
MADE_ANEW = {"/api/v1/auth/me/export"}


@pytest.fixture
async def paths(exposed: Platform) -> dict[str, Any]:
    document = (await exposed.http.get("/openapi.json")).json()
    found: dict[str, Any] = document["paths"]
    return found


async def test_head_answers_like_get_on_every_path(exposed: Platform, paths: dict[str, Any]) -> None:
    admin = await exposed.admin()
    readable = [path for path, item in paths.items() if "get" in item and path not in MADE_ANEW]
    different = []
    for path in map(_filled, readable):
        for headers in ({}, {"Authorization": f"Bearer {admin.token}"}):
            get = await exposed.http.get(path, headers=headers)
            head = await exposed.http.head(path, headers=headers)
            names = set(get.headers) ^ set(head.headers)
            if head.status_code != get.status_code or head.content or names - OWN_OF_EACH_REQUEST:
                different.append((path, get.status_code, head.status_code, names))

    assert len(readable) > 40
    assert different == []


async def test_options_names_the_methods_of_every_path(exposed: Platform, paths: dict[str, Any]) -> None:
    different = []
    for path, item in paths.items():
        answer = await exposed.http.options(_filled(path))
        allowed = set(answer.headers.get("allow", "").split(", "))
        documented = {method.upper() for method in item} & {"GET", "POST", "PUT", "PATCH", "DELETE"}
        if answer.status_code != 204 or not documented <= allowed or "OPTIONS" not in allowed:
            different.append((path, answer.status_code, allowed))

    assert different == []


async def test_every_private_response_says_that_it_must_not_be_stored(exposed: Platform, paths: dict[str, Any]) -> None:
    customer = await exposed.customer()
    silent = []
    for path in (_filled(path) for path, item in paths.items() if "get" in item):
        answer = await exposed.http.get(path, headers={"Authorization": f"Bearer {customer.token}"})
        directives = answer.headers.get("cache-control", "")
        if not directives or not answer.headers.get("date"):
            silent.append((path, answer.status_code, directives))

    assert silent == []


def _filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", str(new_id()), path)
