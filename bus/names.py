"""What an agency and a feed may be called, wherever it is read: in labels, schemas, topics, folders and commands.

And the names that are nobody's to choose.
"""

from typing import Final

NAME: Final = r"[a-z0-9][a-z0-9-]{1,31}"
"""A regular expression without ends. The first is no hyphen: a command line would take such a name for a flag."""
IN_WORDS: Final = "2 to 32 of a-z, 0-9 and '-', not beginning with '-'"
AUTHORITY: Final = "authority"
"""The agency that runs the roster."""
BUS: Final = "bus"
"""Under this name alerts are signed: an entry of the roster, and no reader."""
ROOT: Final = "root"
"""Who holds the keys that sign rosters: a folder of keys, and no entry."""
RESERVED: Final = frozenset({AUTHORITY, BUS, ROOT})
