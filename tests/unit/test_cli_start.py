"""`tocsin` starts fast, and every command has the same anatomy."""

import argparse
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bus.cli import main
from bus.cli.home import home_path
from bus.cli.parser import GROUPS, build
from bus.cli.reference import actions, commands
from tests.support.command_line import Tocsin

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("apsw", "cryptography", "fastavro", "h3", "prometheus_client", "pydantic", "tomllib", "logging", "adapters")
TO_HELP_S = 0.3


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    program = f"import sys, bus.cli.parser; bus.cli.parser.build(); print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_comes_within_its_bound() -> None:
    """The best of five, in seconds of the processor: what other programs on the machine take is not ours."""
    command = [sys.executable, "-c", "from bus.cli import main; main(['--help'])"]
    took = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(took) <= TO_HELP_S


@pytest.mark.parametrize(("to", "code"), [(">/dev/full", 3), (">&-", 0), (">&- 2>&-", 0)])
@pytest.mark.parametrize("words", ["--version", "adapters", "adapters --json"])
def test_results_that_can_not_be_written_are_a_clear_fault_or_nobodys(words: str, to: str, code: int) -> None:
    call = f'"{sys.executable}" -c "import sys; from bus.cli import main; sys.exit(main())" {words} {to}'
    done = subprocess.run(["sh", "-c", call], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("can't be written" in done.stderr) is (code == 3)


def test_a_closed_input_is_wrong_usage() -> None:
    call = f'"{sys.executable}" -c "import sys; from bus.cli import main; sys.exit(main())" convert table - <&-'
    done = subprocess.run(["sh", "-c", call], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("tocsin: ")
    assert "bug" not in done.stderr


@pytest.mark.parametrize(("name", "parser"), list(commands(build())))
def test_every_command_takes_json_and_home_and_says_what_each_flag_is_for(
    name: str, parser: argparse.ArgumentParser
) -> None:
    flags = {flag for action in actions(parser) for flag in action.option_strings}
    assert {"--json", "--home"} <= flags
    assert parser.description
    assert all(action.help for action in actions(parser) if action.option_strings), name


def test_groups_are_siblings() -> None:
    for group in GROUPS:
        assert group.__doc__
        assert group.__doc__.startswith("`tocsin "), group.__name__
        assert callable(group.add)


def test_no_command_is_wrong_usage_and_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["agency"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "usage: tocsin agency" in shown.err


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tocsin 0.")


def test_wrong_flags_and_abbreviations_are_wrong_usage(tmp_path: Path) -> None:
    tocsin = Tocsin(tmp_path / "home")
    assert tocsin("status", "--jso").code == 2
    assert tocsin("no-such-command").code == 2
    assert tocsin("alerts", "ls").code == 2  # without --as


def test_the_home_is_the_flags_else_the_environments_else_the_one_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOCSIN_HOME", raising=False)
    assert home_path(argparse.Namespace(home=None)) == Path(".tocsin")
    monkeypatch.setenv("TOCSIN_HOME", "elsewhere")
    assert home_path(argparse.Namespace(home=None)) == Path("elsewhere")
    assert home_path(argparse.Namespace(home="flag")) == Path("flag")


def test_an_unknown_setting_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tocsin = Tocsin(tmp_path / "home")
    tocsin.ok("init")
    monkeypatch.setenv("TOCSIN_NO_SUCH_SETTING", "1")
    done = tocsin("status")
    assert (done.code, done.out) == (2, "")
    assert "no_such_setting" in done.err


def test_a_bug_is_one_line_without_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("CANARY")

    monkeypatch.setattr("bus.cli.status.opened", broken)
    done = Tocsin(tmp_path)("status")
    assert done.code == 3
    assert "KeyError" in done.err
    assert "test_cli_start.py" in done.err
    assert "CANARY" not in done.err
    assert "Traceback" not in done.err


def test_whoever_stops_reading_is_no_fault(tmp_path: Path) -> None:
    program = "import sys; from bus.cli import main; sys.exit(main(['adapters']))"
    command = f'{sys.executable} -c "{program}" | head -c 1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_home_may_be_named_before_the_command() -> None:
    for words in (["--home", "there", "--json", "status"], ["status", "--home", "there", "--json"]):
        args = build().parse_args(words)
        assert (args.home, args.json) == ("there", True)
    assert build().parse_args(["status"]).json is False
