"""The authority's own shard of ingest, run here while no `tocsin run` owns it."""

from collections.abc import Callable

from bus.config import Settings
from bus.log.faults import Owned
from bus.log.protocol import Log
from bus.stages.ingest import Ingest
from bus.stages.worker import Worker


def serve_once(log: Log, pin: bytes, settings: Settings, clock_ms: Callable[[], int]) -> bool:
    """Judge what the authority has submitted; False where another process does that work."""
    stage = Ingest(log, "authority", pin=pin, settings=settings, clock_ms=clock_ms)
    try:
        Worker(log, stage, settings=settings).run(until_idle=True)
    except Owned:
        return False
    return True
