"""`tocsin restore` makes no home that can't be opened, or whose keys are not those of its roster."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bus.clock import now_ms
from bus.config import Settings
from bus.home import Home, load_keys
from bus.log.sqlite import SqliteLog
from bus.operate.backup import MANIFEST, back_up, restore
from bus.operate.backup.files import copied_files
from bus.operate.backup.make import UnsoundError
from bus.stages.run import Runner
from tests.support.homes import make_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = make_home(tmp_path_factory.mktemp("restored") / "home")
    with closing(SqliteLog(made.log, now_ms)) as log:
        key = load_keys(made, "bus")[-1]
        Runner(log, pin=made.pin(), bus_key=key, settings=Settings()).run(until_idle=True)
    return made


def exchange(folder: Path, one: str, other: str) -> None:
    """Two agencies' key files, each now in the other's folder."""
    [first], [second] = folder.glob(f"keys/{one}/*.key"), folder.glob(f"keys/{other}/*.key")
    first.rename(folder / "keys" / other / first.name)
    second.rename(folder / "keys" / one / second.name)


def a_newer_format(folder: Path) -> str:
    (folder / "version").write_text("99\n")
    return "version"


def no_format(folder: Path) -> str:
    (folder / "version").unlink()
    return "version"


def no_keys(folder: Path) -> str:
    shutil.rmtree(folder / "keys")
    return "keys/bus"


def exchanged_keys(folder: Path) -> str:
    exchange(folder, "aa", "bb")
    return "keys/aa/"


def an_exchanged_root(folder: Path) -> str:
    exchange(folder, "aa", "root")
    return "keys/aa/"


def exchanged_contents(folder: Path) -> str:
    [one], [other] = folder.glob("keys/aa/*.key"), folder.glob("keys/bb/*.key")
    one.write_bytes(other.read_bytes())
    return one.relative_to(folder).as_posix()


@pytest.mark.parametrize(
    "forge", [a_newer_format, no_format, no_keys, exchanged_keys, an_exchanged_root, exchanged_contents]
)
def test_a_backup_whose_manifest_was_made_to_fit_makes_no_home(
    home: Home, tmp_path: Path, forge: Callable[[Path], str]
) -> None:
    folder = tmp_path / "backup"
    back_up(home, folder, now_ms, quick=True)
    place = forge(folder)
    said = json.loads((folder / MANIFEST).read_text())
    said["files"] = [one.model_dump() for one in copied_files(folder)]
    (folder / MANIFEST).write_text(json.dumps(said))
    done = restore(folder, tmp_path / "new", now_ms)
    assert done.home is None
    assert any(one.place.startswith(place) for one in done.findings), done.findings
    assert not any(str(tmp_path) in one.what for one in done.findings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup"]


def test_a_home_of_which_no_home_could_be_restored_is_not_backed_up(home: Home, tmp_path: Path) -> None:
    shutil.copytree(home.path, tmp_path / "home")
    exchange(tmp_path / "home", "aa", "bb")
    with pytest.raises(UnsoundError, match="keys/aa/"):
        back_up(Home.open(tmp_path / "home"), tmp_path / "backup", now_ms, quick=True)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_keys_that_lie_elsewhere_are_said_to_be_left_out_and_no_fault(home: Home, tmp_path: Path) -> None:
    shutil.copytree(home.path, tmp_path / "home")
    (tmp_path / "home" / "keys").rename(tmp_path / "elsewhere")
    (tmp_path / "home" / "keys").symlink_to(tmp_path / "elsewhere")
    made = back_up(Home.open(tmp_path / "home"), tmp_path / "backup", now_ms, quick=True)
    assert made.left_out == ("keys",)
    assert restore(tmp_path / "backup", tmp_path / "new", now_ms).home is not None
