"""The power is cut at every write and sync of a whole bus at work: nothing acknowledged is lost, nothing is half there.

Publishers, ingest, correlate, upkeep and readers are the real ones; what the disk did is recorded and played again
(tests/support/recording_disk.py), and the real code opens what a cut leaves. `python -m tests.bench.power_cuts` does
more of it.
"""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.home import Home
from tests.support.homes import make_home
from tests.support.power_cuts import LOG, Cuts, Recording, go_on, laid_out, recorded, work
from tests.support.recording_disk import Fate, Operation, Platter

AGENCIES = ("aa", "bb")
ROUNDS = 10
REPORTS = 3
SEED = 20


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("power") / "home")


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where the system has one: thousands of times files are laid there and opened."""
    shared = Path("/dev/shm")  # noqa: S108 - only faster
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def recording(founded: Home) -> Recording:
    with recorded(founded, "recording") as made:
        work(founded, AGENCIES, ROUNDS, REPORTS)
    return made


@pytest.mark.slow
def test_a_power_cut_anywhere_loses_nothing_that_was_acknowledged(recording: Recording, memory: Path) -> None:
    assert recording.changes(LOG) >= 200
    for agency in AGENCIES:
        assert recording.changes(f"agencies/{agency}/publisher.db") >= ROUNDS
        assert recording.changes(f"agencies/{agency}/reader.main.db") >= ROUNDS // 2
    kinds = {(one.what, one.name.rpartition("-")[2]) for one in recording.disk.operations}
    assert {("write", LOG), ("sync", LOG), ("sync", "wal"), ("delete", "wal"), ("create", "wal")} <= kinds, kinds
    cuts = Cuts(recording, memory, SEED)
    cuts.everywhere()
    assert cuts.tally.tried.total() > len(recording.disk.operations) > 1500
    assert cuts.tally.losses == []
    assert cuts.tally.broken == []


@pytest.mark.slow
def test_after_a_power_cut_bus_and_publishers_go_on_by_themselves(recording: Recording, memory: Path) -> None:
    """All is published again, for publishers can't know what was acknowledged: each report stands once, chains hold."""
    places = set(random.Random(SEED).sample(range(1, len(recording.disk.operations) + 1), 5))
    for place, files in Cuts(recording, memory, SEED).homes(places):
        home = laid_out(recording.home, memory / f"home-{place}", files)
        go_on(home, AGENCIES, ROUNDS, REPORTS)


def test_without_full_syncs_the_same_cuts_find_losses(tmp_path: Path, memory: Path) -> None:
    home = make_home(tmp_path / "home")
    with recorded(home, "unsafe", synchronous="NORMAL") as made:
        work(home, AGENCIES[:1], 1, REPORTS)
    cuts = Cuts(made, memory, SEED)
    cuts.everywhere()
    assert {place.split()[0] for place in cuts.tally.losses} >= {LOG, "agencies/aa/publisher.db"}
    assert len(cuts.tally.losses) > 20
    assert cuts.tally.broken == []


def played(*operations: Operation) -> Platter:
    platter = Platter.of({"old": b"old"})
    for one in operations:
        platter.play(one)
    return platter


def test_what_is_not_synced_is_gone_or_there_or_torn() -> None:
    chance = random.Random(1)
    write = Operation("write", "old", 0, 0, b"n" * 2048)
    platter = played(write)
    assert platter.after_cut(Fate.DROPPED, chance) == {"old": b"old"}
    assert platter.after_cut(Fate.KEPT, chance) == {"old": b"n" * 2048}
    left = {platter.after_cut(Fate.TORN, chance)["old"].count(b"n") for _ in range(1000)}
    assert left == {0, 512, 1024, 1536, 2048}
    platter.play(Operation("sync", "old", 0))
    assert platter.after_cut(Fate.DROPPED, chance) == {"old": b"n" * 2048}


def test_a_name_is_durable_only_when_its_folder_was_synced() -> None:
    chance = random.Random(1)
    made = (Operation("create", "new", 1), Operation("write", "new", 1, 0, b"new"), Operation("sync", "new", 1))
    platter = played(*made, Operation("delete", "old", 0))
    assert platter.after_cut(Fate.DROPPED, chance) == {"old": b"old"}
    assert platter.after_cut(Fate.KEPT, chance) == {"new": b"new"}
    platter.play(Operation("syncdir", "new", 1))
    assert platter.after_cut(Fate.DROPPED, chance) == {"new": b"new"}
    again = (Operation("delete", "new", 1), Operation("create", "new", 2), Operation("write", "new", 2, 0, b"x"))
    for one in again:
        platter.play(one)
    assert platter.after_cut(Fate.DROPPED, chance) == {"new": b"new"}
    assert platter.after_cut(Fate.KEPT, chance) == {"new": b"x"}
