"""The quota and what is forgotten: functions of the log's append times, the same after any restart."""

import random
import re
from pathlib import Path
from typing import Any

import pytest

from bus.errors import REMEDY, Reason
from bus.log.topics import EVENTS_MS
from bus.stages.checks import Accepted, Memory, Rejected, Repeated, Verdict, check
from bus.stages.checks.quota import DEFAULT_RECORDS_PER_DAY, OUTAGE_DAYS
from bus.stages.control import Control
from bus.units import DAY_MS, HOUR_MS
from tests.support.submissions import NOW, PROTECTED, RESTRICTED, Office, after, event_body, feed, key_entry, sign
from tests.support.submissions import header as head

OFFICE = Office()
FEEDS = [feed("main", quota_records_per_day=1), feed("analysis", quota_records_per_day=2)]
FIRST = OFFICE.control()
SECOND = OFFICE.varied("fra", feeds=FEEDS)
CONTROL = after(FIRST, SECOND.roster())
BOUND = 2 * OUTAGE_DAYS


class Shard:
    """fra's submissions at append times of the test's choice; each a record of its own unless it is said."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.control: Control = CONTROL
        self.key = OFFICE.keys["fra"]
        self.now = NOW
        self.number = 0
        self.receipts: list[dict[str, Any]] = []

    def submit(self, record_id: str | None = None, kind: str = "event", body: Any = None, **changed: Any) -> Verdict:
        self.number += 1
        fields = {"sequence": self.number, "created_at": self.now, **changed}
        named = head("fra", fields.pop("feed", "main"), record_id or f"test:{self.number}", **fields)
        return self.take(sign(kind, named, event_body() if body is None else body, self.key))

    def take(self, data: bytes) -> Verdict:
        verdict = check(data, agency="fra", at=self.now, control=self.control, memory=self.memory)
        self.memory.fold(verdict.receipt)
        self.receipts.append(verdict.receipt)
        return verdict

    def restart(self) -> None:
        self.memory = Memory()
        for receipt in self.receipts:
            self.memory.fold(receipt)


def is_full(verdict: Verdict) -> bool:
    if isinstance(verdict, Accepted):
        return False
    assert isinstance(verdict, Rejected), verdict
    assert verdict.refusal.reason is Reason.OVER_QUOTA, verdict.refusal
    assert verdict.refusal.remedy == REMEDY[Reason.OVER_QUOTA]
    assert "Wait and send again" in verdict.refusal.remedy
    return True


@pytest.fixture
def shard() -> Shard:
    return Shard()


def test_a_fortnights_backlog_passes_at_once_and_the_usual_traffic_after_it(shard: Shard) -> None:
    assert not any(is_full(shard.submit()) for _ in range(OUTAGE_DAYS))
    for _ in range(OUTAGE_DAYS):
        assert not is_full(shard.submit())
        shard.now += DAY_MS
    assert not is_full(shard.submit())


def test_beyond_the_bound_it_is_refused_until_a_fortnight_has_passed_and_the_same_bytes_are_good_then(
    shard: Shard,
) -> None:
    assert not any(is_full(shard.submit()) for _ in range(BOUND))
    data = sign("event", head("fra", "main", "test:late", created_at=NOW), event_body(), shard.key)
    assert is_full(shard.take(data))
    shard.now += OUTAGE_DAYS * DAY_MS - HOUR_MS
    assert is_full(shard.take(data))
    shard.now += HOUR_MS
    assert isinstance(shard.take(data), Accepted)


def test_each_label_and_each_feed_has_room_of_its_own(shard: Shard) -> None:
    assert not any(is_full(shard.submit()) for _ in range(BOUND))
    assert is_full(shard.submit())
    assert not is_full(shard.submit(label=PROTECTED))
    assert not any(is_full(shard.submit(feed="analysis")) for _ in range(2 * BOUND))
    assert is_full(shard.submit(feed="analysis"))


def test_a_repeat_needs_no_room_and_what_is_refused_takes_none(shard: Shard) -> None:
    data = sign("event", head("fra", "main", "test:first"), event_body(), shard.key)
    shard.take(data)
    for _ in range(BOUND):
        assert isinstance(shard.submit("test:first", revision=1, label=PROTECTED), Rejected)
    assert not any(is_full(shard.submit()) for _ in range(BOUND - 1))
    assert is_full(shard.submit())
    assert isinstance(shard.take(data), Repeated)


def test_heartbeats_amendments_and_retractions_are_records_too(shard: Shard) -> None:
    for number in range(1, BOUND - 1):
        assert not is_full(shard.submit("beat", "heartbeat", {"interval_s": 60}, revision=number))
    assert not is_full(shard.submit("test:a"))
    assert not is_full(shard.submit("test:a", revision=2))
    named = {"kind": "event", "feed": "main", "id": "test:a", "up_to_revision": 2}
    body = {"retracts": [named], "reason": "ERROR", "note": None}
    assert is_full(shard.submit("test:r", "retraction", body))


def test_a_thiefs_records_leave_the_author_its_room(shard: Shard) -> None:
    assert not any(is_full(shard.submit()) for _ in range(BOUND))
    assert is_full(shard.submit())
    old, shard.key = shard.key, Office().keys["fra"]
    shard.now += 1
    keys = [key_entry(old, revoked_at=shard.now, compromised_since=NOW - HOUR_MS), key_entry(shard.key)]
    shard.control = after(CONTROL, SECOND.varied("fra", keys=keys).roster(), shard.now)
    assert not is_full(shard.submit())


def test_nothing_said_in_the_roster_is_the_default(shard: Shard) -> None:
    shard.control = after(CONTROL, SECOND.varied("fra", feeds=[feed("main")]).roster())
    verdict = shard.submit()
    assert isinstance(verdict, Accepted)
    # As if so many more had come: to send them takes minutes.
    used, hours = shard.memory._used, shard.memory._used._hours["main", RESTRICTED]
    hours[-1] = hours[-1]._replace(records=2 * OUTAGE_DAYS * DEFAULT_RECORDS_PER_DAY - 1)
    used._sums.clear()
    assert not is_full(shard.submit())
    assert is_full(shard.submit())


@pytest.mark.parametrize("seed", range(6))
def test_a_restart_changes_no_verdict_and_the_window_is_what_the_naive_count_says(seed: int) -> None:
    chance, shard, other = random.Random(seed), Shard(), Shard()
    accepted: list[tuple[str, int]] = []
    refused = 0
    for _ in range(160):
        shard.now += chance.choice((0, 1, HOUR_MS, 5 * HOUR_MS, 3 * DAY_MS if chance.random() < 0.1 else 0))
        label = chance.choice((RESTRICTED, RESTRICTED, PROTECTED))
        other.now = shard.now
        verdict = shard.submit(label=label)
        if chance.random() < 0.3:
            other.restart()
        assert is_full(other.submit(label=label)) == is_full(verdict)
        hour = shard.now // HOUR_MS
        recent = sum(1 for one, at in accepted if one == label and at // HOUR_MS > hour - OUTAGE_DAYS * 24)
        assert is_full(verdict) == (recent >= BOUND)
        refused += is_full(verdict)
        if not is_full(verdict):
            accepted.append((label, shard.now))
    assert refused > 0


def test_what_is_older_than_receipts_is_forgotten_by_whoever_runs_on_too(shard: Shard) -> None:
    for number in range(20):
        shard.submit(f"test:{number}", label=RESTRICTED if number % 2 else PROTECTED)
    shard.submit("test:x", body=event_body(replaces=[{"feed": "main", "id": "test:1"}]))
    shard.now += EVENTS_MS - DAY_MS
    shard.control = after(CONTROL, SECOND.varied().roster(expires_at=shard.now + 100 * DAY_MS))
    assert isinstance(shard.submit("test:0", revision=2, label=PROTECTED), Accepted)
    assert len(shard.memory._records) == 21
    shard.now += 2 * DAY_MS
    assert isinstance(shard.submit("test:2", label=PROTECTED), Accepted), "nobody knows the first one any more"
    assert set(shard.memory._records) == {("event", "main", "test:0"), ("event", "main", "test:2")}
    assert not shard.memory._covering
    assert set(shard.memory._sequences) == {("main", PROTECTED)}
    assert set(shard.memory._used._hours) == {("main", PROTECTED)}
    running, shard.memory = shard.memory, Memory()
    for receipt in shard.receipts:
        if receipt["accepted_at"] >= shard.now - EVENTS_MS:
            shard.memory.fold(receipt)
    shard.memory._forget(shard.now)
    assert set(shard.memory._records) == set(running._records)


def test_invented_labels_of_refused_records_are_not_remembered_without_end(shard: Shard) -> None:
    for number in range(1100):
        said = {"feed": "main", "label": f"label {number}", "sequence": 1, "key_id": "k", "accepted_at": NOW}
        shard.memory.fold({"verdict": "REJECTED", **said})
    assert len(shard.memory._sequences) == 1000


def test_the_commands_name_the_default_that_holds() -> None:
    reference = Path(__file__).resolve().parents[2] / "bus" / "reference.md"
    said = re.findall(r"--quota-records-per-day.*default: ([0-9,]+)", reference.read_text("utf-8"))
    assert set(said) == {f"{DEFAULT_RECORDS_PER_DAY:,}"}
