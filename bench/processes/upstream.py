"""The service behind the compared proxies: responds at once with 100 bytes of JSON, and acts as auth too.

`python -m bench.processes.upstream {"port": …, "jwks": {…}}`
"""

import json
import sys
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

BODY = json.dumps({"success": True, "data": {"id": "0197-bench", "text": "x" * 46}}).encode()
JSON = (b"content-type", b"application/json")
PUBLIC = [(b"cache-control", b"public, max-age=60"), (b"etag", b'"bench"')]


def application(jwks: dict[str, Any]) -> ASGIApp:
    keys, none_revoked = json.dumps(jwks).encode(), b'{"data": []}'

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        body = keys if path.endswith("jwks.json") else none_revoked if path.endswith("revocations") else BODY
        headers = [JSON, (b"content-length", str(len(body)).encode())]
        if path.startswith("/api/v1/products"):
            headers += PUBLIC
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    uvicorn.run(
        application(given["jwks"]),
        port=given["port"],
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )
