import asyncio

import pytest
from bench import wrk

SAID = """
Running 2s test @ http://127.0.0.1:8000
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.81ms    1.13ms  21.93ms   87.54%
    Req/Sec     8.47k     0.87k    9.72k    80.00%
  Latency Distribution
     50%  850.00us
     75%    4.11ms
     90%    4.83ms
     99%    1.20s
  16930 requests in 2.00s, 2.57MB read
  Socket errors: connect 0, read 3, write 0, timeout 0
  Non-2xx or 3xx responses: 930
Requests/sec:   8463.52
"""


def test_rate_and_latencies_are_read_whatever_their_unit() -> None:
    result = wrk.read("plain", SAID, 32)
    assert result.rate == pytest.approx(8000.0)
    assert (result.p50, result.p99) == (0.85, 1200.0)


def test_refusals_and_broken_connections_are_counted_apart() -> None:
    assert wrk.read("plain", SAID, 32).unexpected == {"status": 930, "read": 3}


def test_a_server_that_is_not_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        wrk.read("plain", "unable to connect to 127.0.0.1:1 Connection refused\n", 32)


@pytest.mark.parametrize("with_wrk", [True, False])
async def test_either_load_generator_gets_the_paths_in_turn(with_wrk: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not with_wrk:
        monkeypatch.setattr(wrk, "installed", lambda: None)
    asked: set[bytes] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(2000):
            asked.add(head.split(b" ")[1])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        result = await wrk.get("both", f"http://127.0.0.1:{port}", ["/one", "/two"], {"X-A": 'a "b"'}, seconds=1)
    assert asked == {b"/one", b"/two"}
    assert result.requests > 2
    assert not result.unexpected
