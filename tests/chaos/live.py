"""The display of a run: a live view on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tests.chaos.harness import Run


@dataclass
class View:
    """Rich renders its current state a few times a second."""

    run: Run | None = None
    lines: list[str] = field(default_factory=list)

    def __rich__(self) -> Table:
        table = Table.grid(padding=(0, 2))
        if self.run is not None:
            for name, value in _figures(self.run).items():
                table.add_row(f"[dim]{name}[/]", value)
        return table


def _figures(run: Run) -> dict[str, str]:
    elapsed, statuses = time.monotonic() - run.began, run.ledger.statuses()
    last = run.injected[-1] if run.injected else None
    return {
        "elapsed": f"{elapsed:.0f} s of {run.plan.minutes * 60:.0f}",
        "now": run.phase,
        "placed": str(len(run.ledger.placed)),
        "confirmed": str(statuses["confirmed"]),
        "cancelled": str(statuses["cancelled"]),
        "without an answer": str(run.traffic.open),
        "faults": str(len(run.injected)),
        "last recovery": "" if last is None or last.recovery is None else f"{last.recovery:.1f} s ({last.name})",
    }


@contextmanager
def shown(console: Console) -> Iterator[View]:
    """Lines scroll above the live view; without a terminal there are only lines."""
    view = View()
    if not console.is_terminal:
        yield view
        return
    with Live(view, console=console, refresh_per_second=4):
        yield view
