"""Each service's /metrics, also where one process holds all services."""

import pytest
from prometheus_client import REGISTRY

from common import metrics
from common.exposition import OWNERS, exposition


def series(service: str) -> str:
    return exposition(service).decode()


def test_a_service_exports_its_own_series_and_those_of_the_process() -> None:
    metrics.OUTBOX_PENDING.labels("orders").set(3)
    metrics.OUTBOX_PENDING.labels("billing").set(4)
    metrics.INBOX_DUPLICATES.labels("orders.checkout").inc()
    metrics.INBOX_DUPLICATES.labels("billing.checkout").inc()
    orders = series("orders")
    assert 'dukan_outbox_pending{service="orders"} 3.0' in orders
    assert 'consumer="orders.checkout"' in orders
    assert "billing" not in orders
    assert "python_gc_collections_total" in orders


@pytest.mark.parametrize(
    ("owner", "name"),
    [("orders", "dukan_saga_orders"), ("operations", "dukan_dead_letters"), ("gateway", "dukan_gateway_streams")],
)
def test_a_metric_without_a_service_is_exported_by_its_owner_only(owner: str, name: str) -> None:
    metrics.SAGA_ORDERS.labels("placed").set(1)
    metrics.DEAD_LETTERS.labels("billing.checkout.v1").set(1)
    assert f"# TYPE {name} gauge" in series(owner)
    assert f"# TYPE {name} gauge" not in series("billing")


def test_the_gateways_metrics_of_upstreams_are_the_gateways() -> None:
    metrics.UPSTREAM_FAILED.labels("orders", "timeout").inc()
    assert 'dukan_upstream_failed_total{cause="timeout",service="orders"}' in series("gateway")
    assert "dukan_upstream_failed_total" not in series("orders")


def test_every_metric_of_the_platform_has_an_owner() -> None:
    ours = [metric for metric in REGISTRY.collect() if metric.name.startswith("dukan_")]
    labelled = {name for name, each in vars(metrics).items() if name.isupper() and hasattr(each, "_labelnames")}
    unowned = [
        name
        for name in labelled
        if not {"service", "consumer"} & set(getattr(metrics, name)._labelnames)
        and getattr(metrics, name)._name not in OWNERS
    ]
    assert ours
    assert unowned == []
