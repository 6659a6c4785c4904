"""What verifiers of tokens read: the key set, and where it is. Bare documents, as RFC 7517 and OpenID want them."""

from typing import Any

from fastapi import APIRouter, Response

from auth.dependencies import Services
from auth.providers.signing import ALGORITHM
from auth.queries.signing_keys import key_set
from common.web.dependencies import Begin

router = APIRouter(prefix="/.well-known")

CACHING = "public, max-age=300"

KEYS = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "uJ3nV8xQe0mZrT5bKc2wYp7hLd4sGf9aNi6oEtRq1kM",
            "kid": "2026-02-k1",
            "use": "sig",
            "alg": ALGORITHM,
        }
    ]
}
PLACES = {
    "issuer": "https://shop.example.com",
    "jwks_uri": "https://shop.example.com/.well-known/jwks.json",
    "token_endpoint": "https://shop.example.com/api/v1/auth/login",
}


def _shown(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """In the OpenAPI document."""
    return {200: {"content": {"application/json": {"example": example}}}}


@router.get("/jwks.json", summary="Keys to verify access tokens with", responses=_shown(KEYS))
async def get_jwks(response: Response, begin: Begin) -> dict[str, Any]:
    response.headers["Cache-Control"] = CACHING
    async with begin() as tx:
        return await key_set(tx)


@router.get("/openid-configuration", summary="Where to find what verifies tokens", responses=_shown(PLACES))
async def get_openid_configuration(response: Response, identification: Services) -> dict[str, Any]:
    response.headers["Cache-Control"] = CACHING
    return {
        "issuer": identification.issuer,
        "jwks_uri": f"{identification.public_url}/.well-known/jwks.json",
        "token_endpoint": f"{identification.public_url}/api/v1/auth/login",
        "userinfo_endpoint": f"{identification.public_url}/api/v1/auth/me",
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        "response_types_supported": ["token"],
    }
