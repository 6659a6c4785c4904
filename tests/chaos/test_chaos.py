"""`dukan chaos`, run for a short time: some faults of each kind, and nothing is lost."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
FAULTS = "kill-orders,freeze-catalog,broker-kill,postgres-kill,broker-link-cut,database-link-cut-after-bytes"


@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_a_short_run_with_every_kind_of_fault_loses_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--minutes", "1.2", "--rate", "8", "--seed", "1", "--json"]
    command += ["--faults", FAULTS, "--keep", str(tmp_path / "kept")]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=TREE, capture_output=True, text=True, check=False, timeout=580
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert sum(fault["times"] for fault in report["faults"]) >= 3
    assert report["orders"]["confirmed"] > 0
    assert (report["orders"]["lost"], report["orders"]["doubled"]) == (0, 0)
    assert [each["number"] for each in report["invariants"]] == list(range(7))
    assert all(each["checked"] for each in report["invariants"])
