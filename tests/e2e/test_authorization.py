"""The authorization matrix: every operation of the published document for everybody who may try it.

Who may call an operation is read from the document, and every caller tries every operation: a new route is in the
matrix without being listed, and one whose code and document disagree fails. Whose resources a caller reaches is tested
in test_object_access.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.security.permissions import least_role

from .objects import ADDRESS, World, world_of
from .platform import API, Platform

pytestmark = pytest.mark.timeout(300)

ROLES = ("customer", "staff", "admin")
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """Who may call an operation: `role` is the least one, None without signing in; `scope` is what a key needs."""

    method: str
    path: str
    role: str | None
    scope: str | None
    takes_credentials: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def verdict(self, caller: "Caller") -> str:
        """What the caller is told: `allowed`, or the code of the error."""
        if caller.is_unknown:
            # The gateway checks what is sent, also where nothing is needed, except on the calls of providers.
            return "allowed" if self.path.startswith(f"{API}/webhooks/") else "api_key_invalid"
        if caller.role is None:
            return "unauthenticated" if self.role else "allowed"
        if caller.scopes is not None and self.takes_credentials and self.scope not in caller.scopes:
            return "insufficient_scope"
        if self.role is not None and ROLES.index(caller.role) < ROLES.index(self.role):
            return "forbidden"
        return "allowed"


@dataclass(frozen=True)
class Caller:
    """`scopes` of an API key, with all that they include; None for a session."""

    headers: Mapping[str, str]
    role: str | None = None
    scopes: frozenset[str] | None = None
    is_unknown: bool = False


SERVICES = ("auth", "catalog", "orders", "billing", "messaging", "notifications", "operations")
READ = frozenset(f"{service}:read" for service in SERVICES)
WRITE = frozenset(f"{service}:write" for service in SERVICES if service != "auth")
ORDERS = frozenset({"orders:read", "orders:write"})
DENIED = {
    (401, "unauthenticated"),
    (401, "api_key_invalid"),
    (401, "token_invalid"),
    (403, "insufficient_scope"),
    (403, "forbidden"),
}


def rules_of(document: Json) -> list[Rule]:
    return [
        _rule(method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if path.startswith(API)
    ]


def _rule(method: str, path: str, operation: Json) -> Rule:
    security = operation["security"]
    named = {scheme: wanted for listed in security for scheme, wanted in listed.items()}
    is_open = not security or {} in security
    permissions = named.get("bearer", ())
    role = None if is_open else next((least_role(permission) for permission in permissions), "customer")
    scope = next(iter(named.get("apiKey", ())), None)
    return Rule(method, path, role, scope, bool(security))


@pytest.fixture(scope="module")
async def rules(exposed: Platform) -> list[Rule]:
    return rules_of((await exposed.http.get("/openapi.json")).json())


@pytest.fixture(scope="module")
async def world(exposed: Platform) -> World:
    return await world_of(exposed)


@pytest.fixture(scope="module")
async def callers(exposed: Platform, world: World) -> dict[str, Caller]:
    other, clerk, admin = await exposed.customer(), await exposed.member("staff"), await exposed.admin()

    async def key(owner: Any, *scopes: str) -> dict[str, str]:
        made = await owner.post("/api-keys", {"name": "Matrix", "scopes": list(scopes)})
        assert made.status_code == 201, made.text
        return {"Authorization": f"ApiKey {made.json()['data']['key']}"}

    def session(user: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {user.token}"}

    right = await key(world.owner, "read", "write")
    wrong = f"{right['Authorization'][:-4]}AAAA"
    return {
        "nobody": Caller({}),
        "another customer": Caller(session(other), "customer"),
        "the owner": Caller(session(world.owner), "customer"),
        "staff": Caller(session(clerk), "staff"),
        "admin": Caller(session(admin), "admin"),
        "a key of the owner": Caller(right, "customer", READ | WRITE),
        "a key for reading": Caller(await key(world.owner, "read"), "customer", READ),
        "a key for one service": Caller(await key(world.owner, *sorted(ORDERS)), "customer", ORDERS),
        "a key of an administrator": Caller(await key(admin, "read", "write"), "admin", READ | WRITE),
        "a wrong key": Caller({"Authorization": wrong}, is_unknown=True),
    }


async def attempt(platform: Platform, rule: Rule, world: World, caller: Caller) -> httpx.Response:
    """The operation, so that it changes nothing that the next caller needs.

    Reads reach the owner's resources. Changes name resources that do not exist, or have a parameter that no operation
    knows, which is rejected after the caller is.
    """
    ids = world.ids if rule.method == "GET" else {name: str(uuid4()) for name in world.ids}
    url = rule.path.format(**ids, key=ids["product_id"], variant="thumb")
    changes_without_id = rule.method != "GET" and "{" not in rule.path
    return await platform.http.request(
        rule.method,
        url,
        params={"nothing": "1"} if changes_without_id else None,
        json=None if rule.method in {"GET", "DELETE"} else ADDRESS,
        headers={**caller.headers, "Accept": "application/json"},
    )


def told(answer: httpx.Response) -> str:
    """`allowed` for all that is not about the caller: done, absent, invalid."""
    try:
        code = answer.json().get("code")
    except ValueError:
        code = None
    return str(code) if (answer.status_code, code) in DENIED else "allowed"


async def test_the_document_has_operations_for_everybody(rules: list[Rule]) -> None:
    assert len(rules) > 100
    assert {rule.role for rule in rules} == {None, *ROLES}


WHO = [
    "nobody",
    "another customer",
    "the owner",
    "staff",
    "admin",
    "a key of the owner",
    "a key for reading",
    "a key for one service",
    "a key of an administrator",
    "a wrong key",
]


@pytest.mark.parametrize("who", WHO)
async def test_every_operation_answers_as_the_document_says(
    exposed: Platform, rules: list[Rule], world: World, callers: dict[str, Caller], who: str
) -> None:
    caller, wrong = callers[who], []
    for rule in rules:
        answer = await attempt(exposed, rule, world, caller)
        assert answer.status_code < 500 or answer.json()["code"] == "unavailable", (rule, answer.text)
        if told(answer) != rule.verdict(caller):
            wrong.append(f"{rule}: {answer.status_code} {told(answer)} instead of {rule.verdict(caller)}")
    assert wrong == []


async def test_the_callers_are_still_signed_in(exposed: Platform, callers: dict[str, Caller]) -> None:
    """Otherwise a later caller was denied for another reason than its role."""
    for who, caller in callers.items():
        if caller.role is not None:
            allowed = caller.scopes is None or "auth:read" in caller.scopes
            answer = await exposed.http.get(f"{API}/auth/me", headers=dict(caller.headers))
            assert answer.status_code == (200 if allowed else 403), (who, answer.text)
