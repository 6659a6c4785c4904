"""A whole platform under test, started by `dukan up` in its own process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from aio_pika import connect

from common.testing.plugin import amqp_url_of
from dukan import running_platform
from dukan.secret_file import SecretFile
from dukan.services import PORTS
from dukan.temporary import free_range
from dukan.topology import consumers

START_SECONDS = 150
API = "/api/v1"


@dataclass
class Customer:
    """A signed-in client of the gateway."""

    http: httpx.AsyncClient
    token: str
    email: str
    id: str

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.http.get(f"{API}{path}", params=query, headers=self._headers())

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.http.post(f"{API}{path}", json=body, headers=self._headers() | headers)

    async def upload(self, method: str, path: str, content: bytes) -> httpx.Response:
        """Upload an image as the form field `file`."""
        files = {"file": ("picture.jpg", content)}
        return await self.http.request(method, f"{API}{path}", files=files, headers=self._headers())

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(f"{API}{path}", headers=self._headers())

    async def order(
        self,
        product_id: str,
        quantity: int = 1,
        *,
        token: str | None = None,
        key: str | None = None,
        wait: int | None = None,
    ) -> Any:
        """Check out one product, with an Idempotency-Key and `Prefer: wait` if given; returns the response's data."""
        given = {"Idempotency-Key": key, "Prefer": f"wait={wait}" if wait else None}
        headers = {name: value for name, value in given.items() if value}
        payment = {"provider": "sandbox"} | ({"token": token} if token else {})
        body = {"items": [{"product_id": product_id, "quantity": quantity}], "payment": payment}
        response = await self.post("/orders", body, **headers)
        assert response.status_code in {201, 202}, response.text
        return response.json()["data"]

    async def data(self, path: str, **query: Any) -> Any:
        response = await self.get(path, **query)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Platform:
    """`up` with its data folder; it can be killed and started again on the same data.

    `options` are further arguments of `up`; `env` replaces the environment.
    """

    data: Path
    amqp: str | None
    port: int = field(default_factory=free_range)
    options: Sequence[str] = ()
    env: Mapping[str, str] | None = None
    process: asyncio.subprocess.Process | None = None
    http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        limits = httpx.Limits(max_connections=100)
        self.http = httpx.AsyncClient(base_url=self.url, timeout=30, limits=limits, trust_env=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url_of(self, service: str) -> str:
        return f"http://127.0.0.1:{self.port + PORTS[service]}"

    async def start(self) -> None:
        command = [sys.executable, "-m", "dukan", "up", "--data", str(self.data), "--port", str(self.port)]
        command += ["--no-sample"] + (["--amqp", self.amqp] if self.amqp else []) + [*self.options]
        self.data.mkdir(parents=True, exist_ok=True)
        # Its own home: the commands of whoever runs the tests do not find it.
        env = {**(os.environ if self.env is None else self.env), "DUKAN_HOME": str(self.data)}
        with (self.data / "up.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env=env)
        async with asyncio.timeout(START_SECONDS):
            while running_platform.find(self.data) is None:
                assert self.process.returncode is None, (self.data / "up.log").read_text()
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """Kill it as a power cut would: the process group cannot clean up."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        await self.http.aclose()
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), 15)
            if self.process.returncode is None:
                self.process.kill()

    async def member(self, role: str) -> Customer:
        """A new user whom the administrator has given this role."""
        email, password = await self._register()
        user = await self._sign_in(email, password)
        headers = {"Authorization": f"Bearer {(await self.admin()).token}"}
        changed = await self.http.patch(f"{API}/users/{user.id}", json={"role": role}, headers=headers)
        assert changed.status_code == 200, changed.text
        return await self._sign_in(email, password)

    async def customer(self) -> Customer:
        return await self._sign_in(*await self._register())

    async def _register(self) -> tuple[str, str]:
        email, password = f"c-{uuid4().hex[:12]}@example.com", f"pw-{uuid4().hex}"
        body = {
            "email": email,
            "password": password,
            "first_name": "Neema",
            "phone": f"+25571{uuid4().int % 10**7:07d}",
        }
        response = await self.http.post(f"{API}/auth/register", json=body)
        assert response.status_code == 201, response.text
        return email, password

    async def admin(self) -> Customer:
        found = running_platform.find(self.data)
        assert found is not None
        return await self._sign_in(*found.admin())

    async def _sign_in(self, email: str, password: str) -> Customer:
        response = await self.http.post(f"{API}/auth/login", json={"email": email, "password": password})
        assert response.status_code == 200, response.text
        signed_in = response.json()["data"]
        return Customer(self.http, signed_in["access_token"], email, signed_in["user"]["id"])

    async def product(self, stock: int, price: int = 250_000) -> str:
        """A new product with this stock; its id."""
        admin = await self.admin()
        named = {"name": f"Category {uuid4().hex[:6]}"}
        category = (await admin.post("/categories", named)).json()["data"]["id"]
        body = {
            "title": f"Basket {uuid4().hex[:8]}",
            "category_id": category,
            "price": {"amount": price, "currency": "TZS"},
            "is_active": True,
        }
        created = await admin.post("/products", body)
        assert created.status_code == 201, created.text
        product_id: str = created.json()["data"]["id"]
        received = await admin.post(f"/products/{product_id}/stock", {"delta": stock, "reason": "received"})
        assert received.status_code in {200, 201}, received.text
        return product_id

    async def sql(self, service: str, query: str, *values: Any) -> list[Any]:
        """Rows of a service's own database, for checks that do not rely on the API."""
        connection = await asyncpg.connect(self.database_url(service))
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    def database_url(self, service: str) -> str:
        secrets = SecretFile(self.data / "secrets.json").read()
        server = SecretFile(self.data / "postgres" / "secrets.json").read()
        name = f"dukan_{service}"
        return f"postgresql://{name}:{secrets[name]}@127.0.0.1:{server['port']}/{name}"


@asynccontextmanager
async def run_platform(data: Path, amqp: str | None) -> AsyncIterator[Platform]:
    if amqp:
        await forget_queues(amqp)
    under_test = Platform(data, amqp)
    try:
        await under_test.start()
        yield under_test
    finally:
        await under_test.stop()


async def forget_queues(amqp: str) -> None:
    """Delete the platform's queues, so that messages of an earlier run are not consumed by this one."""
    connection = await connect(amqp)
    async with connection:
        for consumer in consumers():
            channel = await connection.channel()
            await channel.queue_delete(consumer.queue)


def amqp_url() -> str:
    """A virtual host of its own: the platform runs until the session ends, and consumes the dead letters of all."""
    return amqp_url_of("test-platform")
