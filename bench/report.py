"""The rows of a run as a table, as JSON and as plots."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.rows import Row

RESULTS = Path(__file__).parent / "results"
PLOT_SECONDS = 60


def document(mode: str, seconds: float, facts: Mapping[str, Any], rows: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """`rows` by scenario."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "mode": mode,
        "seconds_each": seconds,
        "machine": dict(facts),
        "scenarios": {name: [row.as_json() for row in listed] for name, listed in rows.items()},
    }


def show(out: Console, title: str, rows: Mapping[str, Sequence[Row]]) -> None:
    table = Table(title=title)
    table.add_column("what", overflow="fold")
    for column in ("value", "", "p50 ms", "p99 ms", "CPU µs", "ratio", "target", "met"):
        table.add_column(column, justify="left" if column == "" else "right", no_wrap=True)
    for name, listed in rows.items():
        table.add_section()
        table.add_row(f"[bold]{name}[/]")
        for row in listed:
            table.add_row(*_cells(row))
    out.print(table)
    asked = [row.met for listed in rows.values() for row in listed if row.target is not None]
    out.print(f"targets met: {asked.count(True)} of {len(asked)}; not measured: {asked.count(None)}", highlight=False)


def _cells(row: Row) -> Sequence[str]:
    beneath = [f"against {row.reference.name}"] if row.reference else []
    name = "\n  ".join([row.name, *(f"[dim]{escape(line)}[/]" for line in [*beneath, row.note] if line)])
    value = "–" if row.value is None else number(row.value)
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    sign = "≤" if row.at_most else "≥"
    target = "" if row.target is None else f"{sign} {row.target:g}{' ×' if row.reference else ''}"
    met = {True: "[green]yes[/]", False: "[red]no[/]", None: "" if row.target is None else "?"}[row.met]
    latencies = (_plain(row.detail.get(key)) for key in ("p50_ms", "p99_ms"))
    return name, value, row.unit, *latencies, _plain(row.detail.get("cpu_us_each")), ratio, target, met


def _plain(value: object) -> str:
    return number(value) if isinstance(value, int | float) else ""


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def has_curves(rows: Mapping[str, Sequence[Row]]) -> bool:
    return any({"curve", "series"} & row.detail.keys() for listed in rows.values() for row in listed)


def write(name: str, report: Mapping[str, Any], plotter: Path | None) -> Path:
    """`results/<name>.json`, and a PNG per curve if a Python with matplotlib is given."""
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{name}.json"
    target.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    if plotter is not None:
        command = [str(plotter), "-m", "bench.plot", str(target)]
        subprocess.run(command, cwd=RESULTS.parent.parent, check=False, timeout=PLOT_SECONDS)
    return target
