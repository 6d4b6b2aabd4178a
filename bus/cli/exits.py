"""Exit codes of every command."""

from typing import Final

DONE: Final = 0
"""Done, or yes."""
NO: Final = 1
"""No: refused, invalid, unhealthy, not found."""
USAGE: Final = 2
"""Wrong usage, or input that can't be read."""
TROUBLE: Final = 3
"""Our own trouble; the message says whether trying again helps."""
INTERRUPTED: Final = 130
"""Stopped by the user, as shells count it (128 + SIGINT)."""
