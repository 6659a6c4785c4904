"""What a run found, as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from tests.chaos.invariants import Verdict
from tests.chaos.recovery import LIMIT_SECONDS


@dataclass(frozen=True)
class Struck:
    """One fault as it went. Seconds: `at` since the first calm, `held` while it lasted, `recovery` after its end.

    `recovery` is None when the platform did not recover, or when the fault was not brought about: `error` says why.
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
    """`left_out` are the faults that the time did not suffice for."""

    seed: int
    minutes: float
    rate: float
    struck: Sequence[Struck]
    left_out: Sequence[str]
    orders: dict[str, int]
    verdicts: Sequence[Verdict]
    notes: dict[str, float | int] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        return [struck.failure for struck in self.struck if struck.failure]

    @property
    def clean(self) -> bool:
        return not self.failures and not any(verdict.breaches for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "minutes": self.minutes,
            "orders_per_second": self.rate,
            "clean": self.clean,
            "faults": [_row(name, struck) for name, struck in _by_name(self.struck).items()],
            "left_out": list(self.left_out),
            "failures": self.failures,
            "orders": self.orders,
            "invariants": [
                {
                    "number": verdict.number,
                    "claim": verdict.claim,
                    "checked": verdict.checked,
                    "breaches": verdict.breaches[:100],
                }
                for verdict in self.verdicts
            ],
            "notes": self.notes,
        }

    def as_tables(self) -> RenderableType:
        return Group(self._faults(), self._orders(), self._invariants())

    def _faults(self) -> Table:
        table = Table("fault", title=f"Faults, seed {self.seed}")
        for column in ("times", "held s (max)", "recovery s (median)", "(max)"):
            table.add_column(column, justify="right")
        for name, struck in _by_name(self.struck).items():
            row = _row(name, struck)
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
        for verdict in self.verdicts:
            mark = "[red]" if verdict.breaches else "[green]"
            table.add_row(str(verdict.number), verdict.claim, str(verdict.checked), f"{mark}{len(verdict.breaches)}[/]")
            for breach in verdict.breaches[:10]:
                table.add_row("", f"[red]{breach}[/]")
        return table


def _by_name(struck: Sequence[Struck]) -> dict[str, list[Struck]]:
    return {name: [one for one in struck if one.name == name] for name in sorted({one.name for one in struck})}


def _row(name: str, struck: Sequence[Struck]) -> dict[str, Any]:
    recoveries = [one.recovery for one in struck if one.recovery is not None]
    return {
        "fault": name,
        "times": sum(1 for one in struck if not one.error),
        "held_max": round(max(one.held for one in struck), 1),
        "recovery_median": round(median(recoveries), 1) if recoveries else None,
        "recovery_max": round(max(recoveries), 1) if recoveries else None,
    }
