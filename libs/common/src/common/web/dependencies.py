"""What routes ask for: the caller, by role, and a transaction.

    async def post_order(body: PlaceOrder, caller: Caller, begin: Begin) -> Envelope[OrderView]:
        async with begin() as tx:
            ...

A route commits inside its own body: a `yield` dependency would commit only after the answer has left.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from common.errors import Forbidden, Unauthenticated
from common.persistence.transaction import Transaction
from common.web.openapi import OPTIONAL, scheme_of
from common.web.scopes import allows
from common.web.tokens import Identity, TokenVerifier

Admits = Callable[[Identity], bool]


class MaybeAuthenticated(SecurityBase):
    """The caller's identity, or None without a credential; one that is given must be valid, even where none is needed.

    One callable instead of a chain of dependencies: FastAPI resolves every link anew on each request.
    """

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="An access token of auth")
        self.scheme_name = OPTIONAL

    async def __call__(self, request: Request) -> Identity | None:
        header = request.headers.get("authorization")
        if not header:
            return None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Only Bearer credentials are accepted here", code="unsupported_credentials")
        verifier: TokenVerifier = request.app.state.verifier
        identity = await verifier.verify(token.strip())
        if not allows(identity.scope, request.app.state.service, request.method):
            raise Forbidden("The credential's scopes do not allow this", code="insufficient_scope")
        request.state.identity = identity
        return identity


class Authenticated(SecurityBase):
    """The identity of a caller who must be signed in and, with `admits`, allowed; documents name the `role`."""

    def __init__(self, role: str | None = None, admits: Admits | None = None, otherwise: str = "") -> None:
        self._authenticate = MaybeAuthenticated()
        self.model = self._authenticate.model
        self.scheme_name = scheme_of(role)
        self._admits = admits
        self._otherwise = otherwise

    async def __call__(self, request: Request) -> Identity:
        identity = await self._authenticate(request)
        if identity is None:
            raise Unauthenticated
        if self._admits is not None and not self._admits(identity):
            raise Forbidden(self._otherwise)
        return identity


async def _begin(request: Request) -> Callable[[], AbstractAsyncContextManager[Transaction]]:
    begin: Callable[[], AbstractAsyncContextManager[Transaction]] = request.app.state.database.begin
    return begin


MaybeCaller = Annotated[Identity | None, Depends(MaybeAuthenticated())]
Caller = Annotated[Identity, Depends(Authenticated())]
Staff = Annotated[
    Identity, Depends(Authenticated("staff", lambda caller: caller.is_staff, "This needs a member of staff"))
]
Admin = Annotated[
    Identity, Depends(Authenticated("admin", lambda caller: caller.is_admin, "This needs an administrator"))
]
Begin = Annotated[Callable[[], AbstractAsyncContextManager[Transaction]], Depends(_begin)]
