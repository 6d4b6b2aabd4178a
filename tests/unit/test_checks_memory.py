"""Check 9 of ingest: repeat, conflict, stale revision, changed label; retractions, replacements, thieves."""

from typing import Any

import pytest

from bus.errors import REMEDY, Reason
from bus.stages.checks import Accepted, Memory, Rejected, Repeated, Verdict, check
from bus.stages.checks.memory import HEARTBEATS_KEPT, Known, RecordKey
from bus.stages.control import Control
from bus.trust.roster import Trust
from tests.support.submissions import NOW, PROTECTED, RESTRICTED, Office, after, event_body, header, key_entry, sign

OFFICE = Office()
CONTROL = OFFICE.control()
OTHER = "COALITION SECRET//REL TO DEU, FRA"


class Shard:
    """fra's submissions, one after the other, a millisecond apart."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.control: Control = CONTROL
        self.now = NOW
        self.receipts: list[dict[str, Any]] = []
        self.key = OFFICE.keys["fra"]

    def submit(self, kind: str, record_id: str, body: dict[str, Any], **head: Any) -> Verdict:
        return self.take(sign(kind, header("fra", "main", record_id, **head), body, self.key))

    def take(self, data: bytes) -> Verdict:
        self.now += 1
        verdict = check(data, agency="fra", at=self.now, control=self.control, memory=self.memory)
        self.memory.fold(verdict.receipt)
        self.receipts.append(verdict.receipt)
        return verdict

    def event(self, record_id: str = "test:a", revision: int = 1, text: str = "", **head: Any) -> Verdict:
        replaces = [{"feed": "main", "id": name} for name in head.pop("replaces", ())]
        texts = [{"language": "en", "headline": text}] if text else []
        return self.submit("event", record_id, event_body(texts=texts, replaces=replaces), revision=revision, **head)

    def retract(self, record_id: str, up_to: int, kind: str = "event", name: str = "test:r", **head: Any) -> Verdict:
        target = {"kind": kind, "feed": "main", "id": record_id, "up_to_revision": up_to}
        body = {"retracts": [target], "reason": "ERROR", "note": None}
        return self.submit("retraction", name, body, **head)

    def taint(self, since: int) -> None:
        """The key was stolen at this time; a new one signs from here on."""
        old, self.key = self.key, Office().keys["fra"]
        keys = [key_entry(old, revoked_at=since, compromised_since=since), key_entry(self.key)]
        self.control = after(CONTROL, OFFICE.varied("fra", keys=keys).roster())


def outcome(verdict: Verdict) -> tuple[Reason, str] | None:
    if isinstance(verdict, Accepted):
        return None
    assert isinstance(verdict, Rejected), verdict
    assert verdict.refusal.remedy == REMEDY[verdict.refusal.reason]
    return verdict.refusal.reason, verdict.refusal.place


def first_at(verdict: Verdict) -> int:
    assert isinstance(verdict, Accepted), verdict
    return verdict.event.first_at - NOW


STALE = (Reason.STALE_REVISION, "header.revision")


@pytest.fixture
def shard() -> Shard:
    return Shard()


def test_a_repeat_gets_its_first_receipt_again(shard: Shard) -> None:
    data = sign("event", header("fra", "main", "test:a", sequence=3), event_body(), shard.key)
    first = shard.take(data)
    assert isinstance(first, Accepted)
    shard.event("test:b")
    again = shard.take(data)
    assert isinstance(again, Repeated)
    assert again.receipt == first.receipt
    assert again.receipt["accepted_at"] == NOW + 1


def test_a_repeat_of_an_amended_record_is_a_repeat_and_one_signed_anew_too(shard: Shard) -> None:
    shard.event(text="one")
    shard.event(revision=2, text="two")
    assert isinstance(shard.event(text="one"), Repeated)
    assert isinstance(shard.event(revision=2, text="two"), Repeated)


def test_another_body_under_the_same_revision_is_a_conflict(shard: Shard) -> None:
    shard.event(text="one")
    assert outcome(shard.event(text="two")) == (Reason.ID_CONFLICT, "header.revision")
    shard.event(revision=3)
    assert outcome(shard.event(text="three")) == (Reason.ID_CONFLICT, "header.revision")


def test_ids_of_other_kinds_and_feeds_are_others(shard: Shard) -> None:
    shard.event()
    refs = [{"agency": "fra", "feed": "main", "id": x} for x in ("test:a", "test:b")]
    link = {"relation": "RELATED", "events": refs, "note": None}
    assert outcome(shard.submit("link", "test:a", link)) is None
    assert outcome(shard.take(OFFICE.event(feed="analysis"))) is None


def test_a_revision_below_the_latest_is_stale_and_a_gap_is_none(shard: Shard) -> None:
    shard.event(revision=3)
    assert outcome(shard.event(revision=2)) == STALE
    assert outcome(shard.event(revision=7)) is None


def test_an_amendment_keeps_its_label(shard: Shard) -> None:
    shard.event()
    assert outcome(shard.event(revision=2, label=OTHER)) == (Reason.LABEL_CHANGED, "header.label")
    assert outcome(shard.event(revision=3)) is None


def test_what_a_retraction_covers_is_stale_before_and_after_it_arrives(shard: Shard) -> None:
    shard.retract("test:a", 2)
    assert outcome(shard.event(revision=2)) == STALE
    assert outcome(shard.event(revision=3)) is None
    shard.retract("test:a", 5, name="test:r2")
    assert outcome(shard.event(revision=5, text="five")) == STALE
    assert outcome(shard.event(revision=6)) is None


def test_a_retraction_acts_under_exactly_the_records_label(shard: Shard) -> None:
    shard.event()
    assert outcome(shard.retract("test:a", 1, label=OTHER)) == (Reason.BAD_FIELD, "body.retracts[0]")
    assert outcome(shard.retract("test:later", 9, label=OTHER, name="test:r2")) is None
    assert outcome(shard.event("test:later")) is None


def test_an_amended_retraction_counts_as_it_stands_now(shard: Shard) -> None:
    shard.retract("test:a", 9)
    shard.retract("test:b", 9, revision=2)
    assert outcome(shard.event("test:a")) is None
    assert outcome(shard.event("test:b")) == STALE


def test_a_link_is_retracted_like_an_event(shard: Shard) -> None:
    refs = [{"agency": "fra", "feed": "main", "id": x} for x in ("test:a", "test:b")]
    link = {"relation": "RELATED", "events": refs, "note": None}
    shard.retract("test:l", 1, kind="link")
    assert outcome(shard.submit("link", "test:l", link)) == STALE
    assert outcome(shard.submit("link", "test:l", link, revision=2)) is None


def test_what_is_replaced_is_stale_in_every_revision_while_the_replacement_stands(shard: Shard) -> None:
    shard.event("test:b", replaces=["test:a"])
    assert outcome(shard.event("test:a")) == STALE
    assert outcome(shard.event("test:a", revision=10**6)) == STALE
    assert outcome(shard.event("test:a", label=OTHER)) is None, "a replacement acts under its own label only"
    shard.event("test:b", revision=2)
    assert outcome(shard.event("test:c", replaces=["test:d"])) is None
    shard.retract("test:c", 1)
    assert outcome(shard.event("test:d")) is None, "a retracted event replaces nothing"


def test_an_amendment_that_replaces_no_more_gives_the_place_back(shard: Shard) -> None:
    shard.event("test:b", replaces=["test:a"])
    shard.event("test:b", revision=2)
    assert outcome(shard.event("test:a")) is None


def test_first_at_is_of_the_earliest_revision_that_no_earlier_retraction_covers(shard: Shard) -> None:
    assert first_at(shard.event()) == 1
    assert first_at(shard.event(revision=2)) == 1
    shard.retract("test:a", 1)
    assert first_at(shard.event(revision=3)) == 2
    shard.retract("test:a", 3, name="test:r2")
    assert first_at(shard.event(revision=4)) == 6
    assert first_at(shard.event(revision=5)) == 6


def test_what_a_thief_signed_counts_for_nothing(shard: Shard) -> None:
    shard.event(text="mine")
    shard.event(revision=10**6, text="stolen")
    shard.retract("test:a", 10**6)
    shard.event("test:b", replaces=["test:c"])
    shard.event("test:d", label=PROTECTED)
    shard.taint(NOW + 2)
    assert first_at(shard.event(revision=2)) == 1
    assert outcome(shard.event(text="other")) == (Reason.ID_CONFLICT, "header.revision")
    assert outcome(shard.event("test:c")) is None
    assert outcome(shard.event("test:d", label=RESTRICTED)) is None
    assert outcome(shard.event(revision=10**6, text="stolen")) is None, "the author signs it anew with a good key"


def test_heartbeats_are_remembered_as_far_as_a_repeat_can_reach(shard: Shard) -> None:
    for revision in range(1, HEARTBEATS_KEPT + 3):
        assert outcome(shard.submit("heartbeat", "test:beat", {"interval_s": 60}, revision=revision)) is None
    again = shard.submit("heartbeat", "test:beat", {"interval_s": 60}, revision=HEARTBEATS_KEPT)
    assert isinstance(again, Repeated)
    assert outcome(shard.submit("heartbeat", "test:beat", {"interval_s": 60}, revision=1)) == STALE


def test_missing_numbers_are_an_alarm_and_refused_submissions_are_not_missing(shard: Shard) -> None:
    def gap(record_id: str, sequence: int, **head: Any) -> bool:
        verdict = shard.event(record_id, sequence=sequence, **head)
        assert isinstance(verdict, Accepted)
        return verdict.has_gap

    assert not gap("test:a", 1)
    assert outcome(shard.event("test:b", sequence=2, expires_at=NOW)) == (Reason.EXPIRED, "header.expires_at")
    assert not gap("test:c", 3)
    assert gap("test:d", 5)
    assert not gap("test:e", 4)
    assert not gap("test:f", 1, label=OTHER)


def test_no_wild_number_ends_the_alarm_for_good(shard: Shard) -> None:
    def gap(record_id: str, sequence: int) -> bool:
        verdict = shard.event(record_id, sequence=sequence)
        assert isinstance(verdict, Accepted)
        return verdict.has_gap

    assert not gap("test:a", 1)
    refused = shard.event("test:b", sequence=2**63 - 1, expires_at=NOW)
    assert outcome(refused) == (Reason.EXPIRED, "header.expires_at")
    assert gap("test:c", 3), "a refused record's number counts only as the next one"
    stolen_since = shard.now + 1
    assert gap("test:d", 2**63 - 1)
    shard.taint(stolen_since)
    assert gap("test:e", 5), "a thief's number counts no more"
    assert not gap("test:f", 6)
    assert gap("test:g", 8)


def test_many_retractions_of_one_record_cost_its_revisions_no_time(
    shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(200):
        assert outcome(shard.retract("test:a", 1 + number % 50, name=f"test:r{number}")) is None
    looked: list[str] = []
    standing = Memory._standing

    def watched(memory: Memory, key: RecordKey, trust: Trust) -> Known | None:
        looked.append(key[2])
        return standing(memory, key, trust)

    monkeypatch.setattr(Memory, "_standing", watched)
    assert outcome(shard.event(revision=50)) == STALE
    assert outcome(shard.event(revision=51)) is None
    assert len(looked) < 10
    monkeypatch.undo()
    shard.retract("test:a", 60, name="test:r49", revision=2)
    assert outcome(shard.event(revision=60)) == STALE
    shard.retract("test:a", 55, name="test:r49", revision=3)
    assert outcome(shard.event(revision=60)) is None, "an amended retraction counts as it stands"


def test_a_memory_from_the_receipts_judges_as_the_one_that_never_forgot(shard: Shard) -> None:
    shard.event(text="one")
    shard.event("test:b", replaces=["test:c"])
    shard.retract("test:a", 4)
    shard.event(text="two")
    again = Memory()
    for receipt in [*shard.receipts, *shard.receipts]:
        again.fold(receipt)
    again._forget(shard.now)  # as it will when it is first asked
    assert vars(again) == vars(shard.memory)


@pytest.mark.parametrize("many", [1, 100])
def test_a_record_of_many_revisions_is_judged_as_one_of_few(many: int) -> None:
    shard = Shard()
    assert all(isinstance(shard.event(revision=2 * n), Accepted) for n in range(1, many + 1))
    assert isinstance(shard.event(revision=2), Repeated)
    assert outcome(shard.event(revision=2, text="x")) == (Reason.ID_CONFLICT, "header.revision")
    assert outcome(shard.event(revision=1)) == (Reason.STALE_REVISION, "header.revision")
    stolen_since = shard.now + 1
    assert all(isinstance(shard.event(revision=1000 + n), Accepted) for n in range(many))
    shard.taint(stolen_since)
    assert isinstance(shard.event(revision=2 * many), Repeated)
    for more in (1, 2):
        verdict = shard.event(revision=2 * many + more)
        assert isinstance(verdict, Accepted)
        assert verdict.event.first_at == NOW + 1
    assert isinstance(shard.event(revision=2 * many + 1), Repeated)
    assert outcome(shard.event(revision=2 * many + 1, text="x")) == (Reason.ID_CONFLICT, "header.revision")
