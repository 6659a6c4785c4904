"""Wires billing: settings → providers, tellers, routes and subscribers."""

from common.persistence.database import Database
from common.service import Service

from billing.api import payments
from billing.jobs.desks import PaymentDesk, RefundDesk
from billing.jobs.teller import Teller
from billing.providers.port import PaymentProvider
from billing.providers.sandbox import SandboxProvider
from billing.settings import Settings
from billing.subscribers import Subscribers


def build(settings: Settings) -> Service:
    """The billing service, ready to be run."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    providers: dict[str, PaymentProvider] = {}
    sandbox = SandboxProvider(database) if settings.offers_sandbox else None
    if sandbox is not None:
        providers["sandbox"] = sandbox
    payment_desk = PaymentDesk(providers, settings.payment_timeout)
    refund_desk = RefundDesk(providers, settings.payment_timeout)
    charging = Teller("billing.payments", payment_desk, database, settings.payment_capacity)
    refunding = Teller("billing.refunds", refund_desk, database, settings.payment_capacity)
    return Service(
        name="billing",
        settings=settings,
        database=database,
        routers=[payments.router],
        subscribers=[Subscribers(frozenset(providers), charging.job.wake, refunding.job.wake)],
        jobs=[charging.job, refunding.job],
        resources=[charging, refunding],
        state={"sandbox": sandbox},
    )
