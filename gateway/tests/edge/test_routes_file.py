"""The file that changes routes and limits: read at start, again at SIGHUP, and never by halves."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from common.testing import TestIssuer, eventually
from gateway.routes import ROUTES
from gateway.routes_file import RoutesFileError, read_changes

from .behind import Behind, Seen
from .conftest import Door, OpenDoor
from .test_limits import open_production

ORDERS = "/api/v1/orders"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "routes.toml"


def test_an_entry_changes_what_it_names_and_a_new_one_adds_a_route(file: Path) -> None:
    file.write_text(
        '[routes."/media"]\ntimeout = 45\n[routes."/reports/daily"]\nservice = "operations"\nwebsocket = true\n'
        "[limits.sign-in]\nrate = 0.5\nburst = 7\n"
    )
    changes = read_changes(file)
    before, after = ({route.prefix: route for route in routes} for routes in (ROUTES, changes.routes))

    assert after["/media"].timeout == 45
    assert after["/media"].body_limit == before["/media"].body_limit
    assert (after["/reports/daily"].service, after["/reports/daily"].websocket) == ("operations", True)
    assert {prefix: route for prefix, route in after.items() if prefix not in ("/media", "/reports/daily")} == {
        prefix: route for prefix, route in before.items() if prefix != "/media"
    }
    assert (changes.limits["sign-in"].rate, changes.limits["sign-in"].burst) == (0.5, 7)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[routes."/media"]\ntimeout = 0', 'routes."/media".timeout'),
        ('[routes."/media"]\ntimeout = "5"', 'routes."/media".timeout'),
        ('[routes."/media"]\ntimeuot = 5', 'routes."/media".timeuot'),
        ('[routes."/media"]\nservice = "nobody"', 'routes."/media".service'),
        ('[routes."/reports"]\ntimeout = 5', 'routes."/reports".service'),
        ('[routes."media"]\ntimeout = 5', "routes.media"),
        ("[limits.ip]\nrate = 5", "limits.ip.burst"),
        ("[limits.ip]\nrate = inf\nburst = 1", "limits.ip.rate"),
        ("[limits.other]\nrate = 5\nburst = 1", "limits.other"),
        ("[routes", "table declaration"),
    ],
)
def test_a_mistake_is_named_with_its_entry(file: Path, text: str, named: str) -> None:
    file.write_text(text)
    with pytest.raises(RoutesFileError) as refused:
        read_changes(file)

    assert named in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_file_that_is_not_there_is_a_mistake(file: Path) -> None:
    with pytest.raises(RoutesFileError, match=str(file)):
        read_changes(file)


async def test_a_hangup_has_it_read_again_and_drops_no_request(
    open_door: OpenDoor, behind: Behind, file: Path, tokens: TestIssuer
) -> None:
    write(file, "")
    door = await open_production(open_door, behind, routes_file=str(file))
    go = asyncio.Event()

    async def slowly(seen: Seen) -> None:
        await go.wait()
        await seen.answer(200, b'"late"')

    behind.scripts[ORDERS] = slowly
    waiting = asyncio.create_task(door.client.get(ORDERS))
    await eventually(lambda: _reached(behind, ORDERS))
    assert (await door.client.get("/api/v1/reports")).status_code == 404

    write(file, '[routes."/reports"]\nservice = "operations"\n[limits.write]\nrate = 0.01\nburst = 1\n')
    os.kill(os.getpid(), signal.SIGHUP)
    await eventually(lambda: _answers(door, "/api/v1/reports", 200))
    mine = tokens.bearer()
    writes = [(await door.client.post("/api/v1/reports", headers=mine)).status_code for _ in range(2)]
    go.set()

    assert writes == [200, 429]
    assert (await waiting).text == '"late"'


async def test_a_file_with_a_mistake_changes_nothing_and_is_logged(
    open_door: OpenDoor, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(file, '[routes."/reports"]\nservice = "operations"\n')
    door = await open_door(routes_file=str(file))
    write(file, '[routes."/reports"]\nservice = "nobody"\n')
    os.kill(os.getpid(), signal.SIGHUP)
    await eventually(lambda: _logged(caplog, 'routes."/reports".service'))

    assert (await door.client.get("/api/v1/reports")).status_code == 200


def write(file: Path, text: str) -> None:
    file.write_text(text)


async def _reached(behind: Behind, path: str) -> bool:
    return any(seen.target == path for seen in behind.seen)


async def _answers(door: Door, path: str, status: int) -> bool:
    return (await door.client.get(path)).status_code == status


async def _logged(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return text in caplog.text
