"""What README tells a newcomer to type runs as it stands, in order, in a new home."""

import io
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from bus.cli import main

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines() if line and not line.startswith("#")]


def test_every_line_is_a_command_that_is_run_or_a_target_of_make() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    made = [line.split("#")[0].split()[1] for line in LINES if line.startswith("make ")]
    assert made == ["demo", "test"]
    assert set(made) <= set(targets)
    assert all(line.startswith(("make ", "tocsin ", ". .venv/")) for line in LINES)
    mentioned = set(re.findall(r"`make ([a-z-]+)`", README))
    assert mentioned <= set(targets)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What each line says, in one home, in the order of README; every line must succeed."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "bus" / "demo" / "data", folder / "bus" / "demo" / "data")
    found: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        here.delenv("TOCSIN_HOME", raising=False)
        for line in LINES:
            if line.startswith("tocsin "):
                out, err = io.StringIO(), io.StringIO()
                with redirect_stdout(out), redirect_stderr(err):
                    code = main(shlex.split(line, comments=True)[1:])
                assert code == 0, f"{line}\n{out.getvalue()}{err.getvalue()}"
                found[line] = out.getvalue()
        assert (folder / ".tocsin" / "version").exists()
        yield found


def test_the_walk_ends_with_what_readme_promises(said: dict[str, str]) -> None:
    alerts = said["tocsin alerts ls --as beta --origins 2"].splitlines()
    assert len(alerts) == 3  # the heads, and two alerts
    shown = said["tocsin alerts show --as beta --origins 2"]
    assert "2 independent" in shown
    assert "alpha/reports/vigil-radio:A1" in shown
    assert "beta/reports/vigil-observers:17" in shown
    assert "every signature is good" in said["tocsin verify --as beta"]
    assert "vigil-radio:A2" not in said["tocsin events ls --as beta"]
    assert "vigil-radio:A1" in said["tocsin events ls --as beta"]
    permits = next(out for line, out in said.items() if line.startswith("tocsin label permits"))
    assert permits.startswith("yes")


def test_the_same_file_again_sends_nothing(said: dict[str, str]) -> None:
    """The line stands twice in README: what is kept is what it said the second time."""
    again = next(out for line, out in said.items() if "radio.csv" in line)
    assert "2 unchanged; 0 sent" in again
