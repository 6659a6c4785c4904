"""The architecture guide names only files and functions that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "architecture.md"
SOURCES = [*ROOT.glob("services/*/src"), ROOT / "gateway" / "src", ROOT / "libs" / "common" / "src"]

# `api.py`, `orders/orders/api/checkout.py`, `orders/orders/api/checkout.py:post_order`, `…/order.py:Order.place`
NAME = re.compile(r"`([\w/]+\.py)(?::([\w.]+))?`")


def named_in_guide() -> list[tuple[str, str]]:
    """Path and member, the member empty for a file."""
    return sorted(set(NAME.findall(GUIDE.read_text())))


def files(path: str) -> list[Path]:
    """The source files with this path; for a bare file name, all that have it."""
    if "/" not in path:
        return [file for source in SOURCES for file in source.rglob(path)]
    return [source / path for source in SOURCES if (source / path).is_file()]


def has_member(tree: ast.Module, member: str) -> bool:
    """Whether the module defines the function, class, constant, or `Class.method`."""
    scope: list[ast.stmt] = tree.body
    for name in member.split("."):
        found = next((node for node in scope if name in names_of(node)), None)
        if found is None:
            return False
        scope = found.body if isinstance(found, ast.ClassDef) else []
    return True


def names_of(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def test_the_guide_names_the_steps_of_an_order() -> None:
    assert len([member for _, member in named_in_guide() if member]) > 20


@pytest.mark.parametrize(("path", "member"), named_in_guide())
def test_a_name_in_the_guide_exists(path: str, member: str) -> None:
    found = files(path)
    assert found, f"the guide names {path}, which does not exist"
    if member:
        assert has_member(ast.parse(found[0].read_text()), member), f"{path} has no {member}"
