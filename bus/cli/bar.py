"""A progress bar: on a terminal only, in one line that is written over, at most ten times a second."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bus.cli.output import Output

_CELLS: Final = 24
_PAUSE_S: Final = 0.1


@contextmanager
def bar(output: Output) -> Iterator[Callable[[str, int, int], None]]:
    """To be told what is being done, how much of it is done and how much there is; the line is gone afterwards.

    And where nothing is being done any more, which is told as an empty word.
    """
    shown_at = 0.0

    def show(what: str, done: int, of: int) -> None:
        nonlocal shown_at
        if not what:
            output.progress("")
            return
        now = time.monotonic()
        if now - shown_at < _PAUSE_S and done < of:
            return
        shown_at = now
        share = done / of if of else 1.0
        cells = "#" * round(_CELLS * share)
        output.progress(f"[{cells:<{_CELLS}}] {share:4.0%} {what}")

    try:
        yield show
    finally:
        output.progress("")
