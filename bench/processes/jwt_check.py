"""The usual service behind nginx's `auth_request`: a small Starlette application that verifies the token.

`python -m bench.processes.jwt_check {"port": …, "jwk": {…}}`
"""

import json
import sys
from typing import Any

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from common.testing.tokens import AUDIENCE, ISSUER


def application(jwk: dict[str, Any]) -> Starlette:
    key = jwt.PyJWK(jwk, algorithm="EdDSA")

    async def check(request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, key, algorithms=["EdDSA"], issuer=ISSUER, audience=AUDIENCE)
        except jwt.PyJWTError:
            return Response(status_code=401)
        return Response(headers={"X-User-Id": claims["sub"]})

    return Starlette(routes=[Route("/check", check)])


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    uvicorn.run(
        application(given["jwk"]),
        port=given["port"],
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
