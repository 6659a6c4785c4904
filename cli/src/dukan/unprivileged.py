"""Who runs a server that refuses root, and whose its files then are."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from dukan.children import leashed
from dukan.errors import ProvisionError
from dukan.leash import KEEP_USER, OWN_NAMESPACE

if sys.platform != "win32":
    import pwd


def unprivileged_user(needed: Sequence[Path]) -> int:
    """For `leash`, whom to become: an ordinary user stays; root becomes the first who can reach all of `needed`."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return KEEP_USER
    for user in _candidates(needed):
        if _reaches(user, needed):
            return user
    places = " and ".join(map(str, needed))
    raise ProvisionError(f"PostgreSQL refuses to run as root, and no other user can reach {places}")


def _candidates(needed: Sequence[Path]) -> Iterator[int]:
    """A namespace of root's own (containers may forbid it); whoever owns the files; the usual service users."""
    if sys.platform == "linux":
        yield OWN_NAMESPACE
    yield from {path.stat().st_uid for path in needed} - {0}
    for name in ("postgres", "nobody"):
        yield from (entry.pw_uid for entry in pwd.getpwall() if entry.pw_name == name)


def _reaches(user: int, needed: Sequence[Path]) -> bool:
    tests = ["/bin/sh", "-c", 'for each; do test -x "$each" || exit 1; done', "sh", *map(str, needed)]
    return subprocess.run(leashed(tests, user=user), stderr=subprocess.DEVNULL, check=False).returncode == 0


def give(path: Path, user: int) -> None:
    """Make `path` and all below belong to `user`; a namespace of root's sees root's own files."""
    if user == KEEP_USER or path.stat().st_uid == user:
        return
    for each in (path, *path.rglob("*")):
        os.chown(each, user, -1, follow_symlinks=False)
