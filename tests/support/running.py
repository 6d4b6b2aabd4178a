"""Commands in a process of their own, as long as a test needs them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running(home: Path, *words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A command of `tocsin`, until the block ends."""
    command = [sys.executable, "-c", "import sys; from bus.cli import main; sys.exit(main())", *words]
    process = subprocess.Popen(
        [*command, "--home", str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TOCSIN_POLL_TIMEOUT_S": "0.05", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(condition: Callable[[], bool], process: subprocess.Popen[str], limit_s: float = 60.0) -> None:
    """Wait for something that the running command does."""
    end = time.monotonic() + limit_s
    while not condition():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < end, "it was not done in time"
        time.sleep(0.05)


def free_port() -> str:
    """A port of this machine that is free now."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return str(held.getsockname()[1])
