"""/auth/passkeys: one's own passkeys. Which one signs in is at /auth/login/passkey."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from auth.api import refused, shown
from auth.api.credentials import NewCredential
from auth.api.step_up import Confirm, FreshProof
from auth.dependencies import NO_STORE, RequestingClient, Services
from auth.fields import Name
from auth.queries.passkeys import passkeys_of
from auth.sessions.domain import device_name
from auth.sessions.usecases.end_sessions import count_other_sessions
from auth.usecases.register_passkey import creation_options, register_passkey, remove_passkey, rename_passkey
from auth.views import OtherSessionsView
from common.errors import DukanError
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok

router = APIRouter(prefix="/auth/passkeys", dependencies=[NO_STORE])


class NewPasskey(BaseModel):
    """`name` is for its owner; without one it is called after the device at hand."""

    name: Annotated[Name, Field(min_length=1)] | None = None
    credential: NewCredential


class PasskeyName(BaseModel):
    name: Annotated[Name, Field(min_length=1, examples=["Neema's phone"])]


class PasskeyView(BaseModel):
    """`is_synced`: its owner has it on several devices, or in a backup."""

    id: UUID
    name: Annotated[str, Field(examples=["Neema's phone"])]
    transports: list[str]
    is_synced: bool
    created_at: datetime
    last_used_at: datetime | None


class NewPasskeyView(PasskeyView, OtherSessionsView):
    pass


@router.get("", summary="Your passkeys")
async def get_passkeys(caller: Caller, begin: Begin) -> Envelope[list[PasskeyView]]:
    """The oldest first; at most 20."""
    async with begin() as tx:
        rows = await passkeys_of(tx, caller.user_id)
    return ok([PasskeyView.model_validate(dict(row)) for row in rows])


@router.post(
    "/options", summary="Begin to register a passkey", responses=refused.BEGINNING_PASSKEY | shown.CREATION_OPTIONS
)
async def post_passkey_options(
    *,
    body: FreshProof | None = None,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    identification: Services,
    confirm: Confirm,
) -> Envelope[dict[str, Any]]:
    """What `PublicKeyCredential.parseCreationOptionsFromJSON` takes; answer within five minutes. Asks for a fresh
    proof of who one is."""
    await confirm(body)
    async with begin() as tx:
        options = await creation_options(tx, caller.user_id, client, identification.passkeys)
    return ok(options)


@router.post("", status_code=201, summary="Register a passkey", responses=refused.MAKING_PASSKEY)
async def post_passkey(
    body: NewPasskey, caller: Caller, client: RequestingClient, begin: Begin, identification: Services
) -> Envelope[NewPasskeyView]:
    """The authenticator's answer to options that were given after a proof, which this is part of."""
    async with begin() as tx:
        outcome = await register_passkey(
            tx,
            caller.user_id,
            body.credential.as_sent(),
            body.credential.response.transports,
            name=device_name(body.name, client.user_agent),
            client=client,
            passkeys=identification.passkeys,
        )
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    if isinstance(outcome, DukanError):
        raise outcome
    view = NewPasskeyView.model_validate({**outcome, "other_sessions": others})
    return created(view, "The passkey signs you in from now on")


@router.patch("/{passkey_id}", summary="Rename a passkey", responses=refused.PASSKEY)
async def patch_passkey(passkey_id: UUID, body: PasskeyName, caller: Caller, begin: Begin) -> Envelope[PasskeyView]:
    async with begin() as tx:
        row = await rename_passkey(tx, caller.user_id, passkey_id, body.name)
    return ok(PasskeyView.model_validate(dict(row)), "Saved")


@router.delete("/{passkey_id}", summary="Remove a passkey", responses=refused.REMOVING_PASSKEY)
async def delete_passkey(
    *,
    passkey_id: UUID,
    body: FreshProof | None = None,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    confirm: Confirm,
) -> Envelope[OtherSessionsView]:
    """Asks for a fresh proof of who one is."""
    await confirm(body)
    async with begin() as tx:
        await remove_passkey(tx, caller.user_id, passkey_id, client)
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    return ok(OtherSessionsView(other_sessions=others), "The passkey signs nobody in any more")
