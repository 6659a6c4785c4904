"""What an administrator does when a secret may have leaked: new signing keys, nobody signed in."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from auth.api import refused
from auth.audit.usecases import record_audit
from auth.dependencies import MarkRevoked, RequestingClient, Services
from auth.queries.signing_keys import signing_keys
from auth.sessions.usecases.end_sessions import end_any_sessions
from auth.usecases.rotate_keys import rotate_on_demand, withdraw_keys
from common import clock
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok

BATCH = 1000

router = APIRouter()

KeyKeeper = Annotated[Identity, may("signing_keys.manage")]
Administrator = Annotated[Identity, may("accounts.manage")]


class SigningKeyView(BaseModel):
    """`kid` is the key's public name."""

    kid: str
    state: Literal["next", "active", "retired"]
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None


class EndedView(BaseModel):
    """How many sessions were ended."""

    sessions: int


@router.get("/auth/signing-keys", summary="Keys that sign access tokens")
async def get_signing_keys(_admin: KeyKeeper, begin: Begin) -> Envelope[list[SigningKeyView]]:
    async with begin() as tx:
        return ok([SigningKeyView.model_validate(dict(key)) for key in await signing_keys(tx)])


@router.post("/auth/signing-keys/rotate", summary="Rotate the signing keys", responses=refused.ROTATING_KEYS)
async def post_rotate(
    admin: KeyKeeper, client: RequestingClient, begin: Begin, identification: Services
) -> Envelope[list[SigningKeyView]]:
    """The next key signs from now on. Tokens that are out stay good until they expire."""
    async with begin() as tx:
        await rotate_on_demand(tx, identification.vault)
        await record_audit(tx, "rotate_keys", "by_admin", client, actor_id=admin.user_id)
        keys = await signing_keys(tx)
    return ok([SigningKeyView.model_validate(dict(key)) for key in keys], "Rotated")


@router.post("/auth/signing-keys/withdraw", summary="Replace leaked signing keys")
async def post_withdraw(
    request: Request, admin: KeyKeeper, client: RequestingClient, begin: Begin, identification: Services
) -> Envelope[list[SigningKeyView]]:
    """All keys at once: every access token is refused from now on, the caller's too, and a refresh gives another."""
    async with begin() as tx:
        withdrawn = await withdraw_keys(tx, identification.vault)
        await record_audit(tx, "withdraw_keys", "by_admin", client, actor_id=admin.user_id)
        keys = await signing_keys(tx)
    # The others hear of it from the bus.
    identification.signer.forget()
    request.app.state.verifier.keys.withdraw(withdrawn)
    return ok([SigningKeyView.model_validate(dict(key)) for key in keys], "Withdrawn")


@router.post("/users/logout-all", summary="Sign everybody out")
async def post_logout_everybody(
    admin: Administrator, client: RequestingClient, begin: Begin, forget: MarkRevoked
) -> Envelope[EndedView]:
    """Everybody has to sign in again, the caller too."""
    begun_by, sessions = clock.now(), 0
    async with begin() as tx:
        await record_audit(tx, "logout_everybody", "by_admin", client, actor_id=admin.user_id)
    while True:
        async with begin() as tx:
            ended = await end_any_sessions(tx, begun_by, BATCH, "ended_by_admin")
        forget(ended)
        sessions += len(ended)
        if len(ended) < BATCH:
            return ok(EndedView(sessions=sessions), "Everybody is signed out")
