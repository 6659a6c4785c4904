"""Access tokens: valid ones are forwarded, all others are rejected."""

from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import OpenGateway, RunningGateway

from common import clock
from common.contracts.auth import SessionRevoked
from common.ids import new_id
from common.testing import TestIssuer
from common.testing.tokens import KEY_ID

ORDERS = "/api/v1/orders"


async def test_an_anonymous_request_is_forwarded(gateway: RunningGateway, upstream: FakeUpstream) -> None:
    assert (await gateway.client.get(ORDERS)).status_code == 200
    assert upstream.requests[0].header("authorization") is None


async def test_a_valid_token_is_forwarded_to_the_service(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    headers = tokens.bearer()
    for _ in range(2):
        assert (await gateway.client.get(ORDERS, headers=headers)).status_code == 200
    assert [request.header("authorization") for request in upstream.requests] == [headers["Authorization"]] * 2


def _invalid_tokens(tokens: TestIssuer) -> dict[str, str]:
    claims = tokens.claims(None, ["admin"])
    public = tokens._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    valid = tokens.sign(claims)
    return {
        "another key": TestIssuer().sign(claims),
        "no signature": valid.rsplit(".", 1)[0] + ".",
        "alg none": jwt.encode(claims, "", algorithm="none", headers={"kid": KEY_ID}),
        "HS256 with the public key": jwt.encode(claims, public, algorithm="HS256", headers={"kid": KEY_ID}),
        "expired": tokens.token(exp=int((clock.now() - timedelta(seconds=1)).timestamp())),
        "another issuer": tokens.token(iss="https://evil.example"),
        "another audience": tokens.token(aud="other"),
        "no session": tokens.token(sid=None),
        "unknown key": tokens.sign(claims, {"kid": "other"}),
        "tampered": valid[:-3] + ("AAA" if valid[-3:] != "AAA" else "BBB"),
        "empty": "",
        "rubbish": "rubbish",
    }


@pytest.mark.parametrize("case", list(_invalid_tokens(TestIssuer())))
async def test_an_invalid_token_is_rejected(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer, case: str
) -> None:
    sent = await gateway.client.get(
        ORDERS, headers={"Authorization": f"Bearer {_invalid_tokens(tokens)[case]}".strip()}
    )

    assert (sent.status_code, sent.json()["status"]) == (401, "error")
    assert sent.headers["www-authenticate"] == "Bearer"
    assert upstream.requests == []


async def test_unsupported_credentials_are_rejected_except_at_webhooks(
    gateway: RunningGateway, upstream: FakeUpstream
) -> None:
    headers = {"Authorization": "Basic YTpi"}

    assert (await gateway.client.get(ORDERS, headers=headers)).json()["code"] == "unsupported_credentials"
    assert (await gateway.client.post("/api/v1/webhooks/stripe", headers=headers)).status_code == 200
    assert [request.header("authorization") for request in upstream.requests] == ["Basic YTpi"]


async def test_a_revoked_session_is_rejected_as_soon_as_the_event_arrives(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    session_id = new_id()
    headers = tokens.bearer(sid=str(session_id))
    assert (await gateway.client.get(ORDERS, headers=headers)).status_code == 200

    ends = clock.now() + timedelta(minutes=15)
    ended = SessionRevoked(session_id=session_id, user_id=new_id(), expires_at=ends, reason="logout")
    gateway.transport.tell(ended)

    rejected = await gateway.client.get(ORDERS, headers=headers)
    assert (rejected.status_code, rejected.json()["code"]) == (401, "session_revoked")
    assert len(upstream.requests) == 1


async def test_sessions_revoked_before_the_gateway_started_are_rejected(
    upstream: FakeUpstream, tokens: TestIssuer, open_gateway: OpenGateway
) -> None:
    session_id = str(new_id())
    ends = (clock.now() + timedelta(minutes=15)).isoformat()
    upstream.revoked.append({"session_id": session_id, "expires_at": ends})
    gateway = await open_gateway()

    rejected = await gateway.client.get(ORDERS, headers=tokens.bearer(sid=session_id))

    assert (rejected.status_code, rejected.json()["code"]) == (401, "session_revoked")


async def test_a_new_signing_key_is_fetched_on_first_use_and_the_old_one_stays_valid(
    open_gateway: OpenGateway, upstream: FakeUpstream, tokens: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.security.key_set.COOL_DOWN_SECONDS", 0.0)
    gateway = await open_gateway()
    old = tokens.bearer()
    await gateway.client.get(ORDERS, headers=old)
    rotated = TestIssuer()
    key = rotated.jwk() | {"kid": "next-key"}
    upstream.jwks = lambda: {"keys": [key, tokens.jwk()]}
    new = rotated.sign(rotated.claims(None, ["customer"]), {"kid": "next-key"})

    sent = await gateway.client.get(ORDERS, headers={"Authorization": f"Bearer {new}"})

    assert sent.status_code == 200
    assert (await gateway.client.get(ORDERS, headers=old)).status_code == 200


async def test_known_keys_stay_valid_when_a_fetch_fails(
    gateway: RunningGateway, upstream: FakeUpstream, tokens: TestIssuer
) -> None:
    async def fail(request: ReceivedRequest) -> None:
        await request.respond(500)

    upstream.scripts["/api/v1/.well-known/jwks.json"] = fail
    unknown = tokens.sign(tokens.claims(None, []), {"kid": "unknown"})

    assert (await gateway.client.get(ORDERS, headers={"Authorization": f"Bearer {unknown}"})).status_code == 401
    assert (await gateway.client.get(ORDERS, headers=tokens.bearer())).status_code == 200
