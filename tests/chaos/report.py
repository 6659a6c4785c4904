"""The results of a run, as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from tests.chaos.invariants import InvariantResult
from tests.chaos.recovery import LIMIT_SECONDS


@dataclass(frozen=True)
class InjectedFault:
    """The result of one fault, in seconds: `at` since the start, `held` its duration, `recovery` after its end.

    `recovery` is None if the platform did not recover, or if the fault was not injected: `error` says why.
    """

    name: str
    at: float
    held: float
    recovery: float | None
    error: str = ""

    @property
    def failure(self) -> str:
        if self.error:
            return f"{self.name}: not brought about: {self.error}"
        if self.recovery is None:
            return f"{self.name}: no recovery"
        return f"{self.name}: {self.recovery:.0f} s to recover" if self.recovery > LIMIT_SECONDS else ""


@dataclass
class Report:
    """`left_out` are the faults for which there was no time."""

    seed: int
    minutes: float
    rate: float
    injected: Sequence[InjectedFault]
    left_out: Sequence[str]
    orders: dict[str, int]
    check_invariants: Sequence[InvariantResult]
    notes: dict[str, float | int] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        return [injected.failure for injected in self.injected if injected.failure]

    @property
    def clean(self) -> bool:
        return not self.failures and not any(result.violations for result in self.check_invariants)

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "minutes": self.minutes,
            "orders_per_second": self.rate,
            "clean": self.clean,
            "faults": [_row(name, injected) for name, injected in _by_name(self.injected).items()],
            "left_out": list(self.left_out),
            "failures": self.failures,
            "orders": self.orders,
            "invariants": [
                {
                    "number": result.number,
                    "claim": result.claim,
                    "checked": result.checked,
                    "breaches": result.violations[:100],
                }
                for result in self.check_invariants
            ],
            "notes": self.notes,
        }

    def as_tables(self) -> RenderableType:
        return Group(self._faults(), self._orders(), self._invariants())

    def _faults(self) -> Table:
        table = Table("fault", title=f"Faults, seed {self.seed}")
        for column in ("times", "held s (max)", "recovery s (median)", "(max)"):
            table.add_column(column, justify="right")
        for name, injected in _by_name(self.injected).items():
            row = _row(name, injected)
            table.add_row(name, *(str(row[key]) for key in ("times", "held_max", "recovery_median", "recovery_max")))
        for failure in self.failures:
            table.add_row(f"[red]{failure}[/]")
        if self.left_out:
            table.caption = f"The time did not suffice for: {', '.join(self.left_out)}"
        return table

    def _orders(self) -> Table:
        table = Table(*self.orders, title="Orders")
        table.add_row(*(str(count) for count in self.orders.values()))
        return table

    def _invariants(self) -> Table:
        table = Table("", "invariant", title="Invariants")
        table.add_column("checked", justify="right")
        table.add_column("breaches", justify="right")
        for result in self.check_invariants:
            mark = "[red]" if result.violations else "[green]"
            table.add_row(str(result.number), result.claim, str(result.checked), f"{mark}{len(result.violations)}[/]")
            for breach in result.violations[:10]:
                table.add_row("", f"[red]{breach}[/]")
        return table


def _by_name(injected: Sequence[InjectedFault]) -> dict[str, list[InjectedFault]]:
    return {name: [one for one in injected if one.name == name] for name in sorted({one.name for one in injected})}


def _row(name: str, injected: Sequence[InjectedFault]) -> dict[str, Any]:
    recoveries = [one.recovery for one in injected if one.recovery is not None]
    return {
        "fault": name,
        "times": sum(1 for one in injected if not one.error),
        "held_max": round(max(one.held for one in injected), 1),
        "recovery_median": round(median(recoveries), 1) if recoveries else None,
        "recovery_max": round(max(recoveries), 1) if recoveries else None,
    }
