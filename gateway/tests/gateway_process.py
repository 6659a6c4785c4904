"""A gateway in a process of its own, to measure its memory apart from the test's.

`python gateway_process.py <URL of all services> <max body bytes>`; prints its port.
"""

import socket
import sys

import uvicorn
import uvloop

from common.testing import RecordingTransport
from gateway.app import build
from gateway.routing.routes import SERVICES
from gateway.settings import Settings


async def main(url: str, max_body_bytes: str) -> None:
    settings = Settings.model_validate(
        {f"{service}_url": url for service in SERVICES} | {"max_body_bytes": max_body_bytes}
    )
    app = build(settings, RecordingTransport())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="on", http=app.http_protocol, log_config=None)
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
