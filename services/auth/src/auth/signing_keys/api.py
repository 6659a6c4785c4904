"""/.well-known: the key set for verifiers of tokens. /auth/signing-keys: rotation and revocation by administrators."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from auth.audit.usecases import record_audit
from auth.dependencies import RequestingClient, Services
from auth.errors import RotatedJustNow
from auth.signing_keys.providers.signer import ALGORITHM
from auth.signing_keys.store import list_keys
from auth.signing_keys.usecases import key_set, revoke_keys, rotate_on_demand
from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok

well_known = APIRouter(prefix="/.well-known")
"""Bare documents without our envelope (RFC 7517, OpenID Connect Discovery); also mounted at the root."""
router = APIRouter()

KeyAdministrator = Annotated[Identity, may("signing_keys.manage")]
KeyId = Annotated[str, Field(description="The key's public name", examples=["2026-02-k1"])]

CACHE_CONTROL = "public, max-age=300"

KEY_SET_EXAMPLE = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "uJ3nV8xQe0mZrT5bKc2wYp7hLd4sGf9aNi6oEtRq1kM",
            "kid": "2026-02-k1",
            "use": "sig",
            "alg": ALGORITHM,
        }
    ]
}
CONFIGURATION_EXAMPLE = {
    "issuer": "https://shop.example.com",
    "jwks_uri": "https://shop.example.com/.well-known/jwks.json",
    "token_endpoint": "https://shop.example.com/api/v1/auth/login",
}


class SigningKeyView(BaseModel):
    kid: KeyId
    state: Literal["next", "active", "retired"]
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None


def _example(document: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": document}}}}


@well_known.get("/jwks.json", summary="Keys to verify access tokens with", responses=_example(KEY_SET_EXAMPLE))
async def get_jwks(response: Response, begin: Begin) -> dict[str, Any]:
    response.headers["Cache-Control"] = CACHE_CONTROL
    async with begin() as tx:
        return await key_set(tx)


@well_known.get(
    "/openid-configuration", summary="Where verifiers find the keys", responses=_example(CONFIGURATION_EXAMPLE)
)
async def get_openid_configuration(response: Response, services: Services) -> dict[str, Any]:
    response.headers["Cache-Control"] = CACHE_CONTROL
    return {
        "issuer": services.issuer,
        "jwks_uri": f"{services.public_url}/.well-known/jwks.json",
        "token_endpoint": f"{services.public_url}/api/v1/auth/login",
        "userinfo_endpoint": f"{services.public_url}/api/v1/auth/me",
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        "response_types_supported": ["token"],
    }


router.include_router(well_known)


@router.get("/auth/signing-keys", summary="Keys that sign access tokens")
async def get_signing_keys(_admin: KeyAdministrator, begin: Begin) -> Envelope[list[SigningKeyView]]:
    async with begin() as tx:
        return ok([SigningKeyView.model_validate(dict(key)) for key in await list_keys(tx)])


@router.post("/auth/signing-keys/rotate", summary="Rotate the signing keys", responses=errors(RotatedJustNow))
async def post_rotate(
    admin: KeyAdministrator, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[list[SigningKeyView]]:
    """The next key signs from now on. Tokens of the former one stay valid until they expire."""
    async with begin() as tx:
        await rotate_on_demand(tx, services.vault)
        await record_audit(tx, "rotate_keys", "by_admin", client, actor_id=admin.user_id)
        keys = await list_keys(tx)
    return ok([SigningKeyView.model_validate(dict(key)) for key in keys], "Rotated")


@router.post("/auth/signing-keys/withdraw", summary="Replace leaked signing keys")
async def post_withdraw(
    request: Request, admin: KeyAdministrator, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[list[SigningKeyView]]:
    """Revokes all keys at once: every access token is rejected from now on, the caller's as well; a refresh token gives
    a new one."""
    async with begin() as tx:
        revoked = await revoke_keys(tx, services.vault)
        await record_audit(tx, "withdraw_keys", "by_admin", client, actor_id=admin.user_id)
        keys = await list_keys(tx)
    # Other processes follow when the event reaches them.
    services.signer.reset()
    request.app.state.verifier.keys.revoke(revoked)
    return ok([SigningKeyView.model_validate(dict(key)) for key in keys], "Withdrawn")
