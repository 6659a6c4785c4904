"""Who runs a server that refuses root, and whose its files then are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from dukan.children import leashed
from dukan.leash import KEEP_USER, OWN_NAMESPACE

if sys.platform == "win32":

    def unprivileged_user() -> int:
        return KEEP_USER

    def give(path: Path, user: int) -> None:
        """Windows runs the server as whoever we are."""
else:
    import pwd

    def unprivileged_user() -> int:
        """For `leash`: an ordinary user stays; root enters a namespace of its own, else `postgres` or `nobody`."""
        if os.geteuid() != 0:
            return KEEP_USER
        if sys.platform == "linux" and _namespaces_are_allowed():
            return OWN_NAMESPACE
        known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
        return known.get("postgres", known.get("nobody", 65534))

    def _namespaces_are_allowed() -> bool:
        true = shutil.which("true") or "/bin/true"
        return (
            subprocess.run(leashed([true], user=OWN_NAMESPACE), stderr=subprocess.DEVNULL, check=False).returncode == 0
        )

    def give(path: Path, user: int) -> None:
        """Make `path` and all below belong to `user`; a namespace of root's sees root's own files."""
        if user == KEEP_USER or path.stat().st_uid == user:
            return
        for each in (path, *path.rglob("*")):
            os.chown(each, user, -1, follow_symlinks=False)
