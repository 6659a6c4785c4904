"""The routes file: read at start and on SIGHUP, and applied as a whole or not at all."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import OpenGateway, RunningGateway, open_production

from common.testing import TestIssuer, eventually
from gateway.routing.routes import ROUTES
from gateway.routing.routes_file import RoutesFileError, read_routes_file

ORDERS = "/api/v1/orders"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "routes.toml"


def test_an_entry_changes_its_route_or_adds_a_new_one(file: Path) -> None:
    file.write_text(
        '[routes."/media"]\ntimeout = 45\n[routes."/reports/daily"]\nservice = "operations"\nwebsocket = true\n'
        "[limits.sign-in]\nrate = 0.5\nburst = 7\n"
    )
    routes_file = read_routes_file(file)
    before, after = ({route.prefix: route for route in routes} for routes in (ROUTES, routes_file.routes))

    assert after["/media"].timeout == 45
    assert after["/media"].body_limit == before["/media"].body_limit
    assert (after["/reports/daily"].service, after["/reports/daily"].websocket) == ("operations", True)
    assert {prefix: route for prefix, route in after.items() if prefix not in ("/media", "/reports/daily")} == {
        prefix: route for prefix, route in before.items() if prefix != "/media"
    }
    assert (routes_file.limits["sign-in"].rate, routes_file.limits["sign-in"].burst) == (0.5, 7)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[routes."/media"]\ntimeout = 0', 'routes."/media".timeout'),
        ('[routes."/media"]\ntimeout = "5"', 'routes."/media".timeout'),
        ('[routes."/media"]\ntimeuot = 5', 'routes."/media".timeuot'),
        ('[routes."/media"]\nservice = "unknown"', 'routes."/media".service'),
        ('[routes."/reports"]\ntimeout = 5', 'routes."/reports".service'),
        ('[routes."media"]\ntimeout = 5', "routes.media"),
        ("[limits.ip]\nrate = 5", "limits.ip.burst"),
        ("[limits.ip]\nrate = inf\nburst = 1", "limits.ip.rate"),
        ("[limits.other]\nrate = 5\nburst = 1", "limits.other"),
        ("[routes", "table declaration"),
    ],
)
def test_an_error_names_the_wrong_entry(file: Path, text: str, named: str) -> None:
    file.write_text(text)
    with pytest.raises(RoutesFileError) as raised:
        read_routes_file(file)

    assert named in str(raised.value)
    assert str(file) in str(raised.value)


def test_a_missing_file_is_an_error(file: Path) -> None:
    with pytest.raises(RoutesFileError, match=str(file)):
        read_routes_file(file)


async def test_sighup_reloads_the_file_without_dropping_requests(
    open_gateway: OpenGateway, upstream: FakeUpstream, file: Path, tokens: TestIssuer
) -> None:
    write(file, "")
    gateway = await open_production(open_gateway, routes_file=str(file))
    go = asyncio.Event()

    async def slowly(request: ReceivedRequest) -> None:
        await go.wait()
        await request.respond(200, b'"late"')

    upstream.scripts[ORDERS] = slowly
    pending = asyncio.create_task(gateway.client.get(ORDERS))
    await eventually(lambda: _reached(upstream, ORDERS))
    assert (await gateway.client.get("/api/v1/reports")).status_code == 404

    write(file, '[routes."/reports"]\nservice = "operations"\n[limits.write]\nrate = 0.01\nburst = 1\n')
    os.kill(os.getpid(), signal.SIGHUP)
    await eventually(lambda: _has_status(gateway, "/api/v1/reports", 200))
    own = tokens.bearer()
    writes = [(await gateway.client.post("/api/v1/reports", headers=own)).status_code for _ in range(2)]
    go.set()

    assert writes == [200, 429]
    assert (await pending).text == '"late"'


async def test_an_invalid_file_changes_nothing_on_reload_and_is_logged(
    open_gateway: OpenGateway, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(file, '[routes."/reports"]\nservice = "operations"\n')
    gateway = await open_gateway(routes_file=str(file))
    write(file, '[routes."/reports"]\nservice = "unknown"\n')
    os.kill(os.getpid(), signal.SIGHUP)
    await eventually(lambda: _logged(caplog, 'routes."/reports".service'))

    assert (await gateway.client.get("/api/v1/reports")).status_code == 200


def write(file: Path, text: str) -> None:
    file.write_text(text)


async def _reached(upstream: FakeUpstream, path: str) -> bool:
    return any(request.target == path for request in upstream.requests)


async def _has_status(gateway: RunningGateway, path: str, status: int) -> bool:
    return (await gateway.client.get(path)).status_code == status


async def _logged(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return text in caplog.text
