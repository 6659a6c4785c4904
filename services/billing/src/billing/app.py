"""Composition root of billing: settings → providers, workers, routes, subscribers."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from billing.payments import api as payments_api
from billing.payments.domain.provider import PaymentProvider
from billing.payments.jobs import PaymentCalls
from billing.payments.providers.sandbox import SandboxProvider
from billing.payments.providers.stripe_objects import parse_event
from billing.payments.subscribers import PaymentSubscribers
from billing.personal_data import subscribers as personal_data_subscribers
from billing.refunds import api as refunds_api
from billing.refunds.jobs import RefundCalls
from billing.settings import Settings
from billing.webhooks import api as webhooks_api
from billing.webhooks.api import StripeWebhook
from billing.webhooks.jobs import WebhookProcessor
from common.jobs import Job
from common.outbound import OutboundWorker
from common.persistence.database import Database
from common.web.service import Service


def build(settings: Settings) -> Service:
    """The billing service, ready to be run."""
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    providers = _providers(settings, database)
    timeout, capacity = settings.payment_timeout, settings.payment_capacity
    # Each provider has workers of its own, so that a slow provider delays no payment at another.
    payment_workers = [
        OutboundWorker(f"billing.payments.{name}", PaymentCalls(name, provider, timeout), database, capacity=capacity)
        for name, provider in providers.items()
    ]
    refund_workers = [
        OutboundWorker(f"billing.refunds.{name}", RefundCalls(name, provider, timeout), database, capacity=capacity)
        for name, provider in providers.items()
    ]
    refund_jobs = [worker.job for worker in refund_workers]
    jobs = [*(worker.job for worker in payment_workers), *refund_jobs]
    processor = WebhookProcessor(database, {"stripe": parse_event})
    return Service(
        name="billing",
        settings=settings,
        database=database,
        routers=[payments_api.router, refunds_api.router, webhooks_api.router],
        subscribers=[PaymentSubscribers(frozenset(providers), _wake(jobs)), personal_data_subscribers],
        jobs=[*jobs, processor.job],
        # Workers are left before the providers that their last calls use.
        resources=[*_resources(providers), *payment_workers, *refund_workers],
        state={
            "sandbox": providers.get("sandbox"),
            "wake_refunds": _wake(refund_jobs),
            "stripe_webhook": _stripe_webhook(settings, processor.job),
        },
    )


def _providers(settings: Settings, database: Database) -> dict[str, PaymentProvider]:
    """The enabled providers, by name."""
    providers: dict[str, PaymentProvider] = {}
    if settings.enables_sandbox:
        providers["sandbox"] = SandboxProvider(database)
    if settings.stripe_secret_key is not None:
        # Imported only here: Stripe's client costs memory that a service without Stripe should not pay.
        from billing.payments.providers.stripe import StripeProvider  # noqa: PLC0415

        providers["stripe"] = StripeProvider(
            settings.stripe_secret_key.get_secret_value(),
            url=settings.stripe_url,
            timeout=settings.payment_timeout / 2,  # a charge is two requests
            return_url=settings.stripe_return_url,
        )
    return providers


def _stripe_webhook(settings: Settings, job: Job) -> StripeWebhook | None:
    if settings.stripe_webhook_secret is None:
        return None
    from billing.payments.providers.stripe_webhooks import is_signed  # noqa: PLC0415 (as in _providers)

    return StripeWebhook(partial(is_signed, secret=settings.stripe_webhook_secret.get_secret_value()), job.wake)


def _resources(providers: dict[str, PaymentProvider]) -> list[AbstractAsyncContextManager[Any]]:
    return [provider for provider in providers.values() if isinstance(provider, AbstractAsyncContextManager)]


def _wake(jobs: Sequence[Job]) -> Callable[[], None]:
    def wake() -> None:
        for job in jobs:
            job.wake()

    return wake
