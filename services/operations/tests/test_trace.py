"""The causal tree, without a database."""

from dataclasses import dataclass
from uuid import UUID

from common.ids import new_id
from operations.domain.trace import grow


@dataclass(frozen=True)
class Happened:
    id: UUID
    cause: str | None = None


Tree = tuple[UUID, list["Tree"]]


def grown(*events: Happened) -> list[Tree]:
    return grow(events, lambda e: e.id, lambda e: e.cause, lambda e, children: (e.id, children))


def test_an_event_whose_cause_is_not_kept_any_more_is_a_root() -> None:
    orphan = Happened(new_id(), cause=str(new_id()))

    assert grown(orphan) == [(orphan.id, [])]


def test_events_that_claim_to_cause_each_other_are_all_shown() -> None:
    first, second, itself = new_id(), new_id(), new_id()

    tree = grown(Happened(first, str(second)), Happened(second, str(first)), Happened(itself, str(itself)))

    assert tree == [(first, [(second, [])]), (itself, [])]


def test_a_story_of_ten_thousand_steps_is_no_deeper_than_memory() -> None:
    chain = [Happened(new_id())]
    for _ in range(10_000):
        chain.append(Happened(new_id(), str(chain[-1].id)))

    assert len(grown(*chain)) == 1
