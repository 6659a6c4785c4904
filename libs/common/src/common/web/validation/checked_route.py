"""Routes that reject what they do not know: query parameters, fields of JSON and forms, media types.

`check_routes` makes all routes of a router such routes, so that no route can forget it. A route that is called by
others who add parameters of their own (`?session_state=…` of an OpenID provider, `?utm_source=…` of a mail program)
says so:

    @router.get("/auth/oidc/callback")
    @ignores_unknown_parameters
    async def get_callback(…)
"""

from collections.abc import Callable, Collection, Coroutine, Iterable
from dataclasses import replace
from email.message import Message
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, _effective_route_context_var, get_request_handler
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from common.errors import DukanError, MalformedForm, UnsupportedMediaType
from common.web.validation.codes import UNKNOWN_FIELD, UNKNOWN_PARAMETER
from common.web.validation.fields import all_dependants, check_fields
from common.web.validation.json_body import parse_json
from common.web.validation.problems import problem

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

IGNORES = "ignores_unknown_parameters"


def ignores_unknown_parameters(endpoint: Endpoint) -> Endpoint:
    """For the endpoint of a route whose callers add parameters that nobody here knows."""
    setattr(endpoint, IGNORES, True)
    return endpoint


def check_routes(router: APIRouter) -> None:
    """Make all routes of the router checked routes, before an application includes it."""
    for route in api_routes(router.routes):
        route.__class__ = CheckedRoute


def api_routes(routes: Iterable[BaseRoute]) -> Iterable[APIRoute]:
    """The routes with those of included routers."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif (included := getattr(route, "original_router", None)) is not None:
            yield from api_routes(included.routes)


class RejectedBody(HTTPException):
    """Carries `error` out of FastAPI's reading of the body, which replaces all errors but HTTPException by its own."""

    def __init__(self, error: Exception) -> None:
        super().__init__(400)
        self.error = error


class CheckedRequest(Request):
    """Reads JSON and forms strictly. `form_fields` are those that the route declares, if it declares any."""

    form_fields: Collection[str] = ()

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            try:
                _check_encoding(self)
                self._json = parse_json(await self.body())
            except (DukanError, RequestValidationError) as error:
                raise RejectedBody(error) from error
        return self._json

    async def _get_form(self, **limits: Any) -> FormData:
        try:
            _check_encoding(self)
            form = await super()._get_form(**limits)
        except DukanError as error:
            raise RejectedBody(error) from error
        except HTTPException as error:
            raise RejectedBody(MalformedForm()) if error.status_code == 400 else error from error
        if self.form_fields and (unknown := [name for name in form if name not in self.form_fields]):
            await form.close()
            raise RejectedBody(RequestValidationError([problem(UNKNOWN_FIELD, (name,)) for name in unknown]))
        return form


class CheckedRoute(APIRoute):
    def get_route_handler(self) -> Handler:
        # An included route is built again for its application, with fields of its own.
        route: Any = _effective_route_context_var.get() or self
        dependant: Dependant = route.dependant
        check_fields(dependant)
        answer, reject = super().get_route_handler(), _rejecting_handler(dependant)
        names = query_names(self)
        usual = frozenset(name.encode() for name in names or ())
        form_fields = {field.alias for field in dependant.body_params}

        async def handler(request: Request) -> Response:
            query: bytes = request.scope["query_string"]
            if query and names is not None and not has_only(query, usual) and unknown_names(query, names):
                return await reject(request)
            checked = CheckedRequest(request.scope, request.receive)
            checked.form_fields = form_fields
            return await answer(checked)

        return handler


def query_names(route: APIRoute) -> frozenset[str] | None:
    """The parameters of the query that the route knows; None if it ignores others."""
    if getattr(route.endpoint, IGNORES, False):
        return None
    fields = [field for each in all_dependants(route.dependant) for field in each.query_params]
    return frozenset(name for field in fields for name in _names_of(field))


def _names_of(field: Any) -> list[str]:
    kind = field.field_info.annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [each.alias or name for name, each in kind.model_fields.items()]
    return [field.alias]


def has_only(query: bytes, names: frozenset[bytes]) -> bool:
    """Whether the query has these names only, as they are usually written; False may be wrong (`pag%65=1`)."""
    return names.issuperset([each.partition(b"=")[0] for each in query.split(b"&")])


def unknown_names(query: bytes, known: Collection[str]) -> list[str]:
    """The parameters of a query string that are not known, in their order, each once."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return list(dict.fromkeys(name for name, _ in pairs if name not in known))


def _rejecting_handler(dependant: Dependant) -> Handler:
    """Handles a request with unknown parameters like the route, up to its body: who may not call it learns no names."""

    async def reject(request: Request) -> None:
        route: APIRoute = request.scope["route"]
        names = unknown_names(request.scope["query_string"], query_names(route) or ())
        raise RequestValidationError([problem(UNKNOWN_PARAMETER, (name,)) for name in names])

    last = get_dependant(path=dependant.path or "", call=reject)
    return get_request_handler(replace(dependant, dependencies=[*dependant.dependencies, last]))


def _check_encoding(request: Request) -> None:
    """Raises UnsupportedMediaType for a compressed body, and for one in another character set than UTF-8."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType(f"The body should have no Content-Encoding, not {coding[:40]}")
    content_type = request.headers.get("content-type", "")
    if "charset" in content_type.lower():
        message = Message()
        message["content-type"] = content_type
        charset = str(message.get_param("charset", "utf-8")).lower()
        if charset not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedMediaType(f"The body should be UTF-8, not {charset[:40]}")
