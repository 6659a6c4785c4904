"""/auth/identities: the identities at other issuers that sign in to the caller's account."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from auth.dependencies import NO_STORE, RequestingClient
from auth.errors import STEP_UP, IdentityNeeded, IdentityNotFound, IdentityTaken, OidcStateInvalid
from auth.oidc.api.callback import CALLBACK_ERRORS, AllProviders, Callback, CallbackParams
from auth.oidc.store import find_identity, identities_of
from auth.oidc.usecases.link_identity import link_identity, unlink_identity
from auth.oidc.usecases.pending_logins import end_login
from auth.reauthentication import ReauthRequest, RequireStepUp
from auth.sessions.usecases.end_sessions import count_other_sessions
from auth.views import OtherSessionsView
from common.openapi.errors import errors
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok
from common.web.fields import EmailAddress

router = APIRouter(prefix="/auth/identities", dependencies=[NO_STORE])


class LinkCallback(CallbackParams):
    """The parameters of the callback, and the issuer that it came from."""

    provider: Annotated[str, StringConstraints(min_length=1, max_length=40), Field(examples=["company"])]


class IdentityView(BaseModel):
    """`email` is the one that the issuer gave; it may differ from the account's."""

    id: UUID
    provider: Annotated[str, Field(examples=["company"])]
    email: EmailAddress | None
    created_at: datetime
    last_used_at: datetime | None


class NewIdentityView(IdentityView, OtherSessionsView):
    pass


@router.get("", summary="Your identities at other issuers")
async def get_identities(caller: Caller, begin: Begin) -> Envelope[list[IdentityView]]:
    """At most 100."""
    async with begin() as tx:
        rows = await identities_of(tx, caller.user_id)
    return ok([IdentityView.model_validate(dict(row)) for row in rows])


@router.post("", status_code=201, summary="Link an identity", responses=errors(*CALLBACK_ERRORS, IdentityTaken))
async def post_identity(
    body: LinkCallback, caller: Caller, callback: Callback, begin: Begin, providers: AllProviders
) -> Envelope[NewIdentityView]:
    """Finishes what POST /auth/oidc/{provider}/link started, for the same account."""
    provider = providers.find(body.provider)
    login = await callback.identify(body, provider, account_id=caller.user_id)
    async with begin() as tx:
        if not await end_login(tx, login):
            raise OidcStateInvalid
        identity_id = await link_identity(tx, caller.user_id, login.identity, callback.client)
        row = await find_identity(tx, identity_id)
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    return created(NewIdentityView.model_validate({**row, "other_sessions": others}), "Linked")


@router.delete(
    "/{identity_id}",
    summary="Unlink an identity",
    responses=errors(IdentityNotFound, IdentityNeeded, *STEP_UP),
)
async def delete_identity(
    *,
    identity_id: UUID,
    body: ReauthRequest | None = None,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    require_step_up: RequireStepUp,
) -> Envelope[OtherSessionsView]:
    """Requires a recent authentication."""
    await require_step_up(body)
    async with begin() as tx:
        await unlink_identity(tx, caller.user_id, identity_id, client)
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    return ok(OtherSessionsView(other_sessions=others), "The identity no longer signs in")
