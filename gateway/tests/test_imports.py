"""What a gateway process loads."""

import subprocess
import sys


def test_the_gateway_loads_neither_the_database_libraries_nor_redis() -> None:
    check = "import sys, gateway.app; print({'sqlalchemy', 'sqlmodel', 'asyncpg', 'redis'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-P", "-c", check], check=True, capture_output=True, text=True, timeout=60)

    assert loaded.stdout.strip() == "set()"
