"""The web application around a service: `create_app(service, transport, role)`.

Roles: `api` answers requests and publishes its outbox; `worker` runs consumers and jobs and publishes its outbox;
`all` does both. Health and metrics are served in every role.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI

from common.bus.transport import Transport
from common.openapi.document import complete_document
from common.people.phones import DEFAULT_REGION
from common.persistence.errors import database_error
from common.web.access_log import AccessLogMiddleware
from common.web.days import KnownTimeZone
from common.web.envelope import ErrorEnvelope
from common.web.error_responses import add_error_handlers
from common.web.fast_path import FastHandler, FastPath
from common.web.health import health_routes
from common.web.process import Process, Role
from common.web.request_rules import RequestRules
from common.web.service import Service
from common.web.validation.checked_route import api_routes, check_routes, query_names

API_PREFIX = "/api/v1"
INTERNAL_PREFIX = "/internal"

# Makes FastAPI include the error schema; complete_document replaces it by the errors of each operation.
ANY_ERROR: dict[int | str, dict[str, Any]] = {"default": {"model": ErrorEnvelope, "description": "Error"}}


def create_app(service: Service, transport: Transport, role: Role = "all") -> FastAPI:
    """An ASGI application whose lifespan starts and stops the service's resources, consumers and jobs.

    The caller starts and closes the transport: services of one process may share it.
    """
    DEFAULT_REGION.code = service.settings.phone_region
    process = Process(service, transport, role)
    app = FastAPI(
        title=f"Dukan {service.name}",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=ANY_ERROR,
        generate_unique_id_function=lambda route: f"{service.name}.{route.name}",
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=process.lifespan,
    )
    app.state.service = service.name
    app.state.database = service.database
    app.state.drain = service.drain
    for name, value in service.state.items():
        setattr(app.state, name, value)
    add_error_handlers(app)
    complete_document(app, service.name)
    app.include_router(health_routes(process.readiness(), process.other_checks()))
    if role != "worker":
        for router in service.routers:
            check_routes(router)
            app.include_router(router, prefix=_prefix_of(router), tags=[service.name])
        for router in service.root_routers:
            app.include_router(router, include_in_schema=False)
    limits = {f"{API_PREFIX}{prefix}": limit for prefix, limit in service.body_limits.items()}
    fast = _fast_paths("GET", service.fast_reads) | _fast_paths("POST", service.fast_posts)
    if fast and role != "worker":
        app.add_middleware(FastPath, handlers=fast, parameters=_parameters(service))
    app.add_middleware(KnownTimeZone)
    app.add_middleware(RequestRules, max_body_bytes=service.settings.max_body_bytes, body_limits=limits)
    app.add_middleware(AccessLogMiddleware, service=service.name, drain=service.drain, recognise=database_error)
    return app


def _fast_paths(method: str, handlers: Mapping[str, FastHandler]) -> dict[tuple[str, str], FastHandler]:
    return {(method, f"{API_PREFIX}{path}"): handler for path, handler in handlers.items()}


def _parameters(service: Service) -> dict[tuple[str, str], frozenset[str]]:
    """The query parameters that each route knows, by method and path."""
    routes = [route for router in service.routers for route in api_routes(router.routes)]
    return {
        (method, f"{API_PREFIX}{route.path}"): query_names(route) or frozenset()
        for route in routes
        for method in route.methods or ()
    }


def _prefix_of(router: APIRouter) -> str:
    internal = [getattr(route, "path", "").startswith(INTERNAL_PREFIX) for route in router.routes]
    if any(internal) and not all(internal):
        raise ValueError(f"a router is wholly under {INTERNAL_PREFIX} or not at all")
    return "" if any(internal) else API_PREFIX
