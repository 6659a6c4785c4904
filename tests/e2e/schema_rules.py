"""Hooks for schemathesis: credentials, and errors that are correct although the request conforms to the document.

Named in SCHEMATHESIS_HOOKS. SCHEMA_URL is the gateway's; SCHEMA_LOGIN is the body of a sign-in, without which requests
are anonymous.
"""

import json
import os
import re
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx
import schemathesis
from schemathesis.specs.openapi.checks import allow_header_conformance, positive_data_acceptance, unsupported_method

LOGIN = os.environ.get("SCHEMA_LOGIN")
MAX_QUERY = 15_000
own_ids: set[str] = set()

# The codes of what a schema can express: types, lengths, bounds, names. The other codes are of rules beside it.
SHAPE = {"missing", "unknown_field", "unknown_parameter", "wrong_type", "wrong_format", "invalid_choice"}
SHAPE |= {"too_short", "too_long", "too_small", "too_large", "not_a_multiple", "invalid_uuid", "invalid_date"}


class SignedIn:
    """A new token from time to time, because some of the tested operations end sessions."""

    def get(self, case: schemathesis.Case[Any], ctx: schemathesis.AuthContext) -> str:
        url = f"{os.environ['SCHEMA_URL']}/api/v1/auth/login"
        answer = httpx.post(url, json=json.loads(LOGIN or ""), timeout=20, trust_env=False)
        data = answer.raise_for_status().json()["data"]
        own_ids.add(data["user"]["id"])
        return str(data["access_token"])

    def set(self, case: schemathesis.Case[Any], data: str, ctx: schemathesis.AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


if LOGIN:
    schemathesis.auth(refresh_interval=1)(SignedIn)


@schemathesis.hook
def before_call(ctx: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Responses name the caller, and an administrator could change the address that it signs in with."""
    if case.path_parameters and case.path_parameters.get("user_id") in own_ids:
        case.path_parameters["user_id"] = str(uuid4())


@schemathesis.hook
def filter_query(ctx: schemathesis.HookContext, query: dict[str, Any] | None) -> bool:
    """Shorter than the 16 KiB at which a URL is too long, for any operation: 414 (test_malformed_requests.py)."""
    return not query or len(urlencode(query, doseq=True)) < MAX_QUERY


@schemathesis.check
def valid_data_is_rejected_by_business_rules_only(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> bool | None:
    """A missing product or a taken slug is a correct error; a type or length that the document allows is not."""
    codes = _codes(response)
    if response.status_code == 400 and codes == {"unknown_time_zone"}:
        return None
    if response.status_code in {413, 415, 422} and codes and SHAPE.isdisjoint(codes):
        return None
    return positive_data_acceptance(ctx, response, case)


@schemathesis.check
def an_unsupported_method_is_rejected(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> bool | None:
    """`DELETE /notifications/read` matches `DELETE /notifications/{notification_id}`: `read` is not an id."""
    if str(response.request.method) in _supported(case, response):
        return None
    return unsupported_method(ctx, response, case)


@schemathesis.check
def allow_lists_the_supported_methods(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> bool | None:
    """For the same reason: by every template that matches."""
    allowed = set(response.headers.get("allow", [""])[0].split(", "))
    supported = _supported(case, response)
    implied = {"OPTIONS"} | ({"HEAD"} if "GET" in supported else set())
    if response.status_code in (204, 405) and allowed - implied == supported:
        return None
    return allow_header_conformance(ctx, response, case)


def _codes(response: schemathesis.Response) -> set[str]:
    with suppress(ValueError, KeyError, TypeError):
        return {problem["code"] for problem in response.json()["errors"]} or {response.json()["code"]}
    return set()


def _supported(case: schemathesis.Case[Any], response: schemathesis.Response) -> set[str]:
    path = str(response.request.url).partition("?")[0]
    paths: dict[str, Any] = case.operation.schema.raw_schema["paths"]
    return {method.upper() for template, item in paths.items() if _fits(template, path) for method in item}


def _fits(template: str, url: str) -> bool:
    return re.search(re.sub(r"\{\w+\}", "[^/]+", template) + r"/?$", url) is not None
