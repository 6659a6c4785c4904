"""One platform on this machine: its data folder, its ports and the settings of each service."""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dukan.errors import ProvisionError
from dukan.folder_lock import FolderLock
from dukan.ports import is_free
from dukan.secret_file import SecretFile
from dukan.services import GATEWAY, PORTS, SERVICES

HOST = "127.0.0.1"
ADMIN_EMAIL = "admin@example.com"


def default_data() -> Path:
    """`.dukan` beside the `dukan` script, or in the current folder if the command was installed without it."""
    return Path(os.environ.get("DUKAN_HOME", ".")) / ".dukan"


@dataclass
class Platform:
    """`data` is the folder of all data; `port` is the gateway's, the services use the next ones."""

    data: Path
    port: int
    amqp: str | None = None
    secrets: SecretFile = field(init=False)
    _lock: FolderLock = field(init=False)
    _made: list[Path] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.data = self.data.absolute()
        self.secrets = SecretFile(self.data / "secrets.json")
        self._lock = FolderLock(self.data / "lock")

    @property
    def url(self) -> str:
        return self.url_of(GATEWAY)

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def mode(self) -> str:
        return "embedded" if self.amqp is None else "processes"

    def url_of(self, name: str) -> str:
        return f"http://{HOST}:{self.port + PORTS[name]}"

    def take(self) -> None:
        """Make the folder, lock it, and check that the ports are free. Raises ProvisionError, and leaves no trace."""
        try:
            self._make_folders()
        except OSError as error:
            self.abandon()
            raise ProvisionError(f"cannot write the data folder {self.data}: {error.strerror}") from error
        for name, offset in PORTS.items():
            if not is_free(self.port + offset, HOST):
                self.abandon()
                raise ProvisionError(f"port {self.port + offset} ({name}) is taken: stop its user, or choose --port")

    def release(self) -> None:
        self._lock.release()

    def abandon(self) -> None:
        """Release the folder, and delete what `take` made of it: nothing has been started."""
        for path in reversed(self._made):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._made.clear()
        self.release()

    def _make_folders(self) -> None:
        """The database server, which may run as another user, can enter the data folder; logs, which name persons, are
        for this user only.
        """
        lock = self.data / "lock"
        missing = [path for path in (*reversed(self.data.parents), self.data, lock, self.logs) if not path.exists()]
        self.data.mkdir(parents=True, exist_ok=True)
        if not self._lock.acquire(within=1.0):
            # Whoever holds the lock uses the folder, even if it is as new as this attempt.
            raise ProvisionError(f"another platform is running on {self.data}: stop it, or give --data another folder")
        self._made = missing
        if self.data in missing:
            self.data.chmod(0o711)
        self.logs.mkdir(exist_ok=True)
        self.logs.chmod(0o700)

    @property
    def is_new(self) -> bool:
        """Whether no start on this folder has succeeded yet."""
        return "started" not in self.secrets.read()

    def admin(self) -> tuple[str, str]:
        """E-mail and password of the first administrator: from the environment at the first start, else generated."""
        if self.is_new:
            self.secrets.remember(admin_email=os.environ.get("DUKAN_ADMIN_EMAIL") or ADMIN_EMAIL)
            if given := os.environ.get("DUKAN_ADMIN_PASSWORD"):
                self.secrets.remember(admin_password=given, admin_from_environment="yes")
        return self.secrets.read()["admin_email"], self.secrets.secret("admin_password")

    @property
    def generated_password(self) -> str | None:
        """The first administrator's password; None if the user gave it."""
        _, password = self.admin()
        return None if "admin_from_environment" in self.secrets.read() else password

    def settings_of(self, name: str, database_url: str | None = None) -> dict[str, str]:
        """Values for the service's Settings, by field; as `DUKAN_<FIELD>` for a process of its own."""
        values = {f"{service}_url": self.url_of(service) for service in SERVICES}
        values |= {"host": HOST, "port": str(self.port + PORTS[name]), "data_dir": str(self.data)}
        # No load balancer stands before this platform, and whoever stops it should not wait for one.
        values["drain_delay"] = os.environ.get("DUKAN_DRAIN_DELAY") or "0"
        if database_url is not None:
            values["database_url"] = database_url
        if self.amqp is not None:
            values["amqp_url"] = self.amqp
        if name == "auth":
            values["public_url"] = self.url
            values["admin_email"], values["admin_password"] = self.admin()
            values["key_secret"] = os.environ.get("DUKAN_KEY_SECRET") or self.secrets.secret("key_secret")
        if name in ("auth", "notifications"):
            values["mail_secret"] = os.environ.get("DUKAN_MAIL_SECRET") or self.secrets.secret("mail_secret")
        if name in ("auth", "catalog"):
            values["media_secret"] = os.environ.get("DUKAN_MEDIA_SECRET") or self.secrets.secret("media_secret")
        return values
