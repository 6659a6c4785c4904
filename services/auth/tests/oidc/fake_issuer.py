"""An OpenID Connect issuer over real HTTP, with the faults that a test asks for."""

import asyncio
import json
import socket
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import httpx
import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Request, Response
from jwt.algorithms import RSAAlgorithm
from jwt.api_jws import PyJWS

from auth.oidc.domain import code_challenge, half_hash
from common import clock

CLIENT_ID = "dukan"
CLIENT_SECRET = "a secret/with:signs"
ACCESS_TOKEN = "an-access-token-of-the-issuers"
ASHA = {"sub": "asha-1", "email": "asha@company.test", "email_verified": True, "given_name": "Asha"}

Claims = dict[str, Any]


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


FIRST_KEY = new_key()


@dataclass
class FakeIssuer:
    """`person` is signed in at the issuer.

    `faults` are by endpoint: a status, `slow`, `endless`, `redirect`, `not json`. `change` alters the metadata, `forge`
    makes the ID token from its claims. With `thin`, the ID token has no claims about the person but the subject; the
    userinfo endpoint has: `userinfo_claims`, or by default those of the person.
    """

    url: str
    person: Claims = field(default_factory=lambda: dict(ASHA))
    faults: dict[str, int | str] = field(default_factory=dict)
    change: Claims = field(default_factory=dict)
    forge: Callable[[Claims], str] | None = None
    thin: bool = False
    userinfo_claims: Claims | None = None
    requests: list[str] = field(default_factory=list)
    exchanged: list[dict[str, str]] = field(default_factory=list)
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=lambda: {"first": FIRST_KEY})
    names_keys: bool = True
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def metadata(self) -> Claims:
        endpoints = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        urls = {
            name: f"{self.url}/{path}" for name, path in zip(endpoints, ("authorize", "token", "jwks"), strict=True)
        }
        signs = {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
        more = {"userinfo_endpoint": f"{self.url}/userinfo"} if self.thin else {}
        return {"issuer": self.url, **urls, **signs, **more} | self.change

    def rotate(self) -> None:
        self.keys = {f"key-{len(self.requests)}": new_key()}

    def jwks(self) -> Claims:
        listed = [json.loads(RSAAlgorithm.to_jwk(key.public_key())) for key in self.keys.values()]
        names = [{"kid": kid} if self.names_keys else {} for kid in self.keys]
        return {"keys": [jwk | name | {"use": "sig"} for name, jwk in zip(names, listed, strict=True)]}

    def sign(self, claims: Claims, **headers: Any) -> str:
        kid, key = next(iter(self.keys.items()))
        return jwt.encode(claims, key, "RS256", headers={"kid": kid} | headers)

    def sign_raw(self, claims: Claims) -> str:
        """Without the checks of the JWT library."""
        return PyJWS().encode(json.dumps(claims).encode(), next(iter(self.keys.values())), "RS256", {"kid": "first"})

    async def authorize(self, authorization_url: str) -> dict[str, str]:
        """As a browser whose owner agrees; returns the parameters of the callback."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.get(authorization_url)
        assert answer.status_code == 302, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    def agree(self, query: dict[str, str]) -> Response:
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT_ID)
        code = token_urlsafe(20)
        self._codes[code] = query
        back = urlencode({"code": code, "state": query["state"], "iss": self.url})
        return Response(status_code=302, headers={"location": f"{query['redirect_uri']}?{back}"})

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        self.exchanged.append(form)
        if authorization and _basic(authorization) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        agreed = self._codes.pop(form["code"], None)
        if agreed is None or agreed["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if (
            agreed["code_challenge_method"] != "S256"
            or code_challenge(form["code_verifier"]) != agreed["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        claims = self.claims(agreed["nonce"]) | {"at_hash": half_hash(ACCESS_TOKEN, "RS256")}
        token = self.forge(claims) if self.forge else self.sign(claims)
        return 200, {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": token}

    def claims(self, nonce: str) -> Claims:
        now = int(clock.now().timestamp())
        said = {"sub": self.person["sub"]} if self.thin else self.person
        return {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce} | said

    def userinfo(self, authorization: str) -> tuple[int, Claims]:
        if authorization != f"Bearer {ACCESS_TOKEN}":
            return 401, {"error": "invalid_token"}
        return 200, self.person if self.userinfo_claims is None else self.userinfo_claims


@asynccontextmanager
async def fake_issuer() -> AsyncIterator[FakeIssuer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        issuer = FakeIssuer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(_app(issuer), log_config=None, lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield issuer
        finally:
            server.should_exit = server.force_exit = True
            await running


def _app(issuer: FakeIssuer) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def metadata() -> Response:
        return await _faulty(issuer, "metadata") or _json(issuer.metadata)

    @app.get("/jwks")
    async def jwks() -> Response:
        return await _faulty(issuer, "jwks") or _json(issuer.jwks())

    @app.get("/authorize")
    async def authorize(request: Request) -> Response:
        return issuer.agree(dict(request.query_params))

    @app.post("/token")
    async def token(request: Request) -> Response:
        if (fault := await _faulty(issuer, "token")) is not None:
            return fault
        form = dict(parse_qsl((await request.body()).decode()))
        status, content = issuer.exchange(form, request.headers.get("authorization", ""))
        return _json(content, status)

    @app.get("/userinfo")
    async def userinfo(request: Request) -> Response:
        if (fault := await _faulty(issuer, "userinfo")) is not None:
            return fault
        status, content = issuer.userinfo(request.headers["authorization"])
        return _json(content, status)

    return app


async def _faulty(issuer: FakeIssuer, endpoint: str) -> Response | None:
    issuer.requests.append(endpoint)
    match issuer.faults.get(endpoint):
        case None:
            return None
        case "slow":
            await asyncio.sleep(60)
        case "endless":
            return Response(b'{"a": "' + b"x" * 2**20 + b'"}', media_type="application/json")
        case "redirect":
            return Response(status_code=302, headers={"location": f"{issuer.url}/jwks"})
        case "not json":
            return Response("<p>Maintenance</p>")
        case "signed":
            return Response(issuer.sign(issuer.person), media_type="application/jwt")
        case int() as status:
            return _json({"error": "server_error"}, status)
    return None


def _json(content: Claims, status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")


def _basic(authorization: str) -> tuple[str, ...]:
    name, _, secret = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
    return unquote(name), unquote(secret)
