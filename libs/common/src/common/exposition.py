"""The metrics of one service, where one process may hold several."""

from collections.abc import Iterator

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

OWNERS = {
    "dukan_saga_orders": "orders",
    "dukan_saga_oldest_seconds": "orders",
    "dukan_dead_letters": "operations",
    "dukan_messages_without_phone": "messaging",
    "dukan_upstream_failed": "gateway",
    "dukan_gateway_streams": "gateway",
    "dukan_gateway_bodies": "gateway",
    "dukan_rate_limited": "gateway",
    "dukan_request_log_dropped": "gateway",
    "dukan_cache_hits": "gateway",
    "dukan_cache_misses": "gateway",
}
"""Metrics of one service only. The others have its name in the label `service` or at the start of `consumer`."""


def registry_of(service: str) -> CollectorRegistry:
    """The metrics of one service, and those of the process, which it may share with others."""
    registry = CollectorRegistry()
    registry.register(_OfService(service))
    return registry


def exposition(service: str) -> bytes:
    """`registry_of` in Prometheus's text format."""
    return generate_latest(registry_of(service))


class _OfService(Collector):
    def __init__(self, service: str) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        for metric in REGISTRY.collect():
            if OWNERS.get(metric.name, self._service) != self._service:
                continue
            if metric.name not in OWNERS:
                metric.samples = [sample for sample in metric.samples if self._owns(sample.labels)]
            yield metric

    def _owns(self, labels: dict[str, str]) -> bool:
        owner = labels.get("service") or labels.get("consumer", "").partition(".")[0]
        return not owner or owner == self._service
