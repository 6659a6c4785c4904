"""Naughty texts through every field that stores text: read back whole, in form NFC, or rejected by the field's name."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from unicodedata import normalize

import httpx
import pytest

from .bodies import texts_replaced
from .naughty import NAUGHTY
from .objects import World, world_of
from .platform import API, Customer, Platform

pytestmark = pytest.mark.timeout(600)

Answer = httpx.Response
Write = Callable[[str], Awaitable[Answer]]
Read = Callable[[Answer], Awaitable[Any]]

# Places of strings that store no text of the client's choice: secrets, codes, ids, enumerations, and what has a form of
# its own, which test_hostile_http and the tests of the services try.
OTHERS = re.compile(
    r"(?!postal_code)(.*_)?(id|ids|key|token|password|code|otp|grant|state|error|iss|rawId|type|scopes|email|phone|number|username"
    r"|language|time_zone|country|currency|role|slug|purpose|provider|redirect_uri|channel|recipient|queue|url"
    r"|expires_at|ip_allow|birth_date|clientDataJSON|authenticatorData|attestationObject|signature|userHandle"
    r"|transports|confirm|decimal)"
)


# Written by operations that need a new resource each time; the same types as fields that are tried here.
ELSEWHERE = {"carrier", "tracking_number", "device_name", "pincode", "rows.0.any", "mapping.any"}


class Shop:
    """How each field is written and read back, by `METHOD /path field`."""

    def __init__(self, platform: Platform, world: World, admin: Customer) -> None:
        self._http, self._world, self._admin = platform.http, world, admin
        self._owner = world.owner

    def fields(self) -> Mapping[str, tuple[Write, Read]]:
        ids = self._world.ids
        found = {}
        for path, names, is_admins in (
            ("/auth/me", "first_name last_name address city", False),
            (f"/users/{ids['user_id']}", "first_name last_name", True),
            (f"/products/{ids['product_id']}", "title description brand sku", True),
            (f"/categories/{ids['category_id']}", "name", True),
            (f"/addresses/{ids['address_id']}", "name line1 line2 city region postal_code", False),
        ):
            for name in names.split():
                found[f"PATCH {path} {name}"] = self._patched(path, name, self._admin if is_admins else self._owner)
        product = f"/products/{ids['product_id']}"
        found |= {
            f"PATCH {product} attributes": (self._attribute, self._attribute_of),
            f"POST {product}/stock note": (self._stock_note, self._ledger_note),
            f"PATCH /auth/passkeys/{ids['passkey_id']} name": (self._passkey, self._passkey_name),
            "POST /api-keys name": (self._api_key, self._of_answer("name")),
            "POST /messages/send-text text": (self._message, self._of_answer("text")),
            "POST /messages/send-text client_ref": (self._reference, self._of_answer("client_ref")),
            "POST /orders note": (self._order, self._of_answer("note")),
            f"POST /payments/{ids['payment_id']}/refund reason": (self._refund, self._of_answer("reason")),
        }
        return found

    async def _send(self, who: Customer, method: str, path: str, body: Any) -> Answer:
        # Escaped, so that half a pair of surrogates can be sent.
        headers = {"Authorization": f"Bearer {who.token}", "Content-Type": "application/json"}
        return await self._http.request(method, f"{API}{path}", content=json.dumps(body).encode(), headers=headers)

    def _patched(self, path: str, name: str, who: Customer) -> tuple[Write, Read]:
        async def write(text: str) -> Answer:
            return await self._send(who, "PATCH", path, {name: text})

        async def read(_: Answer) -> Any:
            return (await who.data(path))[name]

        return write, read

    @staticmethod
    def _of_answer(name: str) -> Read:
        async def read(answer: Answer) -> Any:
            return answer.json()["data"][name]

        return read

    async def _attribute(self, text: str) -> Answer:
        path = f"/products/{self._world.ids['product_id']}"
        return await self._send(self._admin, "PATCH", path, {"attributes": {"kind": text}})

    async def _attribute_of(self, _: Answer) -> Any:
        return (await self._owner.data(f"/products/{self._world.ids['product_id']}"))["attributes"]["kind"]

    async def _stock_note(self, text: str) -> Answer:
        path = f"/products/{self._world.ids['product_id']}/stock"
        return await self._send(self._admin, "POST", path, {"delta": 1, "reason": "received", "note": text})

    async def _ledger_note(self, _: Answer) -> Any:
        ledger = await self._admin.data(f"/products/{self._world.ids['product_id']}/stock/ledger")
        return next(entry["note"] for entry in ledger if entry["reason"] == "received")

    async def _passkey(self, text: str) -> Answer:
        return await self._send(self._owner, "PATCH", f"/auth/passkeys/{self._world.ids['passkey_id']}", {"name": text})

    async def _passkey_name(self, _: Answer) -> Any:
        passkeys = await self._owner.data("/auth/passkeys")
        return next(each["name"] for each in passkeys if each["id"] == self._world.ids["passkey_id"])

    async def _api_key(self, text: str) -> Answer:
        made = await self._send(self._owner, "POST", "/api-keys", {"name": text, "scopes": ["read"]})
        if made.status_code == 201:
            await self._owner.delete(f"/api-keys/{made.json()['data']['id']}")
        return made

    async def _message(self, text: str) -> Answer:
        body = {"recipient": "+255712345678", "channel": "sms", "text": text}
        return await self._send(self._owner, "POST", "/messages/send-text", body)

    async def _reference(self, text: str) -> Answer:
        body = {"recipient": "+255712345678", "channel": "sms", "text": "Karibu", "client_ref": text}
        return await self._send(self._owner, "POST", "/messages/send-text", body)

    async def _order(self, text: str) -> Answer:
        items = [{"product_id": self._world.ids["product_id"], "quantity": 1}]
        body = {"items": items, "payment": {"provider": "sandbox"}, "note": text}
        return await self._send(self._owner, "POST", "/orders", body)

    async def _refund(self, text: str) -> Answer:
        path = f"/payments/{self._world.ids['paid_id']}/refund"
        body = {"amount": {"amount": 1, "currency": "TZS"}, "reason": text}
        return await self._send(self._admin, "POST", path, body)


@pytest.fixture(scope="module")
async def shop(exposed: Platform) -> Shop:
    admin = await exposed.admin()
    world = await world_of(exposed)
    plenty = {"delta": 1000, "reason": "received"}
    assert (await admin.post(f"/products/{world.ids['product_id']}/stock", plenty)).status_code == 200
    paid = await world.owner.order(world.ids["product_id"], token="tok_ok", wait=10)
    [payment] = await world.owner.data("/payments", order_id=paid["id"])
    return Shop(exposed, replace(world, ids={**world.ids, "paid_id": payment["id"]}), admin)


def test_the_texts_are_of_all_kinds() -> None:
    fates = [naughty.fate for naughty in NAUGHTY.values()]
    assert len(NAUGHTY) > 50
    assert min(fates.count("kept"), fates.count("either"), fates.count("rejected")) > 4


async def test_every_field_that_stores_text_is_tried(exposed: Platform, shop: Shop) -> None:
    document = (await exposed.http.get("/openapi.json")).json()
    places = {each.place for each in texts_replaced(document, {}, "x")}
    tried = {key.rpartition(" ")[2] for key in shop.fields()}
    free = {place for place in places if not OTHERS.fullmatch(place.removesuffix(".0").rpartition(".")[2])}
    assert {place.removesuffix(".any") for place in free - ELSEWHERE} == tried


@pytest.mark.parametrize("kind", NAUGHTY)
async def test_a_text_is_read_back_whole_or_rejected_by_name(shop: Shop, kind: str) -> None:
    fields = shop.fields().items()
    await asyncio.gather(*(_try(field, write, read, kind) for field, (write, read) in fields))


async def _try(field: str, write: Write, read: Read, kind: str) -> None:
    naughty = NAUGHTY[kind]
    answer = await write(naughty.text)
    where = (field, kind, answer.status_code, answer.text[:500])
    if answer.is_success:
        assert naughty.fate != "rejected", where
        assert await read(answer) == normalize("NFC", naughty.text).strip(), where
        return
    assert naughty.fate != "kept", where
    assert answer.status_code == 422, where
    [problem] = answer.json()["errors"]
    assert problem["field"].partition(".")[0] == field.rpartition(" ")[2], where
    assert re.fullmatch(r"[a-z_]+", problem["code"]), where
    assert not re.search(r"Traceback|pydantic|asyncpg|<class|\bstr\b", problem["message"]), where
