"""The command line, run in this process: one `Tocsin` per home."""

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from bus.cli import main
from bus.clock import now_ms
from bus.home import Home
from bus.log.sqlite import SqliteLog


class Done(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        value: dict[str, Any] = json.loads(self.out)
        return value

    @property
    def items(self) -> list[dict[str, Any]]:
        """The documents of NDJSON."""
        return [json.loads(line) for line in self.out.splitlines()]


def command(*words: str) -> Done:
    """Run one command where it stands, whatever its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(list(words))
        except SystemExit as stop:  # argparse's own: wrong usage, help
            code = stop.code if isinstance(stop.code, int) else 2
    return Done(code, out.getvalue(), err.getvalue())


class Tocsin:
    """Runs commands in one home."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def copy(self, folder: Path) -> "Tocsin":
        """The same bus in a folder of its own, for one test alone."""
        shutil.copytree(self.home, folder / "home")
        return Tocsin(folder / "home")

    @contextmanager
    def log(self) -> Iterator[SqliteLog]:
        """The home's log, beside whatever works on it."""
        log = SqliteLog(Home.open(self.home).log, now_ms)
        try:
            yield log
        finally:
            log.close()

    def __call__(self, *words: str) -> Done:
        """Run one command, whatever its exit code."""
        return command(*words, "--home", str(self.home))

    def ok(self, *words: str) -> Done:
        """Run one command that must succeed."""
        done = self(*words)
        assert done.code == 0, f"tocsin {' '.join(words)}: {done.code}\n{done.out}\n{done.err}"
        return done

    def json(self, *words: str) -> dict[str, Any]:
        """The document of a command that must succeed."""
        return self.ok(*words, "--json").document

    def items(self, *words: str) -> list[dict[str, Any]]:
        """The lines of a command that must succeed."""
        return self.ok(*words, "--json").items
