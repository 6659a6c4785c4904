"""Every request that conforms to the published document gets a response that conforms to it, whoever sends it."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dukan import running_platform

from .platform import API, Platform

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
MAX_MINUTES = 12

# The whole document as an administrator; as others, the operations that they may call.
EFFORT = {"anonymous": "examples,fuzzing", "customer": "examples,fuzzing", "admin": "examples,coverage,fuzzing"}

pytestmark = pytest.mark.timeout(60 * MAX_MINUTES)


@pytest.mark.parametrize("who", EFFORT)
async def test_responses_conform_to_the_document_for(exposed: Platform, who: str) -> None:
    login = await login_of(exposed, who)
    report = await asyncio.to_thread(tried, exposed.url, login, EFFORT[who])
    assert (await exposed.http.get("/health")).status_code == 200
    if login:
        signed_in = await exposed.http.post(f"{API}/auth/login", json=login)
        assert signed_in.status_code == 200, "the account did not outlive what was tried with it"
    found = re.search(r"(\d+) generated", report)
    assert found is not None, report
    assert int(found.group(1)) > 200, report


async def login_of(run_platform: Platform, who: str) -> dict[str, str] | None:
    match who:
        case "customer":
            login = {"email": "schema@example.com", "password": "a-long-way-to-mwanza"}
            assert (await run_platform.http.post(f"{API}/auth/register", json=login)).status_code == 201
            return login
        case "admin":
            found = running_platform.find(run_platform.data)
            assert found is not None
            email, password = found.admin()
            return {"email": email, "password": password}
    return None


def tried(url: str, login: dict[str, str] | None, phases: str) -> str:
    """The report of schemathesis; raises it if it found a failure."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{url}/openapi.json"]
    command += ["--phases", phases, "--max-examples", "6", "--no-color"]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.e2e.schema_rules", "SCHEMA_URL": url}
    env = os.environ | hooks | ({"SCHEMA_LOGIN": json.dumps(login)} if login else {})
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60 * MAX_MINUTES, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
