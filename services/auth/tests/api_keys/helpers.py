"""Creates and exchanges API keys."""

from typing import Any

import httpx
from services.auth.tests.harness import AuthApi, bearer, data

Tokens = dict[str, Any]


async def create_key(api: AuthApi, tokens: Tokens, **fields: Any) -> dict[str, Any]:
    """A new key with its secret."""
    body = {"name": "Till", "scopes": ["read", "write"]} | fields
    key: dict[str, Any] = data(await api.act("/api-keys", tokens, body), 201)
    return key


async def exchange(api: AuthApi, key: str, address: str = "198.51.100.7") -> httpx.Response:
    headers = {"X-Forwarded-For": address}
    return await api.http.post("/internal/api-keys/exchange", json={"key": key}, headers=headers)


async def call(api: AuthApi, verb: str, path: str, tokens: Tokens, **options: Any) -> httpx.Response:
    return await api.http.request(verb, f"/api/v1{path}", headers=bearer(tokens), **options)
