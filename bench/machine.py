"""Facts about this machine, for the interpretation of the results."""

import os
import platform
import re
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg


def facts() -> dict[str, Any]:
    return {
        "cpu": _first(r"model name\s*: (.*)", Path("/proc/cpuinfo")) or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(_first(r"MemTotal:\s+(\d+)", Path("/proc/meminfo")) or 0) / 2**20, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average_before": [round(value, 2) for value in os.getloadavg()],
    }


async def postgres_version(url: str) -> str:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


async def rabbitmq_version(url: str) -> str:
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        transport = connection.transport
        properties = transport.connection.server_properties if transport else {}
        version = properties.get("version", "unknown")
        return version.decode() if isinstance(version, bytes) else str(version)


def _first(pattern: str, path: Path) -> str | None:
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found.group(1).strip() if found else None
