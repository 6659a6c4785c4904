"""The test tools: real inbox, real outbox, and no silent failure."""

import pytest

from common.bus.delivery import Dead, Retry
from common.bus.subscriptions import subscribe
from common.clock import now
from common.contracts.auth import SessionRevoked, UserDeactivated
from common.errors import Permanent
from common.ids import new_id
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from common.settings import ServiceSettings
from common.testing import NotHandledError, cloud_event_of, deliver, eventually, facts
from common.testing.plugin import FreshDatabase
from common.web.service import Service


class Deactivation:
    """Deactivates the users of revoked sessions; fails for some reasons."""

    @subscribe(SessionRevoked, consumer="shop.deactivation")
    async def on_session_revoked(self, event: SessionRevoked, tx: Transaction) -> None:
        tx.publish(UserDeactivated(user_id=event.user_id))
        if event.reason == "hopeless":
            raise Permanent("never")
        if event.reason == "clumsy":
            raise RuntimeError("once more")


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> Database:
    return await fresh_database("common")


@pytest.fixture
def service(database: Database) -> Service:
    return Service("shop", ServiceSettings(), database, subscribers=[Deactivation()])


def revoked(reason: str = "logout") -> SessionRevoked:
    return SessionRevoked(session_id=new_id(), user_id=new_id(), expires_at=now(), reason=reason)


async def test_the_same_event_delivered_twice_has_one_effect(service: Service, database: Database) -> None:
    event = revoked()
    cloud_event = cloud_event_of(event)
    await deliver(service, cloud_event)
    await deliver(service, cloud_event)
    assert await facts(database, UserDeactivated) == [UserDeactivated(user_id=event.user_id)]


@pytest.mark.parametrize(("reason", "settlement"), [("hopeless", Dead), ("clumsy", Retry)])
async def test_a_failed_delivery_raises_unless_expected(
    service: Service, database: Database, reason: str, settlement: type
) -> None:
    with pytest.raises(NotHandledError, match=r"never|once more"):
        await deliver(service, revoked(reason))
    settlements = await deliver(service, revoked(reason), may_fail=True)
    assert [type(one) for one in settlements] == [settlement]
    assert await facts(database, UserDeactivated) == []


async def test_an_event_without_a_consumer_raises(service: Service) -> None:
    with pytest.raises(NotHandledError, match="no consumer"):
        await deliver(service, UserDeactivated(user_id=new_id()))


async def test_an_event_without_a_consumer_raises_beside_one_that_has_one(service: Service, database: Database) -> None:
    with pytest.raises(NotHandledError, match=UserDeactivated.type):
        await deliver(service, revoked(), UserDeactivated(user_id=new_id()))
    assert await facts(database, UserDeactivated) == []


async def test_eventually_gives_up() -> None:
    async def never() -> bool:
        return False

    with pytest.raises(AssertionError, match="the last answer was False"):
        await eventually(never, within=0.05)
