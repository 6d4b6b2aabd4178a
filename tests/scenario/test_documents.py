"""What README and the pages of the guide tell their readers to type runs as it stands, in order, in a new folder."""

import io
import re
import shlex
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import pytest

from bus.cli import main
from bus.client import Subscriber
from schemas.models import Change

ROOT = Path(__file__).resolve().parents[2]
README = "README.md"
GUIDE = tuple(f"bus/guide/{name}.md" for name in ("partner-agency", "fusion-cell", "operator"))
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Said = dict[str, list[str]]


def lines_of(page: str) -> list[str]:
    """The lines that a page tells its reader to type."""
    blocks = BLOCK.findall((ROOT / page).read_text("utf-8"))
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def test_every_line_of_readme_is_a_command_that_is_run_or_a_target_of_make() -> None:
    lines, text = lines_of(README), (ROOT / README).read_text("utf-8")
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    made = [line.split("#")[0].split()[1] for line in lines if line.startswith("make ")]
    assert made == ["demo", "test"]
    assert set(made) <= set(targets)
    assert all(line.startswith(("make ", "tocsin ", ". .venv/")) for line in lines)
    mentioned = set(re.findall(r"`make ([a-z-]+)`", text))
    assert mentioned <= set(targets)


def test_the_guide_lists_its_pages() -> None:
    listed = set(re.findall(r"\]\(([a-z-]+\.md)\)", (ROOT / "bus/guide/README.md").read_text("utf-8")))
    assert listed == {path.name for path in (ROOT / "bus/guide").glob("*.md")} - {"README.md"}
    assert listed == {Path(page).name for page in GUIDE}


def snippets_of(page: str) -> dict[str, str]:
    """The programs that a page shows, by number."""
    found = SNIPPET.findall((ROOT / page).read_text("utf-8"))
    return {f"program {number}": snippet for number, snippet in enumerate(found, 1)}


def ran(snippet: str) -> str:
    """Run a program of a page where the page stands; one that follows is stopped once nothing waits for it."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setattr(Subscriber, "follow", Subscriber.poll)
        exec(compile(snippet, "<page>", "exec"), {})  # noqa: S102 - it is our own page's
    return out.getvalue()


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Said]:
    """What each line of a page says, each time it stands there; every line must succeed."""

    @cache
    def walked(page: str) -> Said:
        folder = tmp_path_factory.mktemp(Path(page).stem)
        shutil.copytree(ROOT / "bus" / "demo" / "data", folder / "bus" / "demo" / "data")
        found: Said = {}
        with pytest.MonkeyPatch.context() as here:
            here.chdir(folder)
            here.delenv("TOCSIN_HOME", raising=False)
            for line in lines_of(page):
                if line.startswith("tocsin "):
                    found.setdefault(line, []).append(typed(line))
            found.update({name: [ran(snippet)] for name, snippet in snippets_of(page).items()})
        assert (folder / ".tocsin" / "version").exists()
        return found

    return walked


def typed(line: str) -> str:
    """Type a line; returns what it says on stdout."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(shlex.split(line, comments=True)[1:])
    assert code == 0, f"{line}\n{out.getvalue()}{err.getvalue()}"
    return out.getvalue()


def only(said: Said, words: str) -> list[str]:
    """What the one line with these words said."""
    (outs,) = (outs for line, outs in said.items() if words in line)
    return outs


def test_readme_exchanges_a_warning_and_its_cancel(said: Callable[[str], Said]) -> None:
    walk = said(README)
    assert "Hollow Ferry" in walk["tocsin events show cap:vigil-warning-7 --as beta"][0]
    assert "every signature is good" in walk["tocsin verify cap:vigil-warning-7 --as beta"][0]
    assert "1 retracted" in only(walk, "publish bus/demo/data/exercise/warning_cancelled.cap")[0]
    assert "vigil-warning-7" not in walk["tocsin events ls --as beta"][0]


def test_readme_fuses_what_two_agencies_saw_and_takes_it_back(said: Callable[[str], Said]) -> None:
    walk = said(README)
    first, second = (text.splitlines() for text in walk["tocsin alerts ls --as beta --origins 2"])
    assert (len(first), len(second)) == (3, 2)  # the heads, and two alerts; one of them is gone later
    (shown,) = walk["tocsin alerts show --as beta --origins 2"]
    assert "2 independent" in shown
    assert "alpha/reports/vigil-radio:A2" in shown
    assert "beta/reports/vigil-observers:19" in shown
    fresh, again = only(walk, "radio.csv")
    assert "2 new; 2 sent" in fresh
    assert "2 unchanged; 0 sent" in again
    assert "1 amended, 1 unchanged; 1 sent" in only(walk, "radio_corrected.csv")[0]
    assert only(walk, "tocsin label permits")[0].startswith("yes")


def test_readme_revokes_a_key_and_restores_a_backup(said: Callable[[str], Said]) -> None:
    walk = said(README)
    assert "would be revoked" in walk["tocsin key revoke alpha --compromised-since 2026-01-01 --dry-run"][0]
    (after,) = walk["tocsin alerts ls --as beta"]
    assert len(after.splitlines()) > 1
    assert "2 of 2" not in after  # what rests on alpha's key is gone
    assert "Nothing is missing" in walk["tocsin restore tocsin-backup --home restored"][0]
    assert walk["tocsin alerts ls --as beta --home restored"][0] == after


@pytest.mark.parametrize("page", GUIDE)
def test_the_lines_of_a_page_of_the_guide_run_as_they_stand(page: str, said: Callable[[str], Said]) -> None:
    assert said(page)


def test_the_reader_sees_an_alert_fall_apart_where_an_analyst_says_so(said: Callable[[str], Said]) -> None:
    walk = said("bus/guide/fusion-cell.md")
    before, after = walk["tocsin alerts ls --as cell"]
    assert before.count("2 of 2") == after.count("2 of 2") + 1
    assert "every signature is good" in walk["tocsin verify --as cell"][0]


def test_the_publishers_program_publishes_one_new_record(said: Callable[[str], Said]) -> None:
    (told,) = said("bus/guide/partner-agency.md")["program 1"]
    assert "Outcome.NEW" in told
    assert "refusal=None" in told


def test_the_readers_program_is_told_of_verified_messages(said: Callable[[str], Said]) -> None:
    (told,) = said("bus/guide/fusion-cell.md")["program 1"]
    lines = told.splitlines()
    assert len(lines) > 1
    assert lines[0].startswith("NEW alpha/reports/vigil-radio:A1 header=Header(")
    assert {line.split()[0] for line in lines} <= set(Change)
