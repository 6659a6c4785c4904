"""Key sets that somebody got hold of, and tokens that try what has worked elsewhere.

By the collections of others: Wycheproof's JWK vectors, the attacks that RFC 8725 lists.
"""

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.api_jws import PyJWS

from common.errors import Unauthenticated
from common.security import fetch
from common.security.fetch import Fetch, fetch_json
from common.security.key_set import MAX_KEY_ID_LENGTH, KeySet, UntrustedKeysError, usable_keys
from common.testing import TestIssuer
from common.testing.tokens import KEY_ID

issuer = TestIssuer()
ANY = ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA")

Jwk = dict[str, Any]


def rsa_key(bits: int = 2048) -> Jwk:
    return {**RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, bits).public_key(), as_dict=True), "kid": "rsa"}


def ec_key(curve: ec.EllipticCurve) -> Jwk:
    return {**ECAlgorithm.to_jwk(ec.generate_private_key(curve).public_key(), as_dict=True), "kid": "ec"}


def ed_key() -> Jwk:
    return {**OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key(), as_dict=True), "kid": "ed"}


RSA, P256, ED = rsa_key(), ec_key(ec.SECP256R1()), ed_key()
SYMMETRIC = {"kty": "oct", "kid": "shared", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTMyMzI", "alg": "HS256"}


@pytest.mark.parametrize(
    "good", [RSA, P256, ec_key(ec.SECP384R1()), ec_key(ec.SECP521R1()), ED], ids=lambda k: k["kty"]
)
def test_a_key_is_bound_to_one_algorithm_of_its_type(good: Jwk) -> None:
    [key] = usable_keys({"keys": [good]}, ANY).values()
    assert key.algorithm_name in ANY


PASSED_OVER: dict[str, Jwk] = {
    "a key for encryption": RSA | {"use": "enc"},
    "a key for signing only": RSA | {"key_ops": ["sign"]},
    "operations that are no list": RSA | {"key_ops": "verify"},
    "operations that are nested": RSA | {"key_ops": [["verify"]]},
    "an algorithm of another kind of key": RSA | {"alg": "ES256"},
    "an algorithm of another curve": P256 | {"alg": "ES384"},
    "an HMAC by a public key": RSA | {"alg": "HS256"},
    "an algorithm that is no text": RSA | {"alg": ["RS256"]},
    "no algorithm at all": RSA | {"alg": "none"},
    "encryption by its algorithm": RSA | {"alg": "RSA-OAEP"},
    "a short RSA key": rsa_key(1024),
    "a kind that is no text": RSA | {"kty": ["RSA"]},
    "an unknown kind": RSA | {"kty": "XYZ"},
    "a curve for other things": ED | {"crv": "X25519", "kid": "other"},
    "a curve of another kind": P256 | {"crv": "Ed25519"},
    "a symmetric key": SYMMETRIC,
    "a private part that was published": RSA | {"d": "AQAB"},
    "no key id": {name: part for name, part in RSA.items() if name != "kid"},
    "a key id that is no text": RSA | {"kid": {"a": 1}},
    "a key id of ten kilobytes": RSA | {"kid": "x" * 10_000},
}


@pytest.mark.parametrize("hostile", PASSED_OVER.values(), ids=PASSED_OVER.keys())
def test_an_unusable_key_of_a_set_is_skipped(hostile: Jwk) -> None:
    assert usable_keys({"keys": [hostile, ED]}, ANY).keys() == {"ed"}
    with pytest.raises(UntrustedKeysError):
        usable_keys({"keys": [hostile]}, ANY)


UNREADABLE: dict[str, Jwk] = {
    "a point that is not on its curve": P256 | {"y": P256["x"]},
    "a point at infinity": P256 | {"x": "AA", "y": "AA"},
    "a coordinate that is missing": {name: part for name, part in P256.items() if name != "y"},
    "a coordinate that is too short": ED | {"x": "AAAA"},
    "a modulus that is no text": RSA | {"n": 7},
    "an exponent of zero": RSA | {"e": "AA"},
    "an even exponent": RSA | {"e": "Ag"},
    "base64 that is none": RSA | {"n": "!!!"},
}


@pytest.mark.parametrize("hostile", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_whole_set_is_rejected_for(hostile: Jwk) -> None:
    with pytest.raises(UntrustedKeysError):
        usable_keys({"keys": [hostile, ED | {"kid": "other"}]}, ANY)


def test_two_keys_of_different_types_with_one_id_are_rejected() -> None:
    with pytest.raises(UntrustedKeysError):
        usable_keys({"keys": [RSA | {"kid": "same", "use": "enc"}, ED | {"kid": "same"}]}, ANY)


def test_an_endless_set_is_rejected() -> None:
    with pytest.raises(UntrustedKeysError):
        usable_keys({"keys": [ED | {"kid": str(number)} for number in range(1000)]}, ANY)


def test_only_the_given_algorithms_are_used() -> None:
    assert usable_keys({"keys": [RSA, P256, ED]}, ("ES256",)).keys() == {"ec"}
    assert usable_keys({"keys": [RSA, P256, ED]}).keys() == {"ed"}


def test_a_key_id_of_maximum_length_is_accepted() -> None:
    assert usable_keys({"keys": [ED | {"kid": "x" * MAX_KEY_ID_LENGTH}]})


@asynccontextmanager
async def answering(answer: bytes, *, then: str = "close") -> AsyncIterator[str]:
    """A server that sends these bytes for every request, then closes, sends slowly or stays silent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        try:
            while then == "drip":
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
            if then == "silence":
                await reader.read()
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
    finally:
        server.close()


def said(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", "Connection: close", *headers])
    return f"{head}\r\n\r\n".encode() + body


SET = json.dumps({"keys": [ED]}).encode()
ANSWERS: dict[str, tuple[bytes, str]] = {
    "no JSON": (said(b"<p>Maintenance</p>"), "close"),
    "no UTF-8": (said(b"\xff\xfe{"), "close"),
    "nothing": (said(b""), "close"),
    "nesting without end": (said(b"[" * 100_000), "close"),
    "a body without end": (said(b'{"keys": [], "x": "' + b"x" * 2**20), "drip"),
    "a body that drips": (said(b"{"), "drip"),
    "a body that does not come": (said(b"", "Content-Length: 100"), "silence"),
    "a body that breaks off": (said(SET[:-5], f"Content-Length: {len(SET)}"), "close"),
    "a head that does not come": (b"HTTP/1.1 200", "silence"),
    "a redirect": (said(SET, "Location: http://127.0.0.1:9/jwks", status="302 Found"), "close"),
    "an error with a good body": (said(SET, status="500 Oops"), "close"),
    "compressed, unasked": (said(gzip.compress(SET), "Content-Encoding: gzip"), "close"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "close"),
}


@pytest.mark.parametrize(("answer", "then"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_cached_keys_stay_if_the_response_is(answer: bytes, then: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        sources: list[Fetch] = []

        async def last() -> Any:
            return await sources[-1]()

        keys = KeySet(last)
        async with answering(said(SET)) as url:
            sources.append(fetch_json(client, url))
            await keys.refresh()
        async with answering(answer, then=then) as url:
            sources.append(fetch_json(client, url, seconds=0.3))
            with pytest.raises((httpx.HTTPError, OSError, ValueError, UntrustedKeysError)):
                await keys.refresh()
            assert await keys.find("ed") is not None
            assert await keys.find("unknown") is None


async def test_a_set_just_below_the_size_limit_is_read() -> None:
    padded = json.dumps({"keys": [ED], "x": "x" * (fetch.MAX_BYTES - 1000)}).encode()
    async with answering(said(padded)) as url, httpx.AsyncClient(trust_env=False) as client:
        assert usable_keys(await fetch_json(client, url)()).keys() == {"ed"}


async def test_a_flood_of_unknown_key_ids_costs_one_fetch_and_evicts_no_key() -> None:
    asked = 0

    async def source() -> Any:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return {"keys": [issuer.jwk()]}

    keys = KeySet(source)
    for _ in range(20):
        await asyncio.gather(*(keys.find(f"forged-{number}" * 100) for number in range(50)))
    assert await keys.find(KEY_ID) is not None
    assert asked == 1


def b64(value: bytes | str) -> str:
    raw = value if isinstance(value, bytes) else value.encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(payload: str, **headers: Any) -> str:
    """A valid signature over arbitrary bytes and headers, which PyJWT would not produce."""
    head = b64(json.dumps({"alg": "EdDSA", "kid": KEY_ID, "typ": "JWT"} | headers))
    signature = issuer._key.sign(f"{head}.{b64(payload)}".encode())
    return f"{head}.{b64(payload)}.{b64(signature)}"


def claims(**changes: Any) -> str:
    return json.dumps(issuer.claims(None, ["customer"]) | changes)


def with_exp(text: str) -> str:
    """An expiry that no encoder would write."""
    return signed(claims(exp="HERE").replace('"HERE"', text))


def general_json() -> str:
    token = issuer.token().split(".")
    parts = [{"protected": token[0], "signature": token[2]}] * 2
    return json.dumps({"payload": token[1], "signatures": parts})


def brought_key(name: str, value: Any) -> str:
    own = ed25519.Ed25519PrivateKey.generate()
    headers = {"kid": KEY_ID, name: value or OKPAlgorithm.to_jwk(own.public_key(), as_dict=True)}
    return PyJWS().encode(claims().encode(), own, "EdDSA", headers)


HOSTILE: dict[str, Callable[[], str]] = {
    "an unknown critical header": lambda: signed(claims(), crit=["exp"], exp=1),
    "an empty list of critical headers": lambda: signed(claims(), crit=[]),
    "critical headers that are no list": lambda: signed(claims(), crit="b64"),
    "a payload that is not encoded": lambda: signed(claims(), b64=False, crit=["b64"]),
    "a payload that is not encoded and does not say so": lambda: signed(claims(), b64=False),
    "a key of its own": lambda: brought_key("jwk", None),
    "the address of a key set": lambda: brought_key("jku", "http://127.0.0.1:9/jwks"),
    "the address of a certificate": lambda: brought_key("x5u", "http://127.0.0.1:9/cert"),
    "a certificate": lambda: brought_key("x5c", ["MIIB"]),
    "several signatures": general_json,
    "a fourth part": lambda: f"{issuer.token()}.{b64('x')}",
    "five parts, as if it were encrypted": lambda: f"{issuer.token()}.a.b",
    "nested audiences": lambda: signed(claims(aud=[["dukan"]])),
    "an audience that is an object": lambda: signed(claims(aud={"dukan": True})),
    "an issuer that is a list": lambda: signed(claims(iss=["https://dukan.local"])),
    "an expiry that is not a number": lambda: with_exp("NaN"),
    "an expiry without end": lambda: with_exp("Infinity"),
    "an expiry that overflows": lambda: with_exp("1e999"),
    "an expiry beyond all calendars": lambda: with_exp("9" * 40),
    "an expiry of five thousand digits": lambda: with_exp("9" * 5000),
    "an expiry before all calendars": lambda: with_exp("-1"),
    "a fraction of a second": lambda: with_exp("99999999999.5"),
    "a header that nests without end": lambda: f"{b64('[' * 3000)}.{b64(claims())}.{b64(b'x' * 64)}",
    "claims that nest without end": lambda: signed('{"a":' * 900),
    "claims that are a list": lambda: signed("[]"),
    "claims that are no JSON": lambda: signed("a=b"),
    "claims that are no UTF-8": lambda: signed("x").replace(b64("x"), b64(b"\xff")),
    "a key id of ten kilobytes": lambda: signed(claims(), kid="x" * 10_000),
    "a key id that is a path": lambda: signed(claims(), kid="../../etc/passwd"),
    "an algorithm in another case": lambda: signed(claims(), alg="EDDSA"),
    "an algorithm that is a list": lambda: signed(claims(), alg=["EdDSA"]),
    "a blank between its parts": lambda: issuer.token().replace(".", ". "),
    "a line's end after it": lambda: f"{issuer.token()}\n",
    "the other alphabet of base64": lambda: f"{issuer.token()}+/",
}


@pytest.mark.parametrize("forge", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_token_is_rejected_with(forge: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await issuer.verifier().verify(forge())
    assert refusal.value.code == "token_invalid"


async def test_headers_that_name_other_keys_do_not_affect_a_valid_token() -> None:
    pointing = signed(claims(), jku="http://127.0.0.1:9/jwks", x5u="http://127.0.0.1:9/cert", jwk={"kty": "oct"})
    assert (await issuer.verifier().verify(pointing)).roles == {"customer"}


async def test_two_encodings_of_a_token_are_one_session() -> None:
    token, verifier = issuer.token(), issuer.verifier()
    assert (await verifier.verify(token)).session_id == (await verifier.verify(f"{token}==")).session_id


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_an_rsa_key_verifies_with_its_own_algorithm_only(algorithm: str) -> None:
    private = rsa.generate_private_key(65537, 2048)
    jwk = {**RSAAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": "a", "alg": algorithm}
    [key] = usable_keys({"keys": [jwk]}, ANY).values()
    for used in ("RS256", "PS256"):
        token = jwt.encode({"a": 1}, private, used)
        if used == algorithm:
            assert jwt.decode(token, key, list(ANY)) == {"a": 1}
        else:
            with pytest.raises(jwt.InvalidAlgorithmError):
                jwt.decode(token, key, list(ANY))
