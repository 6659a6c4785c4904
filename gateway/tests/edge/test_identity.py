"""Who is let through: a credential that is given must be good, now."""

from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from common import clock
from common.contracts.auth import SessionRevoked
from common.ids import new_id
from common.testing import TestIssuer
from common.testing.tokens import KEY_ID

from .behind import Behind, Seen
from .conftest import Door, OpenDoor

ORDERS = "/api/v1/orders"


async def test_an_anonymous_request_is_the_services_matter(door: Door, behind: Behind) -> None:
    assert (await door.client.get(ORDERS)).status_code == 200
    assert behind.seen[0].one("authorization") is None


async def test_a_good_token_is_passed_on_for_the_service_to_verify_itself(
    door: Door, behind: Behind, tokens: TestIssuer
) -> None:
    headers = tokens.bearer()
    for _ in range(2):
        assert (await door.client.get(ORDERS, headers=headers)).status_code == 200
    assert [seen.one("authorization") for seen in behind.seen] == [headers["Authorization"]] * 2


def _forged(tokens: TestIssuer) -> dict[str, str]:
    claims = tokens.claims(None, ["admin"])
    public = tokens._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    good = tokens.sign(claims)
    return {
        "another key": TestIssuer().sign(claims),
        "no signature": good.rsplit(".", 1)[0] + ".",
        "alg none": jwt.encode(claims, "", algorithm="none", headers={"kid": KEY_ID}),
        "HS256 with the public key": jwt.encode(claims, public, algorithm="HS256", headers={"kid": KEY_ID}),
        "expired": tokens.token(exp=int((clock.now() - timedelta(seconds=1)).timestamp())),
        "another issuer": tokens.token(iss="https://evil.example"),
        "another audience": tokens.token(aud="other"),
        "no session": tokens.token(sid=None),
        "unknown key": tokens.sign(claims, {"kid": "other"}),
        "tampered": good[:-3] + ("AAA" if good[-3:] != "AAA" else "BBB"),
        "nothing": "",
        "rubbish": "rubbish",
    }


@pytest.mark.parametrize("how", list(_forged(TestIssuer())))
async def test_a_token_that_is_not_good_is_refused(door: Door, behind: Behind, tokens: TestIssuer, how: str) -> None:
    sent = await door.client.get(ORDERS, headers={"Authorization": f"Bearer {_forged(tokens)[how]}".strip()})

    assert (sent.status_code, sent.json()["status"]) == (401, "error")
    assert sent.headers["www-authenticate"] == "Bearer"
    assert behind.seen == []


async def test_other_kinds_of_credentials_are_refused_except_at_webhooks(door: Door, behind: Behind) -> None:
    headers = {"Authorization": "Basic YTpi"}

    assert (await door.client.get(ORDERS, headers=headers)).json()["code"] == "unsupported_credentials"
    assert (await door.client.post("/api/v1/webhooks/polar", headers=headers)).status_code == 200
    assert [seen.one("authorization") for seen in behind.seen] == ["Basic YTpi"]


async def test_a_session_that_ends_is_refused_as_soon_as_the_event_is_heard(
    door: Door, behind: Behind, tokens: TestIssuer
) -> None:
    session_id = new_id()
    headers = tokens.bearer(sid=str(session_id))
    assert (await door.client.get(ORDERS, headers=headers)).status_code == 200

    ends = clock.now() + timedelta(minutes=15)
    ended = SessionRevoked(session_id=session_id, user_id=new_id(), expires_at=ends, reason="logout")
    door.transport.tell(ended)

    refused = await door.client.get(ORDERS, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "session_revoked")
    assert len(behind.seen) == 1


async def test_sessions_that_ended_before_the_gateway_started_are_refused(
    behind: Behind, tokens: TestIssuer, open_door: OpenDoor
) -> None:
    session_id = str(new_id())
    ends = (clock.now() + timedelta(minutes=15)).isoformat()
    behind.revoked.append({"session_id": session_id, "expires_at": ends})
    door = await open_door()

    refused = await door.client.get(ORDERS, headers=tokens.bearer(sid=session_id))

    assert (refused.status_code, refused.json()["code"]) == (401, "session_revoked")


async def test_a_new_signing_key_is_fetched_when_first_met_and_the_old_one_stays_good(
    open_door: OpenDoor, behind: Behind, tokens: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.security.key_set.COOL_DOWN", 0.0)
    door = await open_door()
    old = tokens.bearer()
    await door.client.get(ORDERS, headers=old)
    rotated = TestIssuer()
    key = rotated.jwk() | {"kid": "next-key"}
    behind.jwks = lambda: {"keys": [key, tokens.jwk()]}
    new = rotated.sign(rotated.claims(None, ["customer"]), {"kid": "next-key"})

    sent = await door.client.get(ORDERS, headers={"Authorization": f"Bearer {new}"})

    assert sent.status_code == 200
    assert (await door.client.get(ORDERS, headers=old)).status_code == 200


async def test_keys_that_cannot_be_fetched_leave_the_known_ones_in_place(
    door: Door, behind: Behind, tokens: TestIssuer
) -> None:
    async def fail(seen: Seen) -> None:
        await seen.answer(500)

    behind.scripts["/api/v1/.well-known/jwks.json"] = fail
    unknown = tokens.sign(tokens.claims(None, []), {"kid": "unknown"})

    assert (await door.client.get(ORDERS, headers={"Authorization": f"Bearer {unknown}"})).status_code == 401
    assert (await door.client.get(ORDERS, headers=tokens.bearer())).status_code == 200
