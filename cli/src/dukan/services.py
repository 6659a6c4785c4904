"""The members of the platform, their ports, and how each is loaded: only those that run are imported."""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dukan.errors import ProvisionError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from common.bus.transport import Transport
    from common.web.service import Service

GATEWAY = "gateway"
SERVICES = ("auth", "catalog", "orders", "billing", "messaging", "notifications", "operations")
"""Each owns a database and listens on the gateway's port plus its position here, counted from 1."""

PORTS = {name: offset for offset, name in enumerate((GATEWAY, *SERVICES))}


def is_installed(name: str) -> bool:
    """Whether the member is installed: an image holds one service only."""
    return importlib.util.find_spec(name) is not None and importlib.util.find_spec(f"{name}.app") is not None


def settings_of(name: str, **values: Any) -> Any:
    """The service's settings: `values` first, then the environment. Raises ProvisionError."""
    try:
        return importlib.import_module(f"{name}.settings").Settings(**values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or name}: {each['msg']}" for each in error.errors())
        raise ProvisionError(f"the settings of {name} are wrong: {wrong}") from error


def load(name: str, settings: Any) -> "Service":
    service: Service = importlib.import_module(f"{name}.app").build(settings)
    return service


def load_gateway(settings: Any, transport: "Transport") -> "ASGIApp":
    app: ASGIApp = importlib.import_module(f"{GATEWAY}.app").build(settings, transport)
    return app
