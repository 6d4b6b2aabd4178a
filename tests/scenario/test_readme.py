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
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """What each line says, each time it stands there, in one home, in the order of README; every line must succeed."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "bus" / "demo" / "data", folder / "bus" / "demo" / "data")
    found: dict[str, list[str]] = {}
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        here.delenv("TOCSIN_HOME", raising=False)
        for line in LINES:
            if line.startswith("tocsin "):
                out, err = io.StringIO(), io.StringIO()
                with redirect_stdout(out), redirect_stderr(err):
                    code = main(shlex.split(line, comments=True)[1:])
                assert code == 0, f"{line}\n{out.getvalue()}{err.getvalue()}"
                found.setdefault(line, []).append(out.getvalue())
        assert (folder / ".tocsin" / "version").exists()
        yield found


def test_the_walk_ends_with_what_readme_promises(said: dict[str, list[str]]) -> None:
    first, second = (text.splitlines() for text in said["tocsin alerts ls --as beta --origins 2"])
    assert (len(first), len(second)) == (3, 2)  # the heads, and two alerts; one of them is gone later
    (shown,) = said["tocsin alerts show --as beta --origins 2"]
    assert "2 independent" in shown
    assert "alpha/reports/vigil-radio:A2" in shown
    assert "beta/reports/vigil-observers:19" in shown
    assert "every signature is good" in said["tocsin verify --as beta"][0]
    (event,) = said["tocsin events show vigil-radio:A1 --as beta"]
    assert "revision 2" in event
    assert "KILLED 8" in event
    receipts = said["tocsin receipts ls --as alpha --last 3"][0].splitlines()
    assert [line.split()[3] for line in receipts[1:]] == ["event", "event", "retraction"]
    permits = next(outs[0] for line, outs in said.items() if line.startswith("tocsin label permits"))
    assert permits.startswith("yes")


def test_the_same_file_again_sends_nothing_and_a_changed_row_a_revision(said: dict[str, list[str]]) -> None:
    first, again = next(outs for line, outs in said.items() if "radio.csv" in line)
    assert "2 new; 2 sent" in first
    assert "2 unchanged; 0 sent" in again
    corrected = next(outs[0] for line, outs in said.items() if "radio_corrected.csv" in line)
    assert "1 amended, 1 unchanged; 1 sent" in corrected
