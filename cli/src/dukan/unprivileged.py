"""The user for a server that refuses to run as root, and the owner of its files."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from dukan.children import tie_to_parent
from dukan.errors import ProvisionError
from dukan.parent_death import KEEP_USER, OWN_NAMESPACE

if sys.platform != "win32":
    import pwd


def unprivileged_user(needed: Sequence[Path]) -> int:
    """The user for `parent_death`: an ordinary user stays; root becomes the first user that can read `needed`."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return KEEP_USER
    for user in _candidates(needed):
        if _reaches(user, needed):
            return user
    places = " and ".join(map(str, needed))
    raise ProvisionError(f"PostgreSQL refuses to run as root, and no other user can reach {places}")


def _candidates(needed: Sequence[Path]) -> Iterator[int]:
    """Candidates: a user namespace (containers may forbid it), the owner of the files, the usual service users."""
    if sys.platform == "linux":
        yield OWN_NAMESPACE
    yield from {path.stat().st_uid for path in needed} - {0}
    for name in ("postgres", "nobody"):
        yield from (entry.pw_uid for entry in pwd.getpwall() if entry.pw_name == name)


def _reaches(user: int, needed: Sequence[Path]) -> bool:
    tests = ["/bin/sh", "-c", 'for each; do test -x "$each" || exit 1; done', "sh", *map(str, needed)]
    return subprocess.run(tie_to_parent(tests, user=user), stderr=subprocess.DEVNULL, check=False).returncode == 0


def give(path: Path, user: int) -> None:
    """Make `path` and everything below belong to `user`; in a user namespace, root's files are accessible anyway."""
    if user == KEEP_USER or path.stat().st_uid == user:
        return
    for each in (path, *path.rglob("*")):
        os.chown(each, user, -1, follow_symlinks=False)
