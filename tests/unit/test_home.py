"""The home folder: whole or absent files, private keys, and an error with a remedy for each kind of trouble."""

import errno
import os
import re
import resource
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from bus.config import ConfigError, Settings, describe, load
from bus.home import (
    Database,
    DiskFullError,
    Home,
    HomeDamagedError,
    HomeError,
    HomeMissingError,
    HomeNewerError,
    HomeReadOnlyError,
    load_key,
    load_keys,
    save_key,
    write_atomic,
)
from bus.home.files import copy_file
from bus.trust.keys import SigningKey

PIN = bytes(range(32))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.create(tmp_path / "home", describe())
    made.log.touch()
    made.seal(PIN)
    return Home.open(tmp_path / "home")


def test_a_home_is_found_again_as_it_was_made(home: Home) -> None:
    assert home.pin() == PIN
    assert (home.path / "version").read_text() == "1\n"
    assert load(home.config, {}) == Settings()
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    assert home.publisher("fra").parent.is_dir()


def test_a_second_home_or_a_folder_with_other_files_is_not_overwritten(home: Home, tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="holds a home already"):
        Home.create(home.path, "")
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.odt").write_text("years of work")
    with pytest.raises(HomeError, match="other files"):
        Home.create(other, "")
    assert [p.name for p in other.iterdir()] == ["thesis.odt"]


def test_an_interrupted_init_is_begun_anew_and_not_opened(tmp_path: Path) -> None:
    Home.create(tmp_path / "home", describe())
    with pytest.raises(HomeDamagedError, match="init"):
        Home.open(tmp_path / "home")
    again = Home.create(tmp_path / "home", describe())
    again.log.touch()
    again.seal(PIN)
    assert Home.open(tmp_path / "home").pin() == PIN


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda home: (home.path / "version").write_text("2\n"), HomeNewerError),
        (lambda home: (home.path / "version").write_text("one\n"), HomeDamagedError),
        (lambda home: (home.path / "version").write_bytes(b"\xff\xfe"), HomeDamagedError),
        (lambda home: (home.path / "version").write_text(""), HomeDamagedError),
        (lambda home: (home.path / "pin").write_text("00ff"), HomeDamagedError),
        (lambda home: (home.path / "pin").unlink(), HomeDamagedError),
        (lambda home: home.log.write_bytes(b"this was a database once"), HomeDamagedError),
        (lambda home: home.log.unlink(), HomeDamagedError),
        (lambda home: home.keys.rmdir(), HomeDamagedError),
    ],
)
def test_damage_is_a_clear_error_with_a_remedy(
    home: Home, damage: Callable[[Home], Any], fault: type[HomeError]
) -> None:
    damage(home)
    with pytest.raises(fault) as error:
        Home.open(home.path)
    assert error.value.advice


def test_no_home_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "absent"):
        with pytest.raises(HomeMissingError) as error:
            Home.open(path)
        assert "tocsin init" in error.value.advice


@pytest.mark.parametrize(
    ("number", "fault"),
    [(errno.ENOSPC, DiskFullError), (errno.EROFS, HomeReadOnlyError), (errno.EACCES, HomeReadOnlyError)],
)
def test_a_full_or_read_only_disk_is_a_clear_error_and_changes_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch, number: int, fault: type[HomeError]
) -> None:
    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("bus.home.files.os.fsync", fail)
    with pytest.raises(fault) as error:
        Home.open(home.path, writing=True)
    assert error.value.advice
    assert error.value.retriable == (fault is DiskFullError)
    monkeypatch.undo()
    assert Home.open(home.path, writing=True).pin() == PIN
    assert not list(home.path.glob(".*.tmp"))


def test_an_atomic_write_leaves_the_old_file_where_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(HomeError):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_of_two_disks_the_one_that_failed_is_named(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(100_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(HomeError, match=re.escape(str(target))):
            copy_file(source, target, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(HomeError, match=re.escape(str(tmp_path / "none"))):
        copy_file(tmp_path / "none", tmp_path / "other", 0)


def test_what_a_crash_left_behind_gives_no_rights_away(tmp_path: Path) -> None:
    leftover = tmp_path / f".file.{os.getpid()}.tmp"
    leftover.write_bytes(b"half")
    leftover.chmod(0o644)
    write_atomic(tmp_path / "file", b"whole")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_keys_are_private_and_are_what_their_names_say(home: Home) -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    path = save_key(home, "fra", key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_keys(home, "fra")[0].private_bytes() == key.private_bytes()
    path.chmod(0o644)
    with pytest.raises(HomeError, match="others may read"):
        load_key(path)
    path.chmod(0o600)
    path.write_bytes(save_key(home, "fra", other).read_bytes())
    with pytest.raises(HomeDamagedError):
        load_key(path)
    path.write_bytes(b"\x00" * 10)
    with pytest.raises(HomeDamagedError) as error:
        load_key(path)
    assert key.private_bytes().hex() not in str(error.value)


@pytest.mark.parametrize("name", ["..", "../fra", "FRA", "a", "", "fra/keys", "x" * 33])
def test_no_path_is_made_of_what_is_no_agency_name(home: Home, name: str) -> None:
    with pytest.raises(HomeError):
        home.publisher(name)
    with pytest.raises(HomeError):
        load_keys(home, name)


def test_a_damaged_or_newer_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    first = Database(path, "CREATE TABLE t(x)", 1)
    with first.transaction():
        first.execute("INSERT INTO t VALUES(1)")
    first.close()
    with pytest.raises(HomeNewerError):
        Database(path, "", 2)
    stepped = Database(path, "", 3, {1: "CREATE TABLE u(y)", 2: "INSERT INTO u VALUES(7)"})
    assert stepped.execute("SELECT y FROM u") == [(7,)]
    stepped.close()
    with pytest.raises(HomeNewerError):
        Database(path, "", 2, {1: ""})
    again = Database(path, "", 3, {1: "no such step", 2: "no such step"})
    again.execute("PRAGMA user_version=1")
    again.close()
    path.write_bytes(b"no database" * 100)
    with pytest.raises(HomeDamagedError):
        Database(path, "CREATE TABLE t(x)", 1)


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "one.db", "CREATE TABLE t(x)", 1)

    def fail() -> None:
        with database.transaction():
            database.execute("INSERT INTO t VALUES(1)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert database.execute("SELECT * FROM t") == []


def test_a_page_that_is_damaged_is_a_clear_error_also_where_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    database = Database(path, "CREATE TABLE t(x)", 1)
    for _ in range(100):
        database.execute("INSERT INTO t VALUES(?)", (bytes(1000),))
    database.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises(HomeDamagedError):
        Database(path, "CREATE TABLE t(x)", 1).execute("SELECT sum(length(x)) FROM t")


def test_two_who_make_a_database_at_once_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.db"
    begin = Database.transaction
    others: list[Database] = []

    def slow(database: Database) -> AbstractContextManager[None]:
        """Between the look at the version and the making, another process has made it."""
        monkeypatch.setattr(Database, "transaction", begin)
        others.append(Database(path, "CREATE TABLE t(x)", 1))
        return begin(database)

    monkeypatch.setattr(Database, "transaction", slow)
    first = Database(path, "CREATE TABLE t(x)", 1)
    first.execute("INSERT INTO t VALUES(1)")
    assert others[0].execute("SELECT x FROM t") == [(1,)]


def test_settings_come_from_file_then_environment_then_flag(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("batch_records = 7\nlease_s = 9\n")
    assert load(path, {}).batch_records == 7
    assert load(path, {}).lease_s == 9.0
    assert load(path, {"TOCSIN_BATCH_RECORDS": "8"}).batch_records == 8
    assert load(path, {"TOCSIN_BATCH_RECORDS": "8"}, batch_records=9).batch_records == 9
    assert load(path, {"TOCSIN_HOME": "/x", "PATH": "/y"}, batch_records=None).batch_records == 7


@pytest.mark.parametrize(
    ("text", "environment", "flags"),
    [
        ("batch_record = 7", {}, {}),
        ("batch_records = 0", {}, {}),
        ("batch_records = " + "9" * 5000, {}, {}),
        ("batch_records = " + "[" * 20_000, {}, {}),
        ("batch_records = true", {}, {}),
        ('batch_records = "7"', {}, {}),
        ("log_level = 'LOUD'", {}, {}),
        ("batch_records = ", {}, {}),
        ("", {"TOCSIN_BATCH": "7"}, {}),
        ("", {"TOCSIN_LEASE_S": "soon"}, {}),
        ("", {"TOCSIN_LEASE_S": "nan"}, {}),
        ("", {}, {"lease_s": -1.0}),
    ],
)
def test_an_unknown_or_impossible_setting_is_an_error(
    tmp_path: Path, text: str, environment: dict[str, str], flags: dict[str, object]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(path, environment, **flags)
    assert error.value.advice


def test_the_described_settings_are_the_settings() -> None:
    shown = "\n".join(line.removeprefix("# ") for line in describe().splitlines() if " = " in line)
    import tomllib  # noqa: PLC0415

    assert Settings(**tomllib.loads(shown)) == Settings()
