"""The rules of the category tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from catalog.errors import CategoryCycle, TreeTooDeep

MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class CategoryFields:
    """A new category, under `parent_id` or at the root."""

    name: str
    parent_id: UUID | None = None
    slug: str | None = None
    banner_url: str | None = None
    is_active: bool = True
    is_featured: bool = False


def check_depth(parent_lineage: Sequence[UUID], branch_depth: int = 1) -> None:
    """Raises TreeTooDeep if a branch with so many levels does not fit under the parent."""
    if len(parent_lineage) + branch_depth > MAX_DEPTH:
        raise TreeTooDeep(f"The tree is at most {MAX_DEPTH} levels deep")


def check_move(category_id: UUID, branch_depth: int, parent_lineage: Sequence[UUID]) -> None:
    """Raises CategoryCycle if the new parent is in the branch that moves, TreeTooDeep if the branch does not fit."""
    if category_id in parent_lineage:
        raise CategoryCycle
    check_depth(parent_lineage, branch_depth)
