"""The memory of each process of the platform, after the load of the previous scenarios."""

from collections.abc import AsyncIterator

from bench.context import BenchContext
from bench.procfs import memory as memory_of
from bench.procfs import platform_processes
from bench.rows import Row, missing
from dukan.services import GATEWAY, SERVICES

MAX_MB = 120.0


async def memory(context: BenchContext) -> AsyncIterator[Row]:
    """Resident MB by process; the detail has its PSS."""
    found = platform_processes(context.platform.pid)
    if not found:
        yield missing("memory", "MB", "this system has no /proc")
    for name, pids in sorted(found.items()):
        held = [each for each in map(memory_of, pids) if each is not None]
        own = round(sum(each.own for each in held), 1)
        is_service = name in (*SERVICES, GATEWAY)
        # Backends of PostgreSQL share most of their resident memory.
        value = sum(each.resident for each in held) if is_service else own
        unit = "MB resident" if is_service else "MB own"
        target = MAX_MB if is_service else None
        detail = {"pss_mb": own, "processes": len(held)}
        whole = "everything but PostgreSQL" if name == "up" and context.mode == "embedded" else name
        yield Row(f"memory of {whole}", value, unit, target=target, at_most=True, detail=detail)
