"""All events of the platform."""

import pkgutil
from importlib import import_module
from typing import Any

import common.contracts
from common.contracts.event import Event, registry

NO_CONTEXTS = frozenset(("all_events", "data_export", "event"))


def all_events() -> list[type[Event]]:
    """Every event class of every publishing context, ordered by wire type."""
    for module in pkgutil.iter_modules(common.contracts.__path__):
        if module.name not in NO_CONTEXTS:
            import_module(f"{common.contracts.__name__}.{module.name}")
    return [event for _, event in sorted(registry.items()) if event.__module__.startswith(common.contracts.__name__)]


def schemas() -> dict[str, dict[str, Any]]:
    """Wire type → JSON Schema (2020-12) of the event's data as published."""
    return {event.type: event.model_json_schema(mode="serialization") for event in all_events()}
