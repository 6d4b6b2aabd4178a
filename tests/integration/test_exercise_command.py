"""`tocsin exercise`: exit codes, JSON, the screen, and that a bad file stops before anything is written."""

import io
from pathlib import Path

import pytest

from bus.exercise import shipped
from tests.support.command_line import Tocsin
from tests.support.command_line import command as tocsin

README = Path(__file__).resolve().parents[2] / "bus" / "exercise" / "README.md"
LANTERN = README.read_text("utf-8").split("```toml\n")[1].split("```")[0]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good story; whatever is played is played apart, though $TOCSIN_HOME names a home."""
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "no-such-home"))
    path = tmp_path / "lantern.toml"
    path.write_text(LANTERN)
    return path


def test_a_good_story_is_played_apart_and_its_score_is_told(file: Path) -> None:
    done = tocsin("exercise", "run", str(file), "--json")
    assert done.code == 0
    told = done.document
    assert (told["exercise"], told["home"], told["good"], told["unplayed"]) == ("LANTERN", None, True, 0)
    assert told["met"] == told["expectations"] == sum(step["met"] for step in told["steps"]) + len(told["whole"])
    assert {one["kind"] for one in told["whole"]} == {"verified", "unseen"}
    assert sorted(path.name for path in file.parent.iterdir()) == ["lantern.toml"]


def test_what_is_not_met_is_exit_code_one_and_stands_on_the_screen(file: Path) -> None:
    file.write_text(LANTERN.replace("severity = 3", "severity = 4"))
    done = tocsin("exercise", "run", str(file))
    assert done.code == 1
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    at = lines.index("✗ NOT MET south: has this alert: report-1 (1 origin, severity 4)")
    assert lines[at + 1] == "expected report-1 (1 origin, severity 4)"
    assert lines[at + 2].startswith("seen report-1 (1 origin, ")
    assert lines[at + 2].endswith("severity 3)")
    assert "EXERCISE LANTERN" in lines[0]
    assert "\x1b" not in done.out


def test_a_bad_story_is_exit_code_two_before_anything_is_written(file: Path) -> None:
    file.write_text(LANTERN.replace("has =", "hass =").replace('by = ["press"]', 'by = ["pres"]'))
    kept = file.parent / "kept"
    for words in (("check",), ("run", "--keep", str(kept))):
        done = tocsin("exercise", words[0], str(file), *words[1:])
        assert (done.code, done.out) == (2, "")
        assert f"{file}: step 1, expect 1, hass: expected no key of this name" in done.err
        assert "Did you mean `has`?" in done.err
        told = tocsin("exercise", words[0], str(file), *words[1:], "--json")
        assert told.code == 2
        assert (told.document["good"], told.document["file"]) == (False, str(file))
        assert [set(fault) for fault in told.document["faults"]] == [{"place", "expected", "remedy"}]
    assert not kept.exists()


def test_a_file_that_is_not_there_and_a_step_that_is_not_are_wrong_usage(file: Path) -> None:
    assert tocsin("exercise", "run", str(file.parent / "none.toml")).code == 2
    for step in ("0", "2", "x"):
        assert tocsin("exercise", "run", str(file), "--until", step).code == 2


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no file without an end")
def test_a_file_without_an_end_is_a_bad_story() -> None:
    for command in ("check", "run"):
        done = tocsin("exercise", command, "/dev/zero")
        assert (done.code, "at most 1,048,576 bytes" in done.err) == (2, True)


def test_a_kept_home_can_be_looked_at(file: Path) -> None:
    home = file.parent / "kept"
    assert tocsin("exercise", "run", str(file), "--keep", str(home)).code == 0
    looking = Tocsin(home)
    assert [one["ref"] for one in looking.items("events", "ls", "--as", "south")] == [
        "north/field/LANTERN-20300101T080000Z:report-1"
    ]
    assert looking.items("events", "ls", "--as", "press") == []
    assert looking.json("verify", "--as", "south")["good"]


def test_the_example_is_the_shipped_exercise_and_passes_its_check(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tocsin("exercise", "example").out
    assert said == shipped().decode()
    file.write_text(said)
    assert tocsin("exercise", "check", str(file)).code == 0
    assert tocsin("exercise", "check").out == "VIGIL: 6 agencies, 10 steps, 15 acts; all good\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(said.encode())))
    assert tocsin("exercise", "check", "-", "--json").document["good"]
