"""Invalid credentials, at the gateway and at every service called directly."""

import base64
import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from common.testing import eventually

from .platform import API, Customer, Platform

PROTECTED = {
    "auth": "/auth/me",
    "catalog": "/products",
    "orders": "/orders",
    "billing": "/payments",
    "messaging": "/messages",
    "notifications": "/notifications",
    "operations": "/events",
}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hostile(good: str, jwk: dict[str, Any]) -> dict[str, str]:
    """Tokens that look like `good` and must all be rejected."""
    header, claims = jwt.get_unverified_header(good), jwt.decode(good, options={"verify_signature": False})
    other_customer = Ed25519PrivateKey.generate()
    public = base64.urlsafe_b64decode(jwk["x"] + "==")
    hs_input = f"{b64(json.dumps(header | {'alg': 'HS256'}).encode())}.{good.split('.')[1]}"
    head, body, signature = good.split(".")
    flipped = ("A" if signature[10] != "A" else "B").join([signature[:10], signature[11:]])
    return {
        "forged by another key": jwt.encode(claims, other_customer, "EdDSA", headers={"kid": header["kid"]}),
        "of an unknown key": jwt.encode(claims, other_customer, "EdDSA", headers={"kid": "nobody"}),
        "alg none": f"{b64(json.dumps(header | {'alg': 'none'}).encode())}.{body}.",
        "HS256 with the public key": f"{hs_input}.{b64(hmac.new(public, hs_input.encode(), hashlib.sha256).digest())}",
        "tampered signature": f"{head}.{body}.{flipped}",
        "tampered claims": f"{head}.{b64(json.dumps(claims | {'roles': ['admin']}).encode())}.{signature}",
        "not a token": "abc.def.ghi",
    }


async def statuses(platform: Platform, token: str) -> dict[str, int]:
    """The status with this token at the gateway and at each service."""
    headers = {"Authorization": f"Bearer {token}"}
    answers = {"gateway": (await platform.http.get(f"{API}/auth/me", headers=headers)).status_code}
    async with httpx.AsyncClient(timeout=10, trust_env=False) as direct:
        for service, path in PROTECTED.items():
            answers[service] = (await direct.get(f"{platform.url_of(service)}{API}{path}", headers=headers)).status_code
    return answers


async def test_no_hostile_token_is_accepted_anywhere(platform: Platform) -> None:
    customer = await platform.customer()
    keys = (await platform.http.get("/.well-known/jwks.json")).json()["keys"]
    kid = jwt.get_unverified_header(customer.token)["kid"]
    jwk = next(key for key in keys if key["kid"] == kid)
    for kind, token in hostile(customer.token, jwk).items():
        assert set((await statuses(platform, token)).values()) == {401}, kind


async def test_a_revoked_token_is_rejected_everywhere(platform: Platform) -> None:
    customer = await platform.customer()
    before = await statuses(platform, customer.token)
    assert 401 not in before.values()
    assert (await customer.post("/auth/logout", {})).status_code == 200

    async def refused_everywhere() -> bool:
        return set((await statuses(platform, customer.token)).values()) == {401}

    await eventually(refused_everywhere, within=10)


async def test_identity_headers_are_ignored(platform: Platform) -> None:
    customer = await platform.customer()
    spoofed = {"X-User-Id": str(uuid4()), "X-User-Roles": "admin", "X-Roles": "admin"}
    headers = {"Authorization": f"Bearer {customer.token}"} | spoofed
    assert (await platform.http.get(f"{API}/auth/me", headers=headers)).json()["data"]["id"] == customer.id
    assert (await platform.http.get(f"{API}/events", headers=headers)).status_code == 403
    assert (await platform.http.get(f"{API}/events", headers=spoofed)).status_code == 401


@pytest.mark.parametrize("path", ["/users", "/events", "/dead-letters", "/emails"])
async def test_a_customer_cannot_call_staff_operations(platform: Platform, path: str) -> None:
    customer: Customer = await platform.customer()
    assert (await customer.get(path)).status_code == 403
