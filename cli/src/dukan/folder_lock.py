"""One process at a time per folder: a lock that the kernel releases when its last holder dies."""

import os
import sys
from pathlib import Path

from dukan.children import wait_until


class FolderLock:
    """An exclusive lock on the file `path`; a child that inherits `fd` keeps it after this process ends."""

    def __init__(self, path: Path):
        self.path = path
        self.fd = -1

    def acquire(self, within: float = 0.0) -> bool:
        """Try for `within` seconds; False if another process holds the lock. Raises OSError if the file cannot be
        written.
        """
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        if wait_until(lambda: _lock(self.fd), within):
            return True
        self.release()
        return False

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> bool:
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
