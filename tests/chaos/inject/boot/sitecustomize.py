"""Run by every Python process with this folder on PYTHONPATH, before anything else: patches the services of a fault
run.
"""

import os
import sys
from pathlib import Path


def arm() -> None:
    folder, words = os.environ.get("DUKAN_CHAOS"), sys.orig_argv
    if not folder or "serve" not in words[:-1]:
        return
    # At the end of the path, where it shadows nothing.
    sys.path.append(str(Path(__file__).parents[4]))
    from tests.chaos.inject import import_hook, patches  # noqa: PLC0415
    from tests.chaos.inject.points import Points  # noqa: PLC0415

    points = Points(Path(folder), words[words.index("serve") + 1])
    import_hook.install(patches.bound_to(points))


arm()
