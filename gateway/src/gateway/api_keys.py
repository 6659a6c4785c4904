"""API keys exchanged at auth for short access tokens, which are kept until they end.

A token that is refused because its session has ended is forgotten and asked for anew: so a revocation is effective as
soon as SessionRevoked is heard, and it is auth that says what has become of the key.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

import httpx

from common.errors import DukanError, Forbidden, RateLimited, Unauthenticated, Unavailable
from gateway.clients import Client

PATH = "/internal/api-keys/exchange"
FORM = re.compile(r"dk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")
REFUSED_FOR = 3.0
"""Seconds for which a refusal is remembered, so that a key that is no good does not reach auth with every request."""
MARGIN = 5.0
"""Seconds before its end from which a token is not used any more: it still has to travel."""
PATIENCE = 5.0
"""Seconds for which a request waits for its turn where every one is counted."""

Slot = tuple[bytes, str]


@dataclass(slots=True)
class Held:
    """What auth said of a key: a token, with the `uses` that are left of its lease, or a refusal."""

    until: float
    token: str = ""
    uses: int | None = None
    refusal: Callable[[], DukanError] | None = None

    def spend(self) -> str | None:
        """The token for one request; None when another is needed. Raises the refusal."""
        if self.refusal is not None:
            raise self.refusal()
        if self.uses is None:
            return self.token
        self.uses -= 1
        return self.token if self.uses >= 0 else None


class ApiKeys:
    """Asks auth at `url`. Kept by the key's hash and, where the key is bound to addresses, the client's address."""

    def __init__(self, client: httpx.AsyncClient, url: str, *, most: int = 10_000) -> None:
        self._client = client
        self._url = url + PATH
        self._most = most
        self._held: OrderedDict[Slot, Held] = OrderedDict()
        self._asking: dict[Slot, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._held)

    async def token_for(self, key: str, client: Client) -> str:
        """A token that stands for the key, for one request. Raises what auth refuses it with."""
        if FORM.fullmatch(key) is None:
            raise Unauthenticated("The API key is not valid", code="api_key_invalid")
        slots = _slots(key, client)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            held = self._find(slots)
            if held is not None and (token := held.spend()) is not None:
                return token
            await self._ask(key, client, slots)
        raise _away()

    def forget(self, key: str, client: Client, token: str) -> None:
        """The token is no good any more."""
        for slot in _slots(key, client):
            if (held := self._held.get(slot)) is not None and held.token == token:
                del self._held[slot]

    def _find(self, slots: tuple[Slot, Slot]) -> Held | None:
        for slot in slots:
            if (held := self._held.get(slot)) is not None:
                if time.monotonic() < held.until:
                    self._held.move_to_end(slot)
                    return held
                del self._held[slot]
        return None

    async def _ask(self, key: str, client: Client, slots: tuple[Slot, Slot]) -> None:
        """Once for all who wait; a client that leaves does not take it along."""
        asking = self._asking.get(slots[1])
        if asking is None:
            asking = self._asking[slots[1]] = asyncio.create_task(self._exchange(key, client, slots))
            asking.add_done_callback(partial(self._asked, slots[1]))
        await asyncio.shield(asking)

    def _asked(self, slot: Slot, asking: asyncio.Task[None]) -> None:
        del self._asking[slot]
        if not asking.cancelled():
            asking.exception()  # told to whoever still waits, if anybody

    async def _exchange(self, key: str, client: Client, slots: tuple[Slot, Slot]) -> None:
        headers = {"X-Forwarded-For": client.ip, "User-Agent": "dukan-gateway"}
        began = time.monotonic()
        try:
            answer = await self._client.post(self._url, json={"key": key}, headers=headers)
            said = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _away() from error
        for slot in slots:
            # Such as a lease that is spent: what auth says now takes its place, wherever that is kept.
            self._held.pop(slot, None)
        if answer.status_code == 200:
            given = said["data"]
            self._keep(slots[1] if given["bound"] else slots[0], _held(given, began))
        else:
            self._keep(slots[1], Held(began + REFUSED_FOR, refusal=_refusal(answer, said)))

    def _keep(self, slot: Slot, held: Held) -> None:
        self._held[slot] = held
        self._held.move_to_end(slot)
        if len(self._held) > self._most:
            self._held.popitem(last=False)


def _slots(key: str, client: Client) -> tuple[Slot, Slot]:
    """Where a token for any address is kept, and one for this address."""
    digest = sha256(key.encode()).digest()
    return (digest, ""), (digest, client.ip)


def _held(given: Any, began: float) -> Held:
    seconds = given["expires_in"]
    return Held(began + max(seconds - MARGIN, seconds / 2), given["access_token"], given["uses"])


def _refusal(answer: httpx.Response, said: Any) -> Callable[[], DukanError]:
    """What auth answered, to be raised anew for everybody. Unavailable is raised at once and not remembered."""
    message, code = str(said.get("message")), str(said.get("code"))
    match answer.status_code:
        case 401 | 422:
            return lambda: Unauthenticated(message, code=code)
        case 403:
            return lambda: Forbidden(message, code=code)
        case 429:
            seconds = float(answer.headers.get("retry-after", "1"))
            return lambda: RateLimited(seconds, message, code=code)
    raise _away()


def _away() -> Unavailable:
    return Unavailable("API keys cannot be checked at the moment", retry_after=1, code="identity_unavailable")
