"""Wires billing: settings → providers, tellers, routes and subscribers."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from billing.api import payments, refunds, webhooks
from billing.jobs.desks import PaymentDesk, RefundDesk
from billing.jobs.provider_events import EventDesk
from billing.jobs.teller import EVERY, Teller
from billing.providers import stripe_reading
from billing.providers.port import PaymentProvider
from billing.providers.sandbox import SandboxProvider
from billing.settings import Settings
from billing.subscribers import Subscribers
from common.jobs import Job
from common.persistence.database import Database
from common.web.service import Service


def build(settings: Settings) -> Service:
    """The billing service, ready to be run."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    providers = _providers(settings, database)
    seconds, capacity = settings.payment_timeout, settings.payment_capacity
    paying = [
        Teller(f"billing.payments.{name}", PaymentDesk(name, provider, seconds), database, capacity)
        for name, provider in providers.items()
    ]
    refunding = [
        Teller(f"billing.refunds.{name}", RefundDesk(name, provider, seconds), database, capacity)
        for name, provider in providers.items()
    ]
    reading = Job("billing.provider-events", EVERY, EventDesk(database, {"stripe": stripe_reading.report_of}).run)
    refund_jobs = [teller.job for teller in refunding]
    jobs = [*(teller.job for teller in paying), *refund_jobs]
    secret = settings.stripe_webhook_secret
    return Service(
        name="billing",
        settings=settings,
        database=database,
        routers=[payments.router, refunds.router, webhooks.router],
        subscribers=[Subscribers(frozenset(providers), _waking(jobs))],
        jobs=[*jobs, reading],
        # A teller is left before the provider that its last calls use.
        resources=[*_resources(providers), *paying, *refunding],
        state={
            "sandbox": providers.get("sandbox"),
            "stripe_webhook_secret": secret.get_secret_value() if secret else None,
            "wake_refunds": _waking(refund_jobs),
            "wake_provider_events": reading.wake,
        },
    )


def _providers(settings: Settings, database: Database) -> dict[str, PaymentProvider]:
    """The providers on offer, by name: those that are configured."""
    providers: dict[str, PaymentProvider] = {}
    if settings.offers_sandbox:
        providers["sandbox"] = SandboxProvider(database)
    if settings.stripe_secret_key is not None:
        # Imported only here: Stripe's client costs memory that a shop without it should not pay.
        from billing.providers.stripe import StripeProvider  # noqa: PLC0415

        providers["stripe"] = StripeProvider(
            settings.stripe_secret_key.get_secret_value(),
            url=settings.stripe_url,
            timeout=settings.payment_timeout / 2,  # a charge is two requests
            return_url=settings.stripe_return_url,
        )
    return providers


def _resources(providers: dict[str, PaymentProvider]) -> list[AbstractAsyncContextManager[Any]]:
    return [provider for provider in providers.values() if isinstance(provider, AbstractAsyncContextManager)]


def _waking(jobs: Sequence[Job]) -> Callable[[], None]:
    def wake() -> None:
        for job in jobs:
            job.wake()

    return wake
