"""Parts that run beside each other and end together: a fault in one ends the others cleanly, and then the whole."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final

from bus.errors import TocsinError

_LOOK_S: Final = 0.2

_log = logging.getLogger(__name__)


class PartError(TocsinError):
    """A part failed in a way that it has no word for; the cause stands behind it."""


class Threads:
    """Runs parts until each has returned. A part returns when its work is done, or soon after `over`."""

    def __init__(self, stop: threading.Event) -> None:
        """`stop` is the caller's wish that all end."""
        self._stop = stop
        self._ended = threading.Event()
        self._fault: BaseException | None = None

    @property
    def over(self) -> bool:
        """Whether every part shall return."""
        return self._stop.is_set() or self._ended.is_set()

    def rest(self, seconds: float) -> None:
        """Let time pass, less where a part has failed meanwhile."""
        self._ended.wait(seconds)

    def run(self, parts: Mapping[str, Callable[[], None]], meanwhile: Callable[[], None]) -> None:
        """Start the parts, each under its name, and raise the first fault when all have returned.

        Meanwhile call `meanwhile`, now and then.
        """
        threads = [threading.Thread(target=self._guarded, args=item, name=item[0]) for item in parts.items()]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(_LOOK_S)
                meanwhile()
        except BaseException:
            self._ended.set()
            for thread in threads:
                thread.join()
            raise
        if isinstance(self._fault, TocsinError):
            raise self._fault
        if self._fault is not None:
            message = f"a part of the bus failed: {type(self._fault).__name__}"
            advice = "Nothing is lost: run it again. If it fails again, report it with this version's number."
            raise PartError(message, advice) from self._fault

    def _guarded(self, name: str, part: Callable[[], None]) -> None:
        try:
            part()
        except BaseException as fault:  # noqa: BLE001 - raised again by `run`, in the caller's thread
            if self._fault is None:
                self._fault = fault
            else:
                _log.error("%s failed too: %s", name, type(fault).__name__)
            self._ended.set()
