"""Matching the broker's confirms to messages by their delivery tags."""

from pamqp.commands import Basic

from common.bus.rabbitmq.confirms import PublishedBatch, Unconfirmed
from common.bus.rabbitmq.frames import Properties, Publication
from common.bus.transport import UnroutableError


def published(unconfirmed: Unconfirmed, *queues: str) -> PublishedBatch:
    """A batch of copies of one event, a copy to each queue."""
    batch = PublishedBatch([Publication("", queue, Properties(message_id="event"), b"") for queue in queues])
    for index in range(len(queues)):
        unconfirmed.add(batch, index)
    return batch


async def test_one_confirm_settles_several_messages_of_several_batches() -> None:
    unconfirmed = Unconfirmed()
    first, second = published(unconfirmed, "a", "b"), published(unconfirmed, "c", "d")
    unconfirmed.confirm(3, True)
    assert first.outcomes == [None, None]
    assert second.outcomes[0] is None
    assert isinstance(second.outcomes[1], ConnectionError)
    assert not await second.settled(0)


async def test_confirms_in_any_order_settle_their_own_message() -> None:
    unconfirmed = Unconfirmed()
    batch = published(unconfirmed, "a", "b", "c")
    unconfirmed.confirm(3, False)
    unconfirmed.reject(1, False)
    assert isinstance(batch.outcomes[0], ConnectionError)
    assert isinstance(batch.outcomes[1], ConnectionError)
    assert batch.outcomes[2] is None
    assert not await batch.settled(0)
    unconfirmed.confirm(2, False)
    assert await batch.settled(0)
    assert batch.outcomes[1] is None


async def test_of_copies_with_one_id_the_returned_one_is_found_by_its_queue() -> None:
    unconfirmed = Unconfirmed()
    batch = published(unconfirmed, "a", "nowhere", "b")
    unconfirmed.mark_returned(Basic.Return(312, "NO_ROUTE", "", "nowhere"), "event")
    unconfirmed.confirm(3, True)
    assert batch.outcomes[0] is None
    assert isinstance(batch.outcomes[1], UnroutableError)
    assert batch.outcomes[2] is None


async def test_a_failed_channel_settles_everything_and_late_confirms_are_ignored() -> None:
    unconfirmed = Unconfirmed()
    batch = published(unconfirmed, "a", "b")
    unconfirmed.fail_all("gone")
    assert await batch.settled(0)
    unconfirmed.confirm(2, True)
    assert [str(outcome) for outcome in batch.outcomes] == ["gone", "gone"]
