"""What a service's OpenAPI document says of refusals, of who may call and by example, where FastAPI's own says too
little."""

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
from common.openapi.examples import Composer
from common.security.permissions import Permission, least_role
from common.security.scopes import scope_for
from common.web.envelope import ErrorEnvelope

BEARER = "bearer"
OPTIONAL = "bearer, optional"
METHODS = frozenset(("get", "put", "post", "delete", "patch"))
READS = frozenset(("get",))
JSON = "application/json"
NULL = {"type": "null"}

DONE = {"200": "The answer", "201": "Created", "202": "Accepted: it happens soon", "204": "Done; there is no body"}
MESSAGES = {"200": "OK", "201": "Created", "202": "Accepted"}
GENERATED = "Successful Response"

PAGES = {"page": 1, "page_size": 20, "total": 1, "next": None, "previous": None}
FEED = {"next_cursor": None}

# Has FastAPI put the error's schema into the document; each operation says below what it may refuse.
ANY_ERROR: dict[int | str, dict[str, Any]] = {"default": {"model": ErrorEnvelope, "description": "Refused"}}

Json = dict[str, Any]


def scheme_of(permission: Permission | None) -> str:
    """The name under which FastAPI lists what asks for it, until `describe` has replaced it."""
    return f"{BEARER}, {permission}" if permission else BEARER


def describe(app: FastAPI, service: str) -> None:
    """Have the application's document name the refusals and the role of each operation, with examples."""
    as_fastapi_sees_it = app.openapi

    def document() -> Json:
        if app.openapi_schema is None:
            _complete(as_fastapi_sees_it(), service)
        return app.openapi_schema or {}

    app.openapi = document  # type: ignore[method-assign]


def _complete(document: Json, service: str) -> None:
    components = document.setdefault("components", {})
    schemas = components.get("schemas", {})
    for schema in schemas.values():
        _drop_titles(schema)
    shown, asked = Composer(schemas), Composer(schemas, asked=True)
    for item in document["paths"].values():
        for method in METHODS & item.keys():
            _describe(item[method], service, method)
            _show(item[method], shown, asked)
    statuses = [status for status in STATUS_ERRORS if status < 500 or status == 503]
    components["responses"], components["examples"] = shared_responses(statuses), shared_examples(statuses)
    components["headers"] = dict(HEADERS)
    if schemes := components.get("securitySchemes"):
        components["securitySchemes"] = {BEARER: next(iter(schemes.values()))}


def _describe(operation: Json, service: str, method: str) -> None:
    operation["security"] = _security({name for listed in operation.get("security", ()) for name in listed})
    operation["description"] = "\n\n".join(filter(None, _told(operation, service, method)))
    operation["responses"] = _responses(operation, method)
    for parameter in operation.get("parameters", ()):
        _plain(parameter)


def _security(names: set[str]) -> list[dict[str, list[str]]]:
    """The strictest of what the operation asks for, and nothing for what is open to everybody.

    A permission is named as OpenAPI 3.1 allows: `{"bearer": ["stock.manage"]}`.
    """
    if not names:
        return []
    required = names - {OPTIONAL}
    if not required:
        return [{}, {BEARER: []}]
    permissions = sorted(name.removeprefix(f"{BEARER}, ") for name in required if name != BEARER)
    return [{BEARER: permissions}]


def _told(operation: Json, service: str, method: str) -> Iterator[str]:
    """What the route says of itself, and who may call it."""
    yield operation.get("description", "")
    security = operation["security"]
    if not security:
        yield "Open to everybody."
        return
    permissions = security[-1][BEARER]
    scope = scope_for(service, method.upper())
    may = f"API keys need the scope `{scope}`." if scope else "Not for API keys."
    if {} in security:
        yield f"Open to everybody; who signs in may see more. {may}"
    else:
        yield f"For {' and '.join(map(_holders, permissions)) or 'anybody who is signed in'}. {may}"


HOLDERS = {"staff": "staff and administrators", "admin": "administrators"}


def _holders(permission: str) -> str:
    return f"{HOLDERS[least_role(permission)]} (`{permission}`)"


def _responses(operation: Json, method: str) -> Json:
    responses: Json = operation["responses"]
    responses.pop("default")
    for status in set(_refusals(operation, method)):
        said = responses.get(str(status))
        is_own = said is not None and said["description"] != "Validation Error"
        responses[str(status)] = route_response(status, said) if is_own and said else reference(status)
    headers = ["X-Request-ID", *(["Idempotency-Replayed"] if _is_repeatable(operation) else [])]
    for succeeding in [status for status in responses if status < "400"]:
        _succeed(succeeding, responses[succeeding], headers)
    return dict(sorted(responses.items()))


def _is_repeatable(operation: Mapping[str, Any]) -> bool:
    return any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))


def _succeed(status: str, response: Json, headers: Iterable[str]) -> None:
    if response["description"] == GENERATED:
        response["description"] = DONE.get(status, GENERATED)
    response["headers"] = header_references(headers) | response.get("headers", {})


def _refusals(operation: Mapping[str, Any], method: str) -> Iterator[int]:
    parameters = operation.get("parameters", ())
    # A credential is checked also where none is needed.
    yield from (400, 401, 429, 503)
    if operation["security"]:
        yield 403  # for the role, or the scope of the credential
    if any(parameter["in"] == "path" for parameter in parameters):
        yield 404
    if method not in READS:
        yield 409
    if "requestBody" in operation:
        yield from (413, 415)
    if parameters or "requestBody" in operation:
        yield 422
    yield from (int(status) for status in operation["responses"] if status in OWN)


OWN = frozenset(map(str, STATUS_ERRORS))


def _plain(parameter: Json) -> None:
    """A parameter is there or not; there is no null in a query, and its title only repeats its name."""
    schema, name = parameter["schema"], parameter["name"]
    schema.pop("title", None)
    if told := _meaning(name, parameter["in"]):
        parameter.setdefault("description", told)
    if NULL in schema.get("anyOf", ()):
        [kind] = [choice for choice in schema.pop("anyOf") if choice != NULL]
        parameter["schema"] = kind | schema


def _meaning(name: str, place: str) -> str | None:
    """What a parameter means by its name; headers have to say it themselves."""
    words = re.sub("^(is_|in_)|_id$", "", name).replace("_", " ")
    if name.endswith("_id"):
        return f"the {words}'s id"
    if name.startswith("is_"):
        return f"only what is {words}, or with false what is not"
    return f"only those with this {words}" if place == "query" else None


def _drop_titles(schema: Json) -> None:
    """Of fields: they only repeat the names."""
    for field in schema.get("properties", {}).values():
        field.pop("title", None)


def _show(operation: Json, shown: Composer, asked: Composer) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter.setdefault("example", shown.of(parameter["schema"], parameter["name"]))
    for media in operation.get("requestBody", {}).get("content", {}).values():
        if "example" not in media:
            media["example"] = asked.of(media["schema"])
    for status, response in operation["responses"].items():
        media = response.get("content", {}).get(JSON)
        if status < "400" and media and "example" not in media:
            media["example"] = _answer(shown.of(media["schema"]), status, operation)


def _answer(example: Any, status: str, operation: Json) -> Any:
    """An envelope speaks as the platform does, and has the `meta` of the operation's way through a list."""
    if not isinstance(example, dict) or "errors" not in example:
        return example
    del example["meta"]
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    meta = PAGES if "page_size" in names else FEED if "cursor" in names else None
    return example | {"message": MESSAGES[status]} | ({"meta": meta} if meta else {})
