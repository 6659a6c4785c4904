"""What a purchase leaves for whoever runs the platform: one trace, a log line per service, metrics per service."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from common.testing import eventually
from common.testing.plugin import amqp_url_of

from .collector import CollectedSpan, Collector, collecting
from .platform import Platform
from .test_purchase import finished

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
LAST_SENT = {("orders", "send orders.order.confirmed.v1"), ("catalog", "send catalog.stock.committed.v1")}
"""Each service exports its spans by itself, so they arrive in any order."""
WITH_LINES = ("orders", "catalog", "billing", "messaging", "notifications")


@dataclass
class Purchase:
    platform: Platform
    collector: Collector
    order: Any
    correlation_id: str
    trace: str


@pytest.fixture(scope="module", params=["embedded", pytest.param("processes", marks=pytest.mark.broker)])
async def purchase(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Purchase]:
    """A purchase without a `traceparent` of the client, confirmed."""
    async with collecting() as collector:
        environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        data = tmp_path_factory.mktemp(f"observed-{request.param}") / "data"
        platform = Platform(
            data, amqp_url_of("test-observed") if request.param == "processes" else None, env=environment
        )
        try:
            await platform.start()
            product = await platform.product(stock=10)
            customer = await platform.customer()
            body = {"items": [{"product_id": product, "quantity": 1}], "payment": {"provider": "sandbox"}}
            placed = await customer.post("/orders", body)
            order = await finished(customer, placed.json()["data"]["id"])
            assert order["status"] == "confirmed"
            yield Purchase(
                platform, collector, order, placed.headers["x-request-id"], placed.headers["traceparent"][3:35]
            )
        finally:
            await platform.stop()


def names(spans: list[CollectedSpan], kind: int) -> set[tuple[str, str]]:
    return {(span.service, span.name) for span in spans if span.kind == kind}


async def test_a_purchase_is_one_trace_with_spans_of_every_kind(purchase: Purchase) -> None:
    async def complete() -> list[CollectedSpan]:
        spans = purchase.collector.of(purchase.trace)
        done = ("notifications", "process notifications.orders") in names(spans, CONSUMER)
        return spans if done and names(spans, PRODUCER) >= LAST_SENT else []

    spans = await eventually(complete, within=30)
    assert {("gateway", "POST /orders"), ("orders", "POST /api/v1/orders")} <= names(spans, SERVER)
    assert ("gateway", "POST orders") in names(spans, CLIENT)
    assert {service for service, name in names(spans, CLIENT) if name.startswith("transaction ")} >= {
        "orders",
        "catalog",
        "billing",
    }
    assert {name for service, name in names(spans, PRODUCER) if service == "orders"} >= {
        "send orders.order.placed.v1",
        "send orders.payment.requested.v1",
        "send orders.order.confirmed.v1",
    }
    assert {name for _, name in names(spans, CONSUMER)} >= {
        "process catalog.checkout",
        "process orders.checkout",
        "process billing.checkout",
    }


async def test_every_span_of_the_trace_hangs_on_another_one_and_the_gateway_is_the_root(purchase: Purchase) -> None:
    async def connected() -> list[CollectedSpan]:
        spans = purchase.collector.of(purchase.trace)
        ids = {span.id for span in spans}
        roots = [span for span in spans if span.parent not in ids]
        return roots if [root.service for root in roots] == ["gateway"] else []

    [root] = await eventually(connected, within=30)
    assert (root.name, root.parent) == ("POST /orders", "")


async def test_each_service_of_a_purchase_logs_one_line_that_names_it(purchase: Purchase) -> None:
    wanted = {
        "order_id": purchase.order["id"],
        "number": purchase.order["number"],
        "correlation_id": purchase.correlation_id,
    }

    async def logged() -> list[str]:
        found = [
            line["service"]
            for line in log_lines(purchase.platform)
            if line["level"] == "INFO" and wanted.items() <= line.items()
        ]
        return found if len(found) >= len(WITH_LINES) else []

    assert sorted(await eventually(logged, within=20)) == sorted(WITH_LINES)


async def test_the_metrics_of_a_service_are_its_own(purchase: Purchase) -> None:
    for service in ("orders", "billing", "gateway"):
        metrics = (await purchase.platform.http.get(f"{purchase.platform.url_of(service)}/metrics")).text
        requests = [line for line in metrics.splitlines() if line.startswith("dukan_http_requests_total{")]
        assert requests
        assert all(f'service="{service}"' in line for line in requests)
        assert ("dukan_saga_orders" in metrics) == (service == "orders")


def log_lines(platform: Platform) -> list[Any]:
    texts = [path.read_text() for path in (platform.data / "logs").glob("*.log")]
    return [json.loads(line) for text in texts for line in text.splitlines() if line.startswith("{")]
