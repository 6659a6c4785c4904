"""Hostile tokens, hostile key sets, and the cache of verified tokens."""

import asyncio
import base64
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from common import clock
from common.clock import FixedClock, now
from common.contracts.auth import SigningKeysWithdrawn
from common.errors import Unauthenticated
from common.ids import new_id
from common.security import key_set as key_sets
from common.security.key_set import KeySet, UntrustedKeysError, usable_keys
from common.security.revocations import RevocationList
from common.security.tokens import TokenVerifier
from common.security.verification import VerifierRefresh
from common.testing import TestIssuer
from common.testing.tokens import AUDIENCE, ISSUER, KEY_ID

issuer = TestIssuer()


def b64(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**changes: object) -> dict[str, Any]:
    return issuer.claims(None, ["customer"]) | changes


def unsigned() -> str:
    return f"{b64({'alg': 'none', 'kid': KEY_ID})}.{b64(claims())}."


def signed_with_the_public_key(public: bytes) -> str:
    signing_input = f"{b64({'alg': 'HS256', 'kid': KEY_ID})}.{b64(claims())}"
    return f"{signing_input}.{b64(hmac.new(public, signing_input.encode(), sha256).digest())}"


def tampered() -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{b64(claims(roles=['admin']))}.{signature}"


def by_another_key(key: Any, algorithm: str = "EdDSA") -> str:
    return jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": KEY_ID})


def public_bytes() -> bytes:
    return issuer._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def without(claim: str) -> str:
    return issuer.sign({name: value for name, value in claims().items() if name != claim})


HOSTILE: dict[str, Callable[[], str]] = {
    "no algorithm": unsigned,
    "HMAC keyed with the public key": lambda: signed_with_the_public_key(public_bytes()),
    "HMAC keyed with the published x": lambda: signed_with_the_public_key(issuer.jwk()["x"].encode()),
    "tampered claims": tampered,
    "another Ed25519 key": lambda: by_another_key(ed25519.Ed25519PrivateKey.generate()),
    "an Ed448 key": lambda: by_another_key(ed448.Ed448PrivateKey.generate()),
    "RSA": lambda: by_another_key(rsa.generate_private_key(65537, 2048), "RS256"),
    "no key id": lambda: jwt.encode(claims(), issuer._key, algorithm="EdDSA"),
    "a key id that is no string": lambda: f"{b64({'alg': 'EdDSA', 'kid': 7})}.{b64(claims())}.{b64(b'x' * 64)}",
    "an unknown key id": lambda: issuer.sign(claims(), {"kid": "other"}),
    "another issuer": lambda: issuer.token(iss="https://evil.example"),
    "another audience": lambda: issuer.token(aud="elsewhere"),
    "a subject that is no id": lambda: issuer.token(sub="root"),
    "an expiry that is no number": lambda: issuer.token(exp="tomorrow"),
    "an infinite expiry": lambda: issuer.token(exp=float("inf")),
    "a boolean expiry": lambda: issuer.token(exp=True),
    "roles that are no list": lambda: issuer.sign(claims(roles="admin")),
    "an unknown critical header": lambda: issuer.sign(claims(), {"crit": ["b64"], "b64": False}),
    "a huge token": lambda: issuer.token(scope="x" * 10_000),
    "nothing": lambda: "",
    "rubbish": lambda: "a.b.c",
    "not even ASCII": lambda: "ü.ü.ü",
} | {f"no {name}": partial(without, name) for name in ("iss", "aud", "sub", "sid", "jti", "iat", "exp")}


@pytest.mark.parametrize("forge", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_token_is_rejected(forge: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await issuer.verifier().verify(forge())
    assert refusal.value.code == "token_invalid"


async def test_a_valid_token_gives_its_identity() -> None:
    user_id = new_id()
    identity = await issuer.verifier().verify(issuer.token(user_id, ["staff"], scope="orders:read messages:send"))
    assert identity.user_id == user_id
    assert identity.may("orders.manage")
    assert not identity.may("signing_keys.manage")
    assert identity.scope == {"orders:read", "messages:send"}


async def test_a_cached_token_expires() -> None:
    with clock.use(FixedClock(now())) as at:
        verifier, token = issuer.verifier(), issuer.token()
        first = await verifier.verify(token)
        assert await verifier.verify(token) is first
        at.advance(timedelta(minutes=15))
        for _ in range(2):
            with pytest.raises(Unauthenticated) as refusal:
                await verifier.verify(token)
            assert refusal.value.code == "token_expired"


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_a_token_from_the_future_is_rejected(claim: str) -> None:
    later = int(now().timestamp()) + 60
    with pytest.raises(Unauthenticated) as refusal:
        await issuer.verifier().verify(issuer.sign(claims(**{claim: later})))
    assert refusal.value.code == "token_not_yet_valid"


async def test_a_revoked_session_is_rejected_also_with_a_cached_or_reencoded_token() -> None:
    verifier, session = issuer.verifier(), new_id()
    token = issuer.token(sid=str(session))
    await verifier.verify(token)
    verifier.revocations.revoke(session, now() + timedelta(minutes=15))
    for same in (token, f"{token}=="):
        with pytest.raises(Unauthenticated):
            await verifier.verify(same)


async def test_the_token_cache_is_bounded() -> None:
    verifier = TokenVerifier(
        issuer.verifier().keys, issuer.verifier().revocations, issuer=ISSUER, audience=AUDIENCE, max_cached=3
    )
    for _ in range(10):
        await verifier.verify(issuer.token())
    assert len(verifier._cached) == 3


GOOD = issuer.jwk()


async def test_a_revoked_key_evicts_the_tokens_cached_from_it() -> None:
    source = Source(KEY_ID)
    verifier = TokenVerifier(KeySet(source), issuer.verifier().revocations, issuer=ISSUER, audience=AUDIENCE)
    token = issuer.token()
    await verifier.verify(token)
    source.key_ids = ("next",)
    await verifier.keys.refresh()
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"alg": "ES256"},
        {"crv": "Ed448"},
        {"kty": "RSA"},
        {"kid": ""},
        {"kid": None},
        {"x": "AAAA"},
        {"d": "a private part"},
    ],
    ids=str,
)
def test_a_key_for_anything_else_is_not_used(changes: dict[str, Any]) -> None:
    with pytest.raises(UntrustedKeysError):
        usable_keys({"keys": [GOOD | changes]})


def test_keys_for_other_purposes_are_skipped() -> None:
    rsa_key = {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB", "use": "sig"}
    assert list(usable_keys({"keys": [rsa_key, GOOD | {"kid": "e", "use": "enc"}, GOOD]})) == [KEY_ID]


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"keys": {}}, {"keys": ["x"]}, {"keys": [GOOD, GOOD]}],
    ids=["nothing", "a list", "no keys", "keys that are no list", "a key that is no object", "one key id twice"],
)
def test_an_ambiguous_key_set_is_rejected(document: object) -> None:
    with pytest.raises(UntrustedKeysError):
        usable_keys(document)


class Source:
    """Serves these keys and counts the requests."""

    def __init__(self, *key_ids: str) -> None:
        self.key_ids = key_ids
        self.asked = 0
        self.away = False

    async def __call__(self) -> dict[str, Any]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise httpx.ConnectError("away")
        return {"keys": [GOOD | {"kid": key_id} for key_id in self.key_ids]}


async def test_concurrent_unknown_key_ids_cause_one_fetch() -> None:
    source = Source("a")
    keys = KeySet(source)
    found = await asyncio.gather(*(keys.find(f"forged-{number}") for number in range(50)), keys.find("a"))
    assert [key is not None for key in found] == [False] * 50 + [True]
    assert source.asked == 1


async def test_a_rotated_key_is_found_after_the_cool_down(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source("old")
    keys = KeySet(source)
    await keys.refresh()
    source.key_ids = ("old", "new")
    assert await keys.find("new") is None
    monkeypatch.setattr(key_sets, "COOL_DOWN_SECONDS", 0)
    await keys.refresh()
    source.key_ids = ("old", "new", "newest")
    assert await keys.find("newest") is not None


async def test_a_sole_key_verifies_tokens_without_kid_and_several_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source("a")
    keys = KeySet(source)
    found = await asyncio.gather(*(keys.sole() for _ in range(20)))
    assert all(found)
    assert source.asked == 1
    monkeypatch.setattr(key_sets, "COOL_DOWN_SECONDS", 0)
    await keys.refresh()
    source.key_ids = ("a", "b")
    assert await keys.sole() is None


async def test_a_revoked_key_is_rejected_and_its_successor_fetched_at_once() -> None:
    source = Source(KEY_ID)
    verifier = TokenVerifier(KeySet(source), issuer.verifier().revocations, issuer=ISSUER, audience=AUDIENCE)
    token = issuer.token()
    await verifier.verify(token)
    source.key_ids = ("new",)
    VerifierRefresh(verifier).on_event(SigningKeysWithdrawn(active_key_id="new", key_ids=(KEY_ID,)))
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)
    assert await verifier.keys.find("new") is not None


async def test_a_document_from_before_a_revocation_does_not_restore_the_key() -> None:
    keys = KeySet(Source("leaked", "other"))
    fetching = asyncio.create_task(keys.refresh())
    await asyncio.sleep(0)
    keys.revoke(["leaked"])
    await fetching
    assert await keys.find("leaked") is None
    assert await keys.find("other") is not None


@pytest.mark.parametrize("trouble", ["away", "empty", "ambiguous"])
async def test_a_failed_fetch_evicts_no_key(trouble: str) -> None:
    source = Source("a")
    keys = KeySet(source)
    await keys.refresh()
    source.away = trouble == "away"
    source.key_ids = () if trouble == "empty" else ("b", "b")
    with pytest.raises((httpx.HTTPError, UntrustedKeysError)):
        await keys.refresh()
    assert await keys.find("a") is not None


async def test_a_snapshot_is_merged_with_live_revocations_and_expired_ones_are_dropped() -> None:
    listed, live, expired = new_id(), new_id(), new_id()
    soon = now() + timedelta(minutes=5)

    async def snapshot() -> dict[str, Any]:
        return {"data": [{"session_id": str(listed), "expires_at": soon.isoformat()}]}

    revocations = RevocationList(snapshot)
    revocations.revoke(live, soon)
    revocations.revoke(expired, now() - timedelta(seconds=1))
    await revocations.load()
    assert [session in revocations for session in (listed, live, expired)] == [True, True, False]
