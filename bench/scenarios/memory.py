"""What each process of the platform holds in memory, after whatever load came before."""

from collections.abc import AsyncIterator

from bench.procfs import memory as memory_of
from bench.procfs import platform_processes
from bench.rows import Row, missing
from bench.stage import Stage
from dukan.services import GATEWAY, SERVICES

LARGEST_MB = 120.0


async def memory(stage: Stage) -> AsyncIterator[Row]:
    """Resident MB by process; the detail has its own share (PSS)."""
    found = platform_processes(stage.platform.pid)
    if not found:
        yield missing("memory", "MB", "this system has no /proc")
    for name, pids in sorted(found.items()):
        held = [each for each in map(memory_of, pids) if each is not None]
        own = round(sum(each.own for each in held), 1)
        is_service = name in (*SERVICES, GATEWAY)
        # Backends of PostgreSQL share most of what each has resident.
        value = sum(each.resident for each in held) if is_service else own
        unit = "MB resident" if is_service else "MB own"
        target = LARGEST_MB if is_service else None
        detail = {"pss_mb": own, "processes": len(held)}
        whole = "everything but PostgreSQL" if name == "up" and stage.mode == "embedded" else name
        yield Row(f"memory of {whole}", value, unit, target=target, at_most=True, detail=detail)
