"""`python -m bench.plot RESULT.json`: a PNG per curve, beside the result. Needs matplotlib."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

DETAIL = Mapping[str, Any]
SERIES = {"orders": "orders not final", "outbox": "events to publish", "waiting": "messages waiting"}


def main(source: Path) -> None:
    mpl.use("Agg")
    report = json.loads(source.read_text())
    about = f"{report['mode']}, {report['machine'].get('cores')} cores, {report['at'][:10]}"
    for name, lines in _curves(report).items():
        _draw_curve(source.with_name(f"{source.stem}-{name}.png"), lines, f"{name} ({about})")
    for name, row in _series(report):
        _draw_series(source.with_name(f"{source.stem}-{name}.png"), row, about)


def _rows(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, row) for name, rows in report["scenarios"].items() for row in rows)


def _curves(report: Mapping[str, Any]) -> Mapping[str, Mapping[str, list[tuple[DETAIL, float]]]]:
    """Plot → line → the points' labels and values."""
    plots: dict[str, dict[str, list[tuple[DETAIL, float]]]] = defaultdict(lambda: defaultdict(list))
    for _, row in _rows(report):
        if curve := row["detail"].get("curve"):
            plots[curve["plot"]][curve["line"]].append((curve, row["value"]))
    return plots


def _series(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, row) for name, row in _rows(report) if row["detail"].get("series"))


def _draw_curve(target: Path, lines: Mapping[str, list[tuple[DETAIL, float]]], title: str) -> None:
    figure, axes = plt.subplots(figsize=(8, 5))
    for name, points in lines.items():
        axes.plot([curve["x"] for curve, _ in points], [value for _, value in points], marker="o", label=name)
    first, _ = next(iter(lines.values()))[0]
    axes.set(xscale="log", yscale="log", xlabel=first["x_label"], ylabel=first["y_label"], title=title)
    _save(figure, axes, target)


def _draw_series(target: Path, row: Mapping[str, Any], about: str) -> None:
    figure, axes = plt.subplots(figsize=(8, 5))
    looks = row["detail"]["series"]
    for key, label in SERIES.items():
        axes.plot([look["seconds"] for look in looks], [look[key] for look in looks], label=label)
    axes.set(xlabel="seconds", ylabel="backlog", title=f"{row['name']}\n({about})", ylim=(0, None))
    _save(figure, axes, target)


def _save(figure: Any, axes: Any, target: Path) -> None:
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(target, dpi=110, bbox_inches="tight")
    plt.close(figure)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
