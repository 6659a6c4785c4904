"""A running auth service, with helpers for its requests and for what it stored and published."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import jwt

from auth.services import AuthServices
from common.contracts.event import Event
from common.ids import new_id
from common.persistence.database import Database
from common.testing import facts
from common.web.service import Service

PASSWORD = "correct horse battery"
ADMIN = {"email": "owner@shop.test", "password": "the owner's own secret"}


def data(response: httpx.Response, status: int = 200) -> Any:
    """The response's data; asserts the status."""
    assert response.status_code == status, response.text
    return response.json()["data"]


def problem(response: httpx.Response, status: int) -> tuple[str | None, str]:
    """Field and code of an error; asserts the status."""
    assert response.status_code == status, response.text
    first = response.json()["errors"][0]
    return first["field"], first["code"]


def bearer(tokens: Mapping[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def claims(tokens: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of the access token, unverified."""
    decoded: dict[str, Any] = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    return decoded


@dataclass
class AuthApi:
    """A client of the service; paths are below /api/v1."""

    service: Service
    http: httpx.AsyncClient

    @property
    def database(self) -> Database:
        return self.service.database

    @property
    def services(self) -> AuthServices:
        services: AuthServices = self.service.state["services"]
        return services

    async def post(self, path: str, body: object = None, **options: Any) -> httpx.Response:
        return await self.http.post(f"/api/v1{path}", json=body, **options)

    async def get(self, path: str, tokens: Mapping[str, Any] | None = None, **options: Any) -> httpx.Response:
        return await self.http.get(f"/api/v1{path}", headers=bearer(tokens) if tokens else {}, **options)

    async def patch(self, path: str, body: object, tokens: Mapping[str, Any]) -> httpx.Response:
        return await self.http.patch(f"/api/v1{path}", json=body, headers=bearer(tokens))

    async def act(self, path: str, tokens: Mapping[str, Any], body: object = None) -> httpx.Response:
        """POST with a bearer token."""
        return await self.post(path, body, headers=bearer(tokens))

    async def registered(self, **fields: Any) -> dict[str, Any]:
        """A new customer."""
        body = {"email": f"{new_id().hex}@shop.test", "password": PASSWORD} | fields
        user: dict[str, Any] = data(await self.post("/auth/register", body), 201)
        return user

    async def login(self, identifier: str, password: str = PASSWORD, **options: Any) -> httpx.Response:
        return await self.post("/auth/login", {"email": identifier, "password": password}, **options)

    async def signed_in(self, identifier: str = "", password: str = PASSWORD) -> dict[str, Any]:
        """Tokens of a new session; of a new customer without an identifier."""
        email = identifier or (await self.registered())["email"]
        tokens: dict[str, Any] = data(await self.login(email, password))
        return tokens

    async def admin(self) -> dict[str, Any]:
        return await self.signed_in(ADMIN["email"], ADMIN["password"])

    async def refresh(self, token: str) -> httpx.Response:
        return await self.post("/auth/refresh", {"refresh_token": token})

    async def published(self, event: type[Event], user_id: str) -> list[Any]:
        """The events of this type about a user."""
        return [fact for fact in await facts(self.database, event) if str(getattr(fact, "user_id", "")) == user_id]

    async def audited(self, account_id: str | None, action: str) -> list[str]:
        """The outcomes in the audit log, oldest first."""
        query = "SELECT outcome FROM audit WHERE account_id IS NOT DISTINCT FROM $1 AND action = $2 ORDER BY id"
        async with self.database.begin() as tx:
            rows = await tx.sql.fetch(query, UUID(account_id) if account_id else None, action)
        return [row["outcome"] for row in rows]

    async def rows(self, query: str, *values: object) -> list[Any]:
        async with self.database.begin() as tx:
            found: list[Any] = await tx.sql.fetch(query, *values)
        return found

    async def stored_text(self, *tables: str) -> str:
        """Every row of the tables, for a search for what must not be stored."""
        rows = [await self.rows(f"SELECT row_to_json(t)::text AS text FROM {table} t") for table in tables]
        return json.dumps([row["text"] for each in rows for row in each])

    async def run_job(self, name: str) -> None:
        [job] = [job for job in self.service.jobs if job.name == name]
        await job.run()
