"""Homes that are missing, unfinished, damaged, newer, read-only, on a full disk: a clear word, a remedy, no loss."""

import csv
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Done, Tocsin
from tests.support.samples import UCDP

ROOT = Path(__file__).resolve().parents[2]
TROUBLE, USAGE, NO = 3, 2, 1
WRITING = ("publish", str(UCDP), "--as", "alpha", "--feed", "reports")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    bus = Tocsin(tmp_path_factory.mktemp("founded") / "home")
    bus.ok("init", "--agency", "alpha")
    bus.ok(*WRITING)
    bus.ok("run", "--until-idle")
    return bus


def said(done: Done, code: int, *words: str) -> None:
    """The exit code, what happened and how to mend it; nothing on stdout, no traceback, no word of a bug."""
    assert done.code == code, done
    assert done.out == ""
    assert "Traceback" not in done.err
    assert "a bug of Tocsin" not in done.err
    assert len(done.err.splitlines()) >= 2, "a message and a remedy"
    for word in words:
        assert word in done.err


def commands() -> tuple[tuple[str, ...], ...]:
    return (WRITING, ("run", "--until-idle"), ("alerts", "ls", "--as", "alpha"), ("status",), ("agency", "add", "beta"))


@pytest.mark.parametrize("words", commands())
def test_a_missing_home_is_wrong_usage(tmp_path: Path, words: tuple[str, ...]) -> None:
    said(Tocsin(tmp_path / "nowhere")(*words), USAGE, "no home", "tocsin init")
    assert not (tmp_path / "nowhere").exists()


def test_a_home_is_never_made_twice(tocsin: Tocsin) -> None:
    before = (tocsin.home / "pin").read_bytes()
    done = tocsin("init")
    assert (done.code, done.out) == (NO, "")
    assert "already" in done.err
    assert (tocsin.home / "pin").read_bytes() == before


def test_a_folder_with_other_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    said(Tocsin(tmp_path)("init"), TROUBLE, "other files")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_home_within_a_file_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said(Tocsin(tmp_path / "file" / "home")("init"), USAGE, "is no folder")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def garble(path: Path) -> None:
    path.write_bytes(b"not what was written\n" * 40)


@pytest.mark.parametrize("words", commands())
@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("bus.db", cut),
        ("bus.db", garble),
        ("bus.db", Path.unlink),
        ("pin", garble),
        ("pin", Path.unlink),
        ("version", garble),
        ("config.toml", garble),
        ("keys", shutil.rmtree),
    ],
)
def test_a_damaged_home_is_named_and_left_alone(
    tocsin: Tocsin, name: str, harm: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    harm(tocsin.home / name)
    there = (tocsin.home / "bus.db").read_bytes() if (tocsin.home / "bus.db").exists() else None
    done = tocsin(*words)
    said(done, USAGE if name == "config.toml" else TROUBLE, name)
    after = (tocsin.home / "bus.db").read_bytes() if (tocsin.home / "bus.db").exists() else None
    assert after == there


def test_damage_inside_the_log_is_a_fault_with_a_remedy(tocsin: Tocsin) -> None:
    """Whole pages of records are overwritten: the header is good, so only reading finds it."""
    path = tocsin.home / "bus.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * (size - 8192))
    for words in commands():
        said(tocsin(*words), TROUBLE)


def test_damage_of_a_publishers_memory_is_named(tocsin: Tocsin) -> None:
    garble(tocsin.home / "agencies" / "alpha" / "publisher.db")
    for beside in ("publisher.db-wal", "publisher.db-shm"):
        (tocsin.home / "agencies" / "alpha" / beside).unlink(missing_ok=True)
    said(tocsin(*WRITING), TROUBLE, "publisher.db")


def test_a_key_that_others_may_read_is_not_used(tocsin: Tocsin) -> None:
    (key,) = (tocsin.home / "keys" / "alpha").iterdir()
    key.chmod(0o644)
    said(tocsin(*WRITING), TROUBLE, "chmod 600")


@pytest.mark.parametrize("words", commands())
def test_a_newer_home_is_not_touched(tocsin: Tocsin, words: tuple[str, ...]) -> None:
    (tocsin.home / "version").write_text("2\n")
    before = {path: path.stat().st_mtime_ns for path in tocsin.home.rglob("*")}
    said(tocsin(*words), TROUBLE, "format 2", "Update Tocsin")
    assert {path: path.stat().st_mtime_ns for path in tocsin.home.rglob("*")} == before


def test_an_interrupted_init_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped at each of its steps in turn; the keys and the pin of the first roster stay the same."""
    tocsin = Tocsin(tmp_path / "home")
    places = ["bus.operate.founding._first_pin", "bus.operate.desk.Desk.publish_policy", "bus.home.Home.seal"]
    pins = []
    for place in places:
        with monkeypatch.context() as patched:
            patched.setattr(place, pulled)
            assert tocsin("init").code == 130
        said(tocsin("status"), TROUBLE, "run it again")
        pins.append(sorted(path.name for path in (tocsin.home / "keys").rglob("*.key")))
    tocsin.ok("init", "--agency", "alpha")
    assert pins[1] == pins[2]
    assert set(pins[2]) <= {path.name for path in (tocsin.home / "keys").rglob("*.key")}
    assert tocsin.json("status")["control_version"] == 5  # rosters 1 and 2, two policies, parameters: nothing twice
    tocsin.ok(*WRITING)


def pulled(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_admission_goes_on_with_the_same_key(tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("bus.operate.desk.roster_record", pulled)
        assert tocsin("agency", "add", "beta").code == 130
    (left,) = (tocsin.home / "keys" / "beta").iterdir()
    assert [one["name"] for one in tocsin.items("agency", "ls")] == ["alpha", "authority", "bus"]
    tocsin.ok("agency", "add", "beta")
    assert [one["key_id"] for one in tocsin.items("key", "ls", "beta")] == [left.stem]


# --- disks ------------------------------------------------------------------------------------------------------------


def run(home: Path, *words: str, limit_bytes: int | None = None) -> Done:
    """A command in a process of its own, which may write no file larger than this."""

    def limited() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    command = [
        sys.executable,
        "-c",
        "import sys; from bus.cli import main; sys.exit(main())",
        *words,
        "--home",
        str(home),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, preexec_fn=limited)
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_file_size_limit_loses_nothing(tocsin: Tocsin) -> None:
    """The log can't grow: publish fails and says so; with room again the same command sends each record once."""
    full = run(tocsin.home, "publish", str(bigger(tocsin.home.parent)), *WRITING[2:], limit_bytes=200_000)
    said(full, TROUBLE)
    assert "rying again" in full.err or "again" in full.err
    again = tocsin.json("publish", str(bigger(tocsin.home.parent)), *WRITING[2:])
    tocsin.ok("run", "--until-idle")
    receipts = tocsin.items("receipts", "ls", "--as", "alpha")
    accepted = [(one["kind"], one["id"], one["revision"]) for one in receipts if one["verdict"] == "ACCEPTED"]
    assert len(set(accepted)) == len(accepted)
    first = tocsin.json(*WRITING)["outcomes"]["unchanged"]
    assert again["outcomes"]["new"] + again["outcomes"]["unchanged"] + first == len(accepted)


def bigger(folder: Path) -> Path:
    """The file with more rows: what is in it, under other ids, many times."""
    path = folder / "bigger.csv"
    if not path.exists():
        with UCDP.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            for number in range(15):
                writer.writerows({**row, "id": f"9{number:02}{row['id']}"} for row in rows)
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of four megabytes, or one that turns read-only; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    return place


MOUNTED = """
set -e
mount -t tmpfs -o size=4m tmpfs "$1"
cp -r "$2" "$1/home"
shift 2
exec "$@"
"""


def on_small_disk(place: Path, home: Path, script: str) -> Done:
    """Run a script in a mount namespace of its own, with a copy of the home on a small disk."""
    command = ["unshare", "--mount", "bash", "-c", MOUNTED, "sh", str(place), str(home), "bash", "-c", script]
    tocsin = f"{sys.executable} -c 'import sys; from bus.cli import main; sys.exit(main())'"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "T": tocsin, "H": str(place / "home")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this machine lets nobody mount a file system here")
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_full_disk_is_a_clear_word(small_disk: Path, tocsin: Tocsin) -> None:
    """Filled to the last byte: every command that writes fails with its remedy; freed, the same command goes on."""
    script = f"""
    dd if=/dev/zero of="$H/../filler" bs=4k >/dev/null 2>&1
    eval "$T" publish {bigger(tocsin.home.parent)} --as alpha --feed reports --home "$H" 2>&1; echo "code $?"
    eval "$T" run --until-idle --home "$H" 2>&1; echo "code $?"
    rm "$H/../filler"
    eval "$T" publish {UCDP} --as alpha --feed reports --home "$H" 2>&1; echo "code $?"
    """
    done = on_small_disk(small_disk, tocsin.home, script)
    assert "Traceback" not in done.out
    assert "a bug of Tocsin" not in done.out
    assert "no space" in done.out
    assert [line for line in done.out.splitlines() if line.startswith("code")] == ["code 3", "code 3", "code 0"]


def test_a_read_only_disk_is_a_clear_word(small_disk: Path, tocsin: Tocsin) -> None:
    script = """
    mount -o remount,ro "$H/.."
    for words in "status" "run --until-idle" "alerts ls --as alpha" "agency add beta"; do
        eval "$T" $words --home "$H" 2>&1; echo "code $?"
    done
    """
    done = on_small_disk(small_disk, tocsin.home, script)
    assert "Traceback" not in done.out
    assert "a bug of Tocsin" not in done.out
    assert [line for line in done.out.splitlines() if line.startswith("code")] == ["code 3"] * 4
    assert done.out.count("written") >= 4
