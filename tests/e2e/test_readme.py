"""The README's tour works when it is pasted."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

from .platform import Platform

README = Path(__file__).parents[2] / "README.md"


def tour() -> str:
    found = re.search(r"## A tour with curl.*?```sh\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    return found.group(1)


async def test_the_tour_with_curl_works_when_pasted(platform: Platform) -> None:
    await platform.product(stock=20, price=1)
    environment = os.environ | {"BASE": platform.url}
    command = ["bash", "-euo", "pipefail", "-c", tour()]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "confirmed" in done.stdout
    assert "payment_declined" in done.stdout
    assert "insufficient_scope" in done.stdout
    assert "Moshi" in done.stdout
