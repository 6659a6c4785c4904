"""What a service's OpenAPI document says of refusals and of who may call, where FastAPI's own says too little."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from common.web.envelope import ErrorEnvelope

BEARER = "bearer"
OPTIONAL = "bearer, optional"
METHODS = frozenset(("get", "put", "post", "delete", "patch"))
READS = frozenset(("get",))

REFUSALS = {
    400: "Malformed: no valid HTTP, path or JSON",
    401: "Not signed in, or the credential is not accepted",
    403: "Signed in, but not allowed",
    404: "Absent, or not the caller's to see",
    409: "The state of things forbids it now",
    413: "The body is too large",
    415: "The body is of another kind than expected",
    422: "Understood and wrong; `errors` name the fields",
    429: "Too often; `Retry-After` says when to come back",
    503: "Temporarily unavailable; `Retry-After` says when to come back",
}

# Has FastAPI put the error's schema into the document; each operation says below what it may refuse.
ANY_REFUSAL: dict[int | str, dict[str, Any]] = {"default": {"model": ErrorEnvelope, "description": "Refused"}}


def scheme_of(role: str | None) -> str:
    """The name under which FastAPI lists what admits this role, until `describe` has replaced it."""
    return f"{BEARER}, {role}" if role else BEARER


def describe(app: FastAPI) -> None:
    """Have the application's document name the refusals and the role of each operation."""
    as_fastapi_sees_it = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = as_fastapi_sees_it()
            for item in described["paths"].values():
                for method in METHODS & item.keys():
                    _describe(item[method], method)
            if schemes := described.get("components", {}).get("securitySchemes"):
                described["components"]["securitySchemes"] = {BEARER: next(iter(schemes.values()))}
        return app.openapi_schema or {}

    app.openapi = document  # type: ignore[method-assign]


def _describe(operation: dict[str, Any], method: str) -> None:
    if "security" in operation:
        operation["security"] = _security({name for listed in operation["security"] for name in listed})
    responses = operation["responses"]
    refused = responses.pop("default")
    for status in _refusals(operation, method):
        responses.setdefault(str(status), {"description": REFUSALS[status]})
    for status in responses.keys() & map(str, REFUSALS):
        responses[status] = refused | responses[status]
    operation["responses"] = dict(sorted(responses.items()))


def _security(names: set[str]) -> list[dict[str, list[str]]]:
    """The strictest of what the operation asks for. A role is named as OpenAPI 3.1 allows: `{"bearer": ["staff"]}`."""
    required = names - {OPTIONAL}
    if not required:
        return [{}, {BEARER: []}]
    roles = sorted(name.removeprefix(f"{BEARER}, ") for name in required if name != BEARER)
    return [{BEARER: roles}]


def _refusals(operation: dict[str, Any], method: str) -> Iterator[int]:
    parameters = operation.get("parameters", ())
    # A credential is checked also where none is needed.
    yield from (400, 401, 429, 503)
    if "security" in operation:
        yield 403  # for the role, or the scope of the credential
    if any(parameter["in"] == "path" for parameter in parameters):
        yield 404
    if method not in READS:
        yield 409
    if "requestBody" in operation:
        yield from (413, 415)
    if parameters or "requestBody" in operation:
        yield 422
