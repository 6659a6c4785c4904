"""The causal tree of one story: who led to whom."""

from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

E = TypeVar("E")
N = TypeVar("N")


def grow(
    events: Iterable[E],
    identity: Callable[[E], UUID],
    cause: Callable[[E], str | None],
    node: Callable[[E, list[N]], N],
) -> list[N]:
    """The roots, each made by `node` from an event and its children, both in the order of `events`.

    An event whose cause is not among them (a request, or an event that is not kept any more) is a root. An event never
    hangs below one that came later in the order given: so what claims to cause itself, even in a circle, is shown too.
    """
    ordered = list(events)
    place = {str(identity(event)): index for index, event in enumerate(ordered)}
    children: dict[int, list[int]] = {}
    roots = []
    for index, event in enumerate(ordered):
        parent = place.get(cause(event) or "")
        if parent is None or parent >= index:
            roots.append(index)
        else:
            children.setdefault(parent, []).append(index)
    made: dict[int, N] = {}
    # From the last to the first: children are always made before their parent, however deep the tree.
    for index in reversed(range(len(ordered))):
        made[index] = node(ordered[index], [made[child] for child in children.get(index, ())])
    return [made[root] for root in roots]
