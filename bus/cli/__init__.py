"""The command line: one small file per group of commands, all of the same anatomy."""

from bus.cli.main import main

__all__ = ["main"]
