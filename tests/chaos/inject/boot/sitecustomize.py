"""Run by every Python whose PYTHONPATH names this folder, before anything else: arms the services of a fault run."""

import os
import sys
from pathlib import Path


def arm() -> None:
    folder, words = os.environ.get("DUKAN_CHAOS"), sys.orig_argv
    if not folder or "serve" not in words[:-1]:
        return
    # At the end of the path, where it shadows nothing.
    sys.path.append(str(Path(__file__).parents[4]))
    from tests.chaos.inject import importing, patches  # noqa: PLC0415
    from tests.chaos.inject.points import Points  # noqa: PLC0415

    points = Points(Path(folder), words[words.index("serve") + 1])
    importing.install(patches.bound_to(points))


arm()
