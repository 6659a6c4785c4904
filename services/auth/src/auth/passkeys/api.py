"""/auth/passkeys: the caller's passkeys. /auth/login/passkey: sign-in."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool

from auth.cookies import Cookies
from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.errors import (
    STEP_UP,
    PasskeyInvalid,
    PasskeyKnown,
    PasskeyNotAccepted,
    PasskeyNotFound,
    TooManyAttempts,
    TooManyChallenges,
    TooManyPasskeys,
)
from auth.fields import Name
from auth.passkeys.store import passkeys_of
from auth.passkeys.usecases.register_passkey import (
    creation_options,
    register_passkey,
    remove_passkey,
    rename_passkey,
)
from auth.passkeys.usecases.sign_in_by_passkey import sign_in_by_passkey
from auth.passkeys.usecases.verify_passkey import sign_in_options
from auth.reauthentication import ReauthRequest, RequireStepUp
from auth.sessions.domain import device_name
from auth.sessions.usecases.end_sessions import count_other_sessions
from auth.timing import constant_time
from auth.views import OtherSessionsView, SignInView
from auth.webauthn_json import (
    CREATION_OPTIONS,
    REQUEST_OPTIONS,
    AuthenticationCredential,
    RegistrationCredential,
    Transport,
)
from common.openapi.errors import errors
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok

router = APIRouter(dependencies=[NO_STORE])

PasskeyName = Annotated[Name, Field(min_length=1)]


class PasskeyLogin(BaseModel):
    """With `cookies`, the tokens are set as cookies instead of returned, for browsers."""

    credential: AuthenticationCredential
    device_name: Name | None = None
    cookies: StrictBool = False


class NewPasskey(BaseModel):
    """Without `name`, the passkey is named after the device that registers it."""

    name: PasskeyName | None = None
    credential: RegistrationCredential


class PasskeyRename(BaseModel):
    name: PasskeyName


class PasskeyView(BaseModel):
    """`is_synced`: its owner has it on several devices, or in a backup."""

    id: UUID
    name: PasskeyName
    transports: list[Transport]
    is_synced: bool
    created_at: datetime
    last_used_at: datetime | None


class NewPasskeyView(PasskeyView, OtherSessionsView):
    pass


@router.post(
    "/auth/login/passkey/options",
    summary="Start to sign in with a passkey",
    responses=errors(TooManyChallenges) | REQUEST_OPTIONS,
)
async def post_passkey_login_options(
    client: RequestingClient, begin: Begin, services: Services
) -> Envelope[dict[str, Any]]:
    """Options for `PublicKeyCredential.parseRequestOptionsFromJSON`; respond within five minutes. They name no account:
    the person picks one at the authenticator."""
    async with begin() as tx:
        return ok(await sign_in_options(tx, client, services.passkeys))


@router.post(
    "/auth/login/passkey",
    summary="Sign in with a passkey",
    responses=errors(PasskeyNotAccepted, TooManyAttempts),
)
async def post_passkey_login(
    body: PasskeyLogin, client: RequestingClient, begin: Begin, services: Services, jar: Cookies
) -> Envelope[SignInView]:
    """A passkey is both factors: no code is asked for."""
    async with constant_time(begin) as tx:
        tokens = await sign_in_by_passkey(tx, body.credential.to_json(), client, body.device_name, services)
    csrf_token = jar.fill(tokens) if body.cookies else None
    return ok(SignInView.of(tokens, services, csrf_token), "Signed in")


@router.get("/auth/passkeys", summary="Your passkeys")
async def get_passkeys(caller: Caller, begin: Begin) -> Envelope[list[PasskeyView]]:
    """The oldest first; at most 20."""
    async with begin() as tx:
        rows = await passkeys_of(tx, caller.user_id)
    return ok([PasskeyView.model_validate(dict(row)) for row in rows])


@router.post(
    "/auth/passkeys/options",
    summary="Start to register a passkey",
    responses=errors(TooManyPasskeys, TooManyChallenges, *STEP_UP) | CREATION_OPTIONS,
)
async def post_passkey_options(
    *,
    body: ReauthRequest | None = None,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    services: Services,
    require_step_up: RequireStepUp,
) -> Envelope[dict[str, Any]]:
    """Options for `PublicKeyCredential.parseCreationOptionsFromJSON`; respond within five minutes. Requires a recent
    authentication."""
    await require_step_up(body)
    async with begin() as tx:
        return ok(await creation_options(tx, caller.user_id, client, services))


@router.post(
    "/auth/passkeys",
    status_code=201,
    summary="Register a passkey",
    responses=errors(PasskeyInvalid, PasskeyKnown, TooManyPasskeys),
)
async def post_passkey(
    body: NewPasskey, caller: Caller, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[NewPasskeyView]:
    """The options that the credential responds to required a recent authentication; this request does not."""
    async with begin() as tx:
        row = await register_passkey(
            tx,
            caller.user_id,
            body.credential.to_json(),
            body.credential.response.transports,
            name=device_name(body.name, client.user_agent),
            client=client,
            services=services,
        )
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    view = NewPasskeyView.model_validate({**row, "other_sessions": others})
    return created(view, "The passkey signs you in from now on")


@router.patch("/auth/passkeys/{passkey_id}", summary="Rename a passkey", responses=errors(PasskeyNotFound))
async def patch_passkey(passkey_id: UUID, body: PasskeyRename, caller: Caller, begin: Begin) -> Envelope[PasskeyView]:
    async with begin() as tx:
        row = await rename_passkey(tx, caller.user_id, passkey_id, body.name)
    return ok(PasskeyView.model_validate(dict(row)), "Saved")


@router.delete(
    "/auth/passkeys/{passkey_id}",
    summary="Remove a passkey",
    responses=errors(PasskeyNotFound, *STEP_UP),
)
async def delete_passkey(
    *,
    passkey_id: UUID,
    body: ReauthRequest | None = None,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    require_step_up: RequireStepUp,
) -> Envelope[OtherSessionsView]:
    """Requires a recent authentication."""
    await require_step_up(body)
    async with begin() as tx:
        await remove_passkey(tx, caller.user_id, passkey_id, client)
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    return ok(OtherSessionsView(other_sessions=others), "The passkey no longer signs in")
