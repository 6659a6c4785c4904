"""API keys of a person, created and exchanged."""

from typing import Any

import httpx
from services.auth.tests.people import Door, bearer, data

Tokens = dict[str, Any]


async def made(door: Door, tokens: Tokens, **wish: Any) -> dict[str, Any]:
    """A new key with its secret."""
    body = {"name": "Till", "scopes": ["read", "write"]} | wish
    key: dict[str, Any] = data(await door.act("/api-keys", tokens, body), 201)
    return key


async def exchange(door: Door, key: str, address: str = "198.51.100.7") -> httpx.Response:
    headers = {"X-Forwarded-For": address}
    return await door.http.post("/internal/api-keys/exchange", json={"key": key}, headers=headers)


async def call(door: Door, verb: str, path: str, tokens: Tokens, **options: Any) -> httpx.Response:
    return await door.http.request(verb, f"/api/v1{path}", headers=bearer(tokens), **options)
