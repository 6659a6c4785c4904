"""/auth/identities: the accounts at other issuers that sign in to one's own."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from auth.api import refused
from auth.api.oidc_visit import Answer, TheIssuers, TheVisit
from auth.api.step_up import Confirm, FreshProof
from auth.dependencies import NO_STORE, RequestingClient
from auth.queries.identities import find_identity, identities_of
from auth.sessions.usecases.end_sessions import count_other_sessions
from auth.usecases.link_identity import link_identity, unlink_identity
from auth.usecases.return_oidc import end_return, stale
from auth.views import OtherSessionsView
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok

router = APIRouter(prefix="/auth/identities", dependencies=[NO_STORE])


class Linked(Answer):
    """As for a sign-in, and which issuer it came from."""

    provider: Annotated[str, StringConstraints(min_length=1, max_length=40), Field(examples=["company"])]


class IdentityView(BaseModel):
    """`email` is the issuer's word, and may differ from the account's."""

    id: UUID
    provider: Annotated[str, Field(examples=["company"])]
    email: str | None
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


@router.post("", status_code=201, summary="Link an identity", responses=refused.LINKING_IDENTITY)
async def post_identity(
    body: Linked, caller: Caller, visit: TheVisit, begin: Begin, issuers: TheIssuers
) -> Envelope[NewIdentityView]:
    """Finishes what POST /auth/oidc/{provider}/link began, for the same account."""
    provider = issuers.find(body.provider)
    returned, stranger = await visit.identify(body, provider, account_id=caller.user_id)
    async with begin() as tx:
        if not await end_return(tx, returned):
            raise stale()
        identity_id = await link_identity(tx, caller.user_id, stranger, visit.client)
        row = await find_identity(tx, identity_id)
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    return created(NewIdentityView.model_validate({**row, "other_sessions": others}), "Linked")


@router.delete("/{identity_id}", summary="Unlink an identity", responses=refused.REMOVING_IDENTITY)
async def delete_identity(
    *,
    identity_id: UUID,
    body: FreshProof | None = None,
    caller: Caller,
    client: RequestingClient,
    begin: Begin,
    confirm: Confirm,
) -> Envelope[OtherSessionsView]:
    """Asks for a fresh proof of who one is."""
    await confirm(body)
    async with begin() as tx:
        await unlink_identity(tx, caller.user_id, identity_id, client)
        others = await count_other_sessions(tx, caller.user_id, caller.session_id)
    return ok(OtherSessionsView(other_sessions=others), "It signs in here no longer")
