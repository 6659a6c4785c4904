"""Run a command that ends when its parent does; executed as a script, so it imports the standard library only.

`python parent_death.py PARENT_PID SIGNAL USER COMMAND …` replaces itself with COMMAND (same pid). On Linux the kernel
sends SIGNAL when the parent dies. USER is the uid to become, KEEP_USER, or OWN_NAMESPACE: a user namespace without
mappings, in which root is not root for programs that refuse root, but can still access its files.
"""

import ctypes
import os
import sys

KEEP_USER = -1
OWN_NAMESPACE = 0
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000


def become(user: int) -> None:
    if user > 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    elif user == OWN_NAMESPACE and ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        sys.exit(f"cannot enter a user namespace: {os.strerror(ctypes.get_errno())}")


def end_with(parent: int, signal_number: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent died before the request stood")


def main(arguments: list[str]) -> None:
    parent, signal_number, user = (int(value) for value in arguments[:3])
    command = arguments[3:]
    become(user)
    if sys.platform == "linux":
        # After the change of user: the kernel clears the setting when credentials change.
        end_with(parent, signal_number)
    try:
        os.execv(command[0], command)  # noqa: S606 - the purpose of this file
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
