"""All the issuers whose accounts sign in here, by the names that the operator gave them."""

from collections.abc import Iterator

import httpx

from auth.providers.oidc import Provider
from auth.providers.oidc_file import OidcFile
from common.errors import Invalid, NotFound

CONNECTIONS = httpx.Limits(max_connections=50, max_keepalive_connections=10)
TIMEOUT = httpx.Timeout(3.0, pool=1.0)


class Issuers:
    """`client` has to be entered before any of them is asked."""

    def __init__(self, file: OidcFile, public_url: str, *, allows_http: bool) -> None:
        self.client = httpx.AsyncClient(limits=CONNECTIONS, timeout=TIMEOUT, trust_env=False)
        self._public_url = public_url
        self._redirect_uris = frozenset(file.redirect_uris)
        self._providers = {
            name: Provider(name, entry, self.client, allows_http=allows_http) for name, entry in file.providers.items()
        }

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._providers.values())

    def find(self, name: str) -> Provider:
        """Raises NotFound."""
        if name not in self._providers:
            raise NotFound("There is no such issuer", code="oidc_unknown_provider")
        return self._providers[name]

    def redirect_uri(self, provider: Provider, asked: str | None) -> str:
        """The one asked for where the operator allows it; without one, our own page. Raises Invalid."""
        own = f"{self._public_url}/api/v1/auth/oidc/{provider.name}/callback"
        if asked not in (None, own) and asked not in self._redirect_uris:
            raise Invalid("This address is not allowed", code="oidc_redirect_not_allowed", field="redirect_uri")
        return asked or own
