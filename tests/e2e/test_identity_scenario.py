"""`dukan demo identity`: the life of an account, from the first e-mail to its restoration."""

import asyncio
import json
import subprocess
import sys

from .platform import Platform


async def test_the_identity_scenario_completes(platform: Platform) -> None:
    command = [sys.executable, "-m", "dukan", "demo", "identity", "--data", str(platform.data), "--json"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["ok"], report["error"]) == (True, None)
    assert [step["name"] for step in report["steps"]][-1] == "an administrator restores it"
