"""The causal tree, without a database."""

from dataclasses import dataclass
from uuid import UUID

from common.ids import new_id
from operations.journal.domain import build_tree


@dataclass(frozen=True)
class Node:
    id: UUID
    cause: str | None = None


Tree = tuple[UUID, list["Tree"]]


def tree_of(*events: Node) -> list[Tree]:
    return build_tree(events, lambda e: e.id, lambda e: e.cause, lambda e, children: (e.id, children))


def test_an_event_whose_cause_was_deleted_is_a_root() -> None:
    orphan = Node(new_id(), cause=str(new_id()))

    assert tree_of(orphan) == [(orphan.id, [])]


def test_events_that_claim_to_cause_each_other_are_all_in_the_tree() -> None:
    first, second, itself = new_id(), new_id(), new_id()

    tree = tree_of(Node(first, str(second)), Node(second, str(first)), Node(itself, str(itself)))

    assert tree == [(first, [(second, [])]), (itself, [])]


def test_a_chain_of_ten_thousand_events_needs_no_recursion() -> None:
    chain = [Node(new_id())]
    for _ in range(10_000):
        chain.append(Node(new_id(), str(chain[-1].id)))

    assert len(tree_of(*chain)) == 1
