"""`dukan demo identity` as a person runs it: the life of an account, from the first letter to its return."""

import asyncio
import json
import subprocess
import sys

from .platform import Platform


async def test_the_tour_of_accounts_walks_to_its_end(shop: Platform) -> None:
    command = [sys.executable, "-m", "dukan", "demo", "identity", "--data", str(shop.data), "--json"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["ok"], report["error"]) == (True, None)
    assert [step["name"] for step in report["steps"]][-1] == "an administrator restores it"
