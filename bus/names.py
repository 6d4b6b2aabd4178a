"""What an agency and a feed may be called, wherever it is read: in labels, schemas, topics, folders and commands."""

from typing import Final

NAME: Final = r"[a-z0-9][a-z0-9-]{1,31}"
"""A regular expression without ends. The first is no hyphen: a command line would take such a name for a flag."""
IN_WORDS: Final = "2 to 32 of a-z, 0-9 and '-', not beginning with '-'"
