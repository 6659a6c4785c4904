"""The causal tree of events, and masking of secrets in their data."""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from uuid import UUID

E = TypeVar("E")
N = TypeVar("N")

SECRET = re.compile(r"(?i)sealed|secret|password|passw|otp|token|card_number")
MASK = "***"


def build_tree(
    events: Iterable[E],
    identity: Callable[[E], UUID],
    cause: Callable[[E], str | None],
    node: Callable[[E, list[N]], N],
) -> list[N]:
    """The roots, each made by `node` from an event and its children, both in the order of `events`.

    An event whose cause is not among them (a request, or an event that was deleted) is a root. An event is never the
    child of a later one, so that events which claim to cause themselves, even in a circle, are in the tree too.
    """
    ordered = list(events)
    position = {str(identity(event)): index for index, event in enumerate(ordered)}
    children: dict[int, list[int]] = {}
    roots = []
    for index, event in enumerate(ordered):
        parent = position.get(cause(event) or "")
        if parent is None or parent >= index:
            roots.append(index)
        else:
            children.setdefault(parent, []).append(index)
    nodes: dict[int, N] = {}
    # From the last to the first: children are made before their parent, without recursion, however deep the tree.
    for index in reversed(range(len(ordered))):
        nodes[index] = node(ordered[index], [nodes[child] for child in children.get(index, ())])
    return [nodes[root] for root in roots]


def mask_secrets(value: Any) -> Any:
    """The data with every value masked whose name says that it is a secret, also if it is encrypted."""
    if isinstance(value, dict):
        return {name: MASK if SECRET.search(name) else mask_secrets(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [mask_secrets(inner) for inner in value]
    return value
