"""Generated secrets and stored ports: a small JSON file that only its owner may read."""

import json
import os
import secrets
from pathlib import Path

from dukan.errors import ProvisionError


def generated() -> str:
    """A URL-safe secret of 192 random bits."""
    return secrets.token_urlsafe(24)


class SecretFile:
    """Names and values in the file `path` (mode 0600), each generated once."""

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> dict[str, str]:
        try:
            content = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except (ValueError, OSError) as error:
            raise ProvisionError(f"{self.path} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise ProvisionError(f"{self.path} is damaged: it holds no names and values")
        return {str(name): str(value) for name, value in content.items()}

    def remember(self, **values: str) -> None:
        """Replace the file atomically: a crash leaves the old or the new one."""
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(self.read() | values, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self.path)

    def secret(self, name: str) -> str:
        """The stored secret of that name, generated at the first call."""
        if (known := self.read().get(name)) is not None:
            return known
        fresh = generated()
        self.remember(**{name: fresh})
        return fresh
