"""Completes the OpenAPI document that FastAPI makes: errors, who may call, headers, and where examples stand.

Examples come from the fields (`Field(examples=[…])`, mostly through `common.web.fields`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI

from common.openapi.errors import (
    HEADERS,
    STATUS_ERRORS,
    header_references,
    reference,
    route_response,
    shared_examples,
    shared_responses,
)
from common.security.permissions import Permission, least_role
from common.security.scopes import scope_for, scoped_service

BEARER = "bearer"
OPTIONAL = "bearer, optional"
METHODS = frozenset(("get", "put", "post", "delete", "patch"))
NULL = {"type": "null"}
OWN_STATUSES = frozenset(map(str, STATUS_ERRORS))

SUCCESS = {"200": "OK", "201": "Created", "202": "Accepted: it happens soon", "204": "Done; there is no body"}
FASTAPI_SUCCESS = "Successful Response"
FASTAPI_INVALID = "Validation Error"
HOLDERS = {"staff": "staff and administrators", "admin": "administrators"}

Json = dict[str, Any]


def scheme_of(permission: Permission | None) -> str:
    """The name under which FastAPI lists what requires it, until `complete_document` replaces it."""
    return f"{BEARER}, {permission}" if permission else BEARER


def complete_document(app: FastAPI, service: str) -> None:
    """Make the application's document name the errors and the required role of each operation."""
    fastapi_document = app.openapi

    def document() -> Json:
        if app.openapi_schema is None:
            _complete(fastapi_document(), service)
        return app.openapi_schema or {}

    app.openapi = document  # type: ignore[method-assign]


def _complete(document: Json, service: str) -> None:
    components = document.setdefault("components", {})
    for schema in components.get("schemas", {}).values():
        _drop_titles(schema)
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            _complete_operation(item[method], scoped_service(service, path), method)
    statuses = [
        status for status, shared in STATUS_ERRORS.items() if shared.classes and (status < 500 or status == 503)
    ]
    components["responses"], components["examples"] = shared_responses(statuses), shared_examples(statuses)
    components["headers"] = dict(HEADERS)
    if schemes := components.get("securitySchemes"):
        components["securitySchemes"] = {BEARER: next(iter(schemes.values()))}


def _complete_operation(operation: Json, service: str, method: str) -> None:
    operation["security"] = _security({name for listed in operation.get("security", ()) for name in listed})
    operation["description"] = "\n\n".join(filter(None, _description(operation, service, method)))
    operation["responses"] = _responses(operation, method)
    for parameter in operation.get("parameters", ()):
        _complete_parameter(parameter)


def _security(names: set[str]) -> list[dict[str, list[str]]]:
    """The strictest requirement of the operation; empty if it has none.

    A permission is named as OpenAPI 3.1 allows: `{"bearer": ["stock.manage"]}`.
    """
    if not names:
        return []
    required = names - {OPTIONAL}
    if not required:
        return [{}, {BEARER: []}]
    permissions = sorted(name.removeprefix(f"{BEARER}, ") for name in required if name != BEARER)
    return [{BEARER: permissions}]


def _description(operation: Json, service: str, method: str) -> Iterator[str]:
    """The route's own description, then who may call it."""
    yield operation.get("description", "")
    security = operation["security"]
    if not security:
        yield "No sign-in required."
        return
    permissions = security[-1][BEARER]
    scope = scope_for(service, method.upper())
    keys = f"API keys need the scope `{scope}`." if scope else "Not for API keys."
    if {} in security:
        yield f"No sign-in required; signed-in users may see more. {keys}"
    else:
        yield f"For {' and '.join(map(_holders, permissions)) or 'any signed-in user'}. {keys}"


def _holders(permission: str) -> str:
    return f"{HOLDERS[least_role(permission)]} (`{permission}`)"


def _responses(operation: Json, method: str) -> Json:
    responses: Json = operation["responses"]
    responses.pop("default")  # only there so that FastAPI includes the schema of errors
    for status in set(_error_statuses(operation, method)):
        declared = responses.get(str(status))
        is_own = declared is not None and declared["description"] != FASTAPI_INVALID
        responses[str(status)] = route_response(status, declared) if is_own and declared else reference(status)
    headers = ["X-Request-ID", *(["Idempotency-Replayed"] if _takes_idempotency_key(operation) else [])]
    for code in [code for code in responses if code < "400"]:
        _complete_success(code, responses[code], headers)
    return dict(sorted(responses.items()))


def _takes_idempotency_key(operation: Mapping[str, Any]) -> bool:
    return any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))


def _complete_success(status: str, response: Json, headers: Iterable[str]) -> None:
    if response["description"] == FASTAPI_SUCCESS:
        response["description"] = SUCCESS.get(status, FASTAPI_SUCCESS)
    response["headers"] = header_references(headers) | response.get("headers", {})


def _error_statuses(operation: Mapping[str, Any], method: str) -> Iterator[int]:
    """The statuses that follow from the operation's shape, and those that the route declares."""
    parameters = operation.get("parameters", ())
    # A credential is checked also where none is required.
    yield from (400, 401, 429, 503)
    if operation["security"]:
        yield 403  # for the role, or the scope of the credential
    if any(parameter["in"] == "path" for parameter in parameters):
        yield 404
    if method != "get":
        yield 409
    if "requestBody" in operation:
        yield from (413, 415)
    if parameters or "requestBody" in operation:
        yield 422
    yield from (int(status) for status in operation["responses"] if status in OWN_STATUSES)


def _complete_parameter(parameter: Json) -> None:
    """Drop the title, which repeats the name, and `null`, which a query cannot hold; describe it by its name."""
    schema, name = parameter["schema"], parameter["name"]
    schema.pop("title", None)
    if description := _meaning(name, parameter["in"]):
        parameter.setdefault("description", description)
    if NULL in schema.get("anyOf", ()):
        kinds = [choice for choice in schema.pop("anyOf") if choice != NULL]
        parameter["schema"] = (kinds[0] if len(kinds) == 1 else {"anyOf": kinds}) | schema


def _meaning(name: str, place: str) -> str | None:
    """What a parameter of a path or query means by its name; headers describe themselves."""
    words = re.sub("^(is_|in_)|_id$", "", name).replace("_", " ")
    if name.endswith("_id"):
        return f"the {words}'s id"
    if name.startswith("is_"):
        return f"only those that are {words}; with false, only the others"
    return f"only those with this {words}" if place == "query" else None


def _drop_titles(schema: Json) -> None:
    """Drop the titles of fields, which repeat the names."""
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
