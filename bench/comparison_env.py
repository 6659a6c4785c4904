"""The environment of the programs that we compare with: `.venv-bench`, exactly the `requirements.lock` here.

Separate from the platform's own, so that running the platform does not install Celery or matplotlib.
"""

import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

BENCH = Path(__file__).parent
LOCK = BENCH / "requirements.lock"
FOLDER = BENCH.parent / ".venv-bench"
INSTALL_SECONDS = 180


def python(tell: Callable[[str], None]) -> Path | None:
    """Its Python, created if it is missing or outdated; None, with a message, if that fails."""
    interpreter, stamp = FOLDER / "bin" / "python", FOLDER / "stamp"
    wanted = LOCK.read_text()
    if not (interpreter.exists() and stamp.exists() and stamp.read_text() == wanted):
        tell(f"installing what the platform is compared with into {FOLDER.name} …")
        try:
            venv.create(FOLDER, clear=True, symlinks=True, with_pip=False)
            subprocess.run(_sync(interpreter), check=True, capture_output=True, timeout=INSTALL_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            tell(f"NOT COMPARED with Celery, and no plots: {_reason(error)}")
            return None
        stamp.write_text(wanted)
    return interpreter


def _sync(interpreter: Path) -> list[str]:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    return [uv, "pip", "sync", "--python", str(interpreter), "--require-hashes", "--compile-bytecode", str(LOCK)]


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None)
    return said.decode(errors="replace").strip().splitlines()[-1] if said else str(error)
