"""A gateway in a process of its own, so that its memory can be told from its test's.

`python alone.py <URL of all services> <largest body>`; prints its port.
"""

import socket
import sys

import uvicorn
import uvloop

from common.testing import RecordingTransport
from gateway.app import build
from gateway.routes import SERVICES
from gateway.settings import Settings


async def main(url: str, most: str) -> None:
    settings = Settings.model_validate({f"{service}_url": url for service in SERVICES} | {"max_body_bytes": most})
    app = build(settings, RecordingTransport())
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="on", http=app.http_protocol, log_config=None)
        sys.stdout.write(f"{door.getsockname()[1]}\n")
        sys.stdout.flush()
        await uvicorn.Server(config).serve([door])


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
