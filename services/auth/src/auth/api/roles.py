"""GET /auth/roles: what each role may, for pages that show people what they can do."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from common.security.permissions import GRANTS, HELD
from common.web.dependencies import Caller
from common.web.envelope import Envelope, ok

router = APIRouter()

MEANINGS = {permission: meaning for granted in GRANTS.values() for permission, meaning in granted.items()}


class PermissionView(BaseModel):
    """`allows` says in words what its holder may."""

    name: Annotated[str, Field(examples=["accounts.read"])]
    allows: str


class RoleView(BaseModel):
    """All that the role may, what lesser roles may included."""

    role: str
    permissions: list[PermissionView]


@router.get("/auth/roles", summary="What each role may do")
async def get_roles(_: Caller) -> Envelope[list[RoleView]]:
    """The least role first. For their own affairs people need no permission."""
    return ok([_view(role) for role in HELD])


def _view(role: str) -> RoleView:
    held = [permission for permission in MEANINGS if permission in HELD[role]]
    return RoleView(role=role, permissions=[PermissionView(name=name, allows=MEANINGS[name]) for name in held])
