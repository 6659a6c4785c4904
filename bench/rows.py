"""A result: a value, its reference, and its target."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.load import Result


@dataclass(frozen=True, slots=True)
class Reference:
    """Measured in the same run, unless the name says otherwise."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report.

    `target` is for the ratio if there is a `reference`, else for the value. `value` is None if it could not be
    measured; `note` says why. `detail` is written to the JSON only.
    """

    name: str
    value: float | None
    unit: str
    reference: Reference | None = None
    target: float | None = None
    at_most: bool = False
    note: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        if self.value is None or self.reference is None or not self.reference.value:
            return None
        return self.value / self.reference.value

    @property
    def met(self) -> bool | None:
        """None if there is no target, or no value."""
        reached = self.ratio if self.reference else self.value
        if self.target is None or reached is None:
            return None
        return reached <= self.target if self.at_most else reached >= self.target

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "reference": self.reference.name if self.reference else None,
            "reference_value": _rounded(self.reference.value) if self.reference else None,
            "ratio": _rounded(self.ratio),
            "target": self.target,
            "target_is": None if self.target is None else "at most" if self.at_most else "at least",
            "met": self.met,
            "note": self.note,
            "detail": dict(self.detail),
        }


def missing(name: str, unit: str, why: str) -> Row:
    return Row(name, None, unit, note=why)


def rate(name: str, result: Result, *, detail: Mapping[str, Any] | None = None, **more: Any) -> Row:
    """A row of requests per second, with latencies and unexpected responses."""
    note = f"unexpected answers: {result.unexpected}" if result.unexpected else ""
    return Row(name, result.rate, "requests/s", note=note, detail=result.as_json() | dict(detail or {}), **more)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4 if abs(value) < 10 else 1)
