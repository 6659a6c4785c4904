"""Alerts and dashboards against the metrics that the platform exports."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from common import metrics

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
FOLDERS = (ROOT / "libs/common/src", ROOT / "gateway/src", *ROOT.glob("services/*/src"))
SOURCES = [path for folder in FOLDERS for path in folder.rglob("*.py")]
LABELS_OF_PROMETHEUS = {"le", "job", "instance"}


def expressions() -> list[str]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    panels = json.loads((FOLDER / "grafana" / "dukan.json").read_text())["panels"]
    alerts = [rule["expr"] for group in groups for rule in group["rules"]]
    return alerts + [target["expr"] for panel in panels for target in panel["targets"]]


def collectors() -> dict[str, tuple[str, Any]]:
    """Name of the series → its constant in metrics.py and its collector."""
    known = {}
    for constant, collector in vars(metrics).items():
        for series in REGISTRY._collector_to_names.get(collector, []) if constant.isupper() else []:
            known[series] = (constant, collector)
    return known


def test_alerts_and_dashboards_use_existing_metrics() -> None:
    code = "\n".join(path.read_text() for path in SOURCES)
    asked = {name for expression in expressions() for name in re.findall(r"\bdukan_\w+", expression)}
    known = collectors()
    assert asked - set(known) == set()
    constants = {known[name][0] for name in asked}
    assert {constant for constant in constants if f"metrics.{constant}." not in code} == set()


@pytest.mark.parametrize("expression", expressions())
def test_expressions_select_by_existing_labels(expression: str) -> None:
    known = collectors()
    for name, selector in re.findall(r"\b(dukan_\w+)\{([^}]*)\}", expression):
        asked = set(re.findall(r"(\w+)[!=]~?", selector))
        assert asked - set(known[name][1]._labelnames) - LABELS_OF_PROMETHEUS == set()
