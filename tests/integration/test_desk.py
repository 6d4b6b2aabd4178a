"""The authority's desk on the embedded log: each change is a signed roster that passed ingest."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bus.client import Authority, open_publisher
from bus.client.publication import Act
from bus.config import Settings
from bus.errors import Reason, Refusal
from bus.home import Home, load_keys
from bus.log.faults import Owned
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.operate import ClearanceTerms, Desk, DeskError, FeedTerms, found
from bus.operate.desk import DESK
from bus.operate.disk import disk_of
from bus.operate.doctor import Place, look
from bus.operate.keydesk import KeyDesk, Rotation
from bus.operate.keys import HomeKeys
from bus.operate.quarantine import find, rejected
from bus.operate.status import Status as Glance
from bus.operate.status import status
from bus.stages.ahead import ClockBehindError
from bus.stages.run import Runner
from bus.stages.upkeep import may_remove
from bus.units import DAY_MS
from schemas.models import AgencyEntry, KeyEntry, PolicyDocument, Roster, Status

NOW = 1_790_000_000_000
YEAR_MS = 365 * 86_400_000


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        self.now += 1
        return self.now


@dataclass
class Bus:
    home: Home
    log: SqliteLog
    clock: Clock

    @property
    def desk(self) -> Desk:
        return Desk(self.home, self.log, clock_ms=self.clock)

    def status(self, now: int) -> Glance:
        """The home at a glance."""
        place = Place(self.home.path, now, disk_of(self.home.path))
        return status(look(place, self.home, self.log, self.desk.control, Settings()))

    def run(self) -> None:
        key = load_keys(self.home, "bus")[-1]
        runner = Runner(self.log, pin=self.home.pin(), bus_key=key, settings=Settings(), clock_ms=self.clock)
        runner.run(until_idle=True, stop=threading.Event())


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    clock = Clock()
    home = found(tmp_path / "home", clock_ms=clock)
    log = SqliteLog(home.log, clock)
    yield Bus(home, log, clock)
    log.close()


def draft(name: str) -> Act:
    body = {"nature": "INCIDENT", "type": "violence.killing", "source": {"discipline": "OSINT"}}
    return Act("event", f"test:{name}", Status.ACTUAL, body)


def admitted(bus: Bus, name: str, *feeds: FeedTerms, clearance: ClearanceTerms = ClearanceTerms()) -> AgencyEntry:  # noqa: B008
    entry = bus.desk.admit(name, feeds or (FeedTerms(),), clearance)
    assert isinstance(entry, AgencyEntry), entry
    return entry


def test_a_new_home_has_one_roster_two_policies_and_parameters(bus: Bus) -> None:
    control = bus.desk.control
    assert control.roster_version == 1
    assert control.policy_versions == {"COALITION": 1, "TLP": 1}
    assert control.parameters_published
    assert [one.name for one in control.trust.agencies] == ["authority", "bus"]
    assert Authority(bus.log, bus.home.pin()).trust.version == 1
    assert control.trust.expires_at > NOW + YEAR_MS - 1000
    kinds = {path.parent.name: path.stat().st_mode & 0o777 for path in bus.home.keys.rglob("*.key")}
    assert kinds == {"root": 0o600, "authority": 0o600, "bus": 0o600}


def test_root_authority_and_bus_have_keys_of_their_own(bus: Bus) -> None:
    ids = {holder: load_keys(bus.home, holder)[0].public.key_id for holder in ("root", "authority", "bus")}
    assert len(set(ids.values())) == 3
    trust = bus.desk.control.trust
    assert isinstance(trust.judge_key(ids["root"], "control", NOW + 1000), Refusal)
    assert isinstance(trust.judge_key(ids["authority"], "alerts", NOW + 1000), Refusal)
    assert isinstance(trust.judge_key(ids["bus"], "control", NOW + 1000), Refusal)


def test_whoever_is_admitted_publishes_at_once(bus: Bus) -> None:
    entry = admitted(bus, "alpha")
    assert [key.key_id for key in entry.keys] == [load_keys(bus.home, "alpha")[0].public.key_id]
    publisher = open_publisher(bus.home, bus.log, "alpha", "reports", clock_ms=bus.clock)
    assert publisher.publish([draft("a")], "reports").sent == 1
    publisher.close()
    bus.run()
    assert list(rejected(bus.log, ["alpha"])) == []
    assert Authority(bus.log, bus.home.pin()).trust.version == 2


def test_nobody_is_admitted_twice_and_no_name_is_made_up(bus: Bus) -> None:
    admitted(bus, "alpha")
    for name in ("alpha", "bus", "authority", "root", "No"):
        refusal = bus.desk.admit(name)
        assert isinstance(refusal, Refusal)
        assert refusal.place == "agency.name"
    assert bus.desk.roster.version == 2
    assert not (bus.home.keys / "No").exists()
    for unknown in (
        bus.desk.clear("nobody", ClearanceTerms()),
        bus.desk.feed("nobody", FeedTerms()),
        bus.desk.suspend("nobody"),
        bus.desk.new_key("nobody"),
    ):
        assert isinstance(unknown, Refusal)


def test_a_refused_admission_leaves_no_key(bus: Bus) -> None:
    assert isinstance(bus.desk.admit("alpha", (FeedTerms(floor="NONSENSE"),)), Refusal)
    assert isinstance(bus.desk.admit("alpha", (FeedTerms(),), ClearanceTerms(levels=("NONSENSE",))), Refusal)
    assert not (bus.home.keys / "alpha").exists()


def test_feeds_clearance_keys_and_suspension_change_one_thing_each(bus: Bus) -> None:
    before = admitted(bus, "alpha")
    feed = bus.desk.feed("alpha", FeedTerms("field", default_label="COALITION RESTRICTED//REL TO ALPHA", analyst=True))
    assert isinstance(feed, AgencyEntry)
    assert [one.name for one in feed.feeds] == ["field", "reports"]
    assert feed.model_copy(update={"feeds": before.feeds}) == before
    cleared = bus.desk.clear("alpha", ClearanceTerms(levels=("COALITION SECRET",), realms=("REAL", "VIGIL")))
    assert isinstance(cleared, AgencyEntry)
    assert cleared.model_copy(update={"clearance": feed.clearance}) == feed
    key = bus.desk.new_key("alpha", ("field",))
    assert isinstance(key, KeyEntry)
    assert len(load_keys(bus.home, "alpha")) == 2
    suspended = bus.desk.suspend("alpha")
    assert isinstance(suspended, AgencyEntry)
    assert suspended.suspended
    assert "alpha" not in bus.desk.control.clearances
    again = bus.desk.suspend("alpha", suspended=False)
    assert isinstance(again, AgencyEntry)
    assert not again.suspended
    assert bus.desk.roster.version == 7


def test_a_key_for_one_feed_signs_for_no_other(bus: Bus) -> None:
    admitted(bus, "alpha", FeedTerms("one"), FeedTerms("two"))
    key = bus.desk.new_key("alpha", ("one",))
    assert isinstance(key, KeyEntry)
    trust, at = bus.desk.control.trust, bus.clock()
    assert not isinstance(trust.judge_key(key.key_id, "one", at), Refusal)
    refusal = trust.judge_key(key.key_id, "two", at)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.KEY_OUT_OF_SCOPE


def test_a_policy_follows_its_last_version_only(bus: Bus) -> None:
    toml = """
        id = "HOUSE"
        title = "House"
        version = 1
        open_audiences = true
        [[levels]]
        name = "OPEN"
        default_release = "PUBLIC"
    """
    assert bus.desk.publish_policy(PolicyDocument(policy="HOUSE", version=1, toml=toml)) is None
    refusal = bus.desk.publish_policy(PolicyDocument(policy="HOUSE", version=3, toml=toml))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.VERSION_GAP
    assert bus.desk.control.policy_versions["HOUSE"] == 1


def test_without_the_roots_key_the_roster_stays_as_it_is(bus: Bus) -> None:
    for path in (bus.home.keys / "root").iterdir():
        path.unlink()
    with pytest.raises(DeskError, match="1 root signatures, this home can give 0"):
        bus.desk.admit("alpha")
    assert bus.desk.roster.version == 1


def test_a_desk_is_used_by_one_at_a_time(bus: Bus) -> None:
    other = SqliteLog(bus.home.log, bus.clock)
    reader = other.take(DESK, ())
    with pytest.raises(Owned, match=DESK):
        bus.desk.admit("alpha")
    reader.release()
    admitted(bus, "alpha")
    other.close()


def test_a_bus_that_runs_judges_the_change_and_the_desk_waits_for_it(bus: Bus) -> None:
    stop = threading.Event()
    log = SqliteLog(bus.home.log, bus.clock)
    key = load_keys(bus.home, "bus")[-1]
    settings = Settings(poll_timeout_s=0.02)
    runner = Runner(log, pin=bus.home.pin(), bus_key=key, settings=settings, clock_ms=bus.clock)
    thread = threading.Thread(target=runner.run, kwargs={"stop": stop})
    thread.start()
    try:
        while not any(one.holder for one in bus.log.describe().owners if one.name == "ingest-authority"):
            assert thread.is_alive()
        admitted(bus, "alpha")
        publisher = open_publisher(bus.home, bus.log, "alpha", "reports", clock_ms=bus.clock)
        publisher.publish([draft("a")], "reports")
        publisher.close()
        while bus.log.end("receipts.alpha") == 0:
            assert thread.is_alive()
    finally:
        stop.set()
        thread.join()
        log.close()
    assert list(rejected(bus.log, ["alpha"])) == []


def test_the_quarantine_shows_why_and_no_content(bus: Bus) -> None:
    admitted(bus, "alpha", FeedTerms(floor="COALITION RESTRICTED//REL TO ALPHA"))
    publisher = open_publisher(bus.home, bus.log, "alpha", "reports", clock_ms=bus.clock)
    publisher.publish([draft("CANARY")], "reports", "COALITION UNCLASSIFIED//PUBLIC")
    publisher.close()
    bus.log.append("submissions.alpha", [NewRecord("submissions.alpha", b"reports", b"no frame at all")])
    bus.run()
    low, raw = rejected(bus.log, ["alpha", "authority"])
    assert (low.reason, raw.reason) == (Reason.LABEL_BELOW_FLOOR, Reason.BAD_FRAME)
    assert all(one.place and one.expected and one.remedy for one in (low, raw))
    assert "CANARY" not in str(low)
    assert low.payload_type is not None
    assert (raw.payload_type, raw.key_ids) == (None, ())
    shown = find(bus.log, ["alpha"], raw.id)
    assert shown is not None
    assert shown[1] == b"no frame at all"
    for nothing in ("alpha/999", "beta/0", "alpha", "alpha/-1", "alpha/x", "../alpha/0"):
        assert find(bus.log, ["alpha"], nothing) is None


def test_the_status_counts_what_waits_and_says_what_is_wrong(bus: Bus) -> None:
    admitted(bus, "alpha")
    publisher = open_publisher(bus.home, bus.log, "alpha", "reports", clock_ms=bus.clock)
    publisher.publish([draft("a"), draft("b")], "reports")
    publisher.close()
    waiting = bus.status(bus.clock())
    assert {one.name: one.waiting for one in waiting.agencies} == {"alpha": 2, "authority": 0}
    assert waiting.troubles == ()
    bus.run()
    done = bus.status(bus.clock())
    assert {one.name: (one.waiting, one.delivered) for one in done.agencies}["alpha"] == (0, 2)
    assert {one.name for one in done.stages} == {"correlate-0", "ingest-alpha", "ingest-authority"}
    soon = bus.status(NOW + YEAR_MS - 10 * 86_400_000)
    late = bus.status(NOW + 2 * YEAR_MS)
    assert ["within 30 days" in one.what for one in soon.troubles] == [True]
    assert ["has expired" in one.what for one in late.troubles] == [True]


def test_a_log_that_is_ahead_of_the_clock_stops_the_bus_and_the_desk_before_they_write(bus: Bus) -> None:
    bus.run()
    bus.clock.now += 1_000_000  # the clock is wrong ...
    bus.run()
    ticked = bus.clock.now
    bus.clock.now = ticked - 600_000  # ... and right again: ten minutes are borne
    assert bus.status(ticked - 600_000).troubles == ()
    bus.run()
    bus.clock.now = ticked - 661_000
    ends = {one.name: one.end for one in bus.log.describe().topics}
    for start in (bus.run, bus.desk.settle):
        with pytest.raises(ClockBehindError, match="11 minutes ahead of this machine's clock") as fault:
            start()
        assert "Set this machine's clock right" in fault.value.advice
    assert {one.name: one.end for one in bus.log.describe().topics} == ends
    (trouble,) = bus.status(bus.clock()).troubles
    assert "11 minutes ahead" in trouble.what
    bus.clock.now = ticked
    bus.run()


def test_one_agencys_wrong_clock_is_found_too(bus: Bus) -> None:
    admitted(bus, "alpha")
    bus.run()
    now = bus.clock.now
    bus.clock.now += YEAR_MS
    bus.log.append("submissions.alpha", [NewRecord("submissions.alpha", b"reports", b"early")])
    bus.clock.now = now
    with pytest.raises(ClockBehindError, match=r"submissions\.alpha is of 2027-"):
        bus.run()


def test_an_expired_roster_is_followed_by_the_next(bus: Bus) -> None:
    bus.clock.now += 2 * YEAR_MS
    admitted(bus, "alpha")
    assert not bus.desk.control.trust.expired(bus.clock())


def test_the_bus_signs_with_its_next_key_at_once_though_the_last_tick_is_older(bus: Bus) -> None:
    tick = bus.clock.now
    done = KeyDesk(bus.desk, bus.log).rotate("bus", 0)
    assert isinstance(done, Rotation)
    trust = bus.desk.control.trust
    assert HomeKeys(bus.home)(trust, tick).public.key_id == done.new[0]
    for path in (bus.home.keys / "bus").glob(f"{done.new[0]}*"):
        path.unlink()
    with pytest.raises(DeskError, match="no key of `bus` that may sign now") as fault:
        HomeKeys(bus.home)(trust, bus.clock() + 1000)
    assert "tocsin key rotate bus" in fault.value.advice


def test_nothing_is_removed_while_a_roster_is_expired_nor_while_what_closed_late_is_remembered(bus: Bus) -> None:
    def may(days: int) -> bool:
        return may_remove(bus.log, bus.home.pin(), bus.clock.now + days * DAY_MS)

    assert may(0)
    assert not may(366)
    bus.clock.now += 500 * DAY_MS
    assert isinstance(bus.desk.renew(), Roster)
    assert not may(0)
    assert not may(90)
    assert may(92)
    assert not may(400)


def test_retention_rests_with_the_roster(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[int] = []
    monkeypatch.setattr(bus.log, "retain", removed.append)
    key = load_keys(bus.home, "bus")[-1]

    def run() -> None:
        runner = Runner(bus.log, pin=bus.home.pin(), bus_key=key, settings=Settings(), clock_ms=bus.clock)
        monkeypatch.setattr(runner, "_retained_at", -1e9)
        runner.run(until_idle=True)

    run()
    assert len(removed) == 1
    bus.clock.now += 400 * DAY_MS
    run()
    assert len(removed) == 1
