"""What verifiers of tokens read: the key set, and where it is. Bare documents, as RFC 7517 and OpenID want them."""

from typing import Any

from fastapi import APIRouter, Response

from auth.api.context import Identifying
from auth.providers.signing import ALGORITHM
from auth.queries.signing_keys import key_set
from common.web.dependencies import Begin

router = APIRouter(prefix="/.well-known")

CACHING = "public, max-age=300"


@router.get("/jwks.json", summary="Keys to verify access tokens with")
async def get_jwks(response: Response, begin: Begin) -> dict[str, Any]:
    response.headers["Cache-Control"] = CACHING
    async with begin() as tx:
        return await key_set(tx)


@router.get("/openid-configuration", summary="Where to find what verifies tokens")
async def get_openid_configuration(response: Response, identification: Identifying) -> dict[str, Any]:
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
