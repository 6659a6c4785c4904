"""Dependencies of routes that a stolen session must not be able to use.

    async with reauthenticate(body) as (tx, account):   # the password, and the second factor, in this request
    await require_step_up(body)                         # the same, or an authentication within the last five minutes

`errors.REAUTHENTICATION` and `errors.STEP_UP` are their errors.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from auth.accounts.usecases import Account
from auth.dependencies import RequestingClient, Services
from auth.fields import FactorCode, Password
from auth.passwords.domain import Verification, normalised
from auth.sessions.usecases.sign_in import Attempt
from auth.step_up.usecases import (
    accept_recent_auth,
    begin_reauthentication,
    finish_reauthentication,
    require_recent_auth,
)
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin, Caller


class ReauthRequest(BaseModel):
    """`password`, and `code` of the authenticator app or a recovery code if the account has a second factor. Where a
    recent authentication is enough, or the account has no password, a sign-in or step-up of the last five minutes
    takes the place of the password."""

    password: Password | None = None
    code: FactorCode | None = None


ReauthenticateFunction = Callable[[ReauthRequest], AbstractAsyncContextManager[tuple[Transaction, Account]]]
RequireStepUpFunction = Callable[[ReauthRequest | None], Awaitable[None]]


async def _reauthenticate(
    caller: Caller, client: RequestingClient, begin: Begin, services: Services
) -> ReauthenticateFunction:
    """`async with reauthenticate(body) as (tx, account)`: a transaction in which the caller has authenticated again,
    and the caller's account, locked. Raises the errors of REAUTHENTICATION."""

    @asynccontextmanager
    async def reauthenticate(given: ReauthRequest) -> AsyncIterator[tuple[Transaction, Account]]:
        async with begin() as tx:
            attempt = await begin_reauthentication(tx, caller.user_id, client, services)
        verification = await verify(attempt, given.password)
        async with begin() as tx:
            yield tx, await finish_reauthentication(tx, attempt, verification, given.code or None, services)

    async def verify(attempt: Attempt, password: str | None) -> Verification:
        if password is not None:
            return await services.hashing.verify(attempt.password_hash, normalised(password))
        async with begin() as tx:
            return await accept_recent_auth(tx, attempt, caller.user_id, caller.session_id)

    return reauthenticate


Reauthenticate = Annotated[ReauthenticateFunction, Depends(_reauthenticate)]


async def _require_step_up(
    caller: Caller, client: RequestingClient, begin: Begin, reauthenticate: Reauthenticate
) -> RequireStepUpFunction:
    """`await require_step_up(body)`: the caller authenticates in this request, or did so recently. Raises
    the errors of STEP_UP."""

    async def require_step_up(given: ReauthRequest | None) -> None:
        if given is not None and given.password is not None:
            async with reauthenticate(given):
                return
        async with begin() as tx:
            await require_recent_auth(tx, caller.user_id, caller.session_id, client)

    return require_step_up


RequireStepUp = Annotated[RequireStepUpFunction, Depends(_require_step_up)]
