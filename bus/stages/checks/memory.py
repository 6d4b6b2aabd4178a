"""What check 9 remembers of an agency: a pure fold over the receipts that it was given.

So a shard that restarts reads `receipts.<agency>` and knows what it knew, as far back as receipts are kept (460 days,
bus/log/topics.py); a shard that runs on forgets what is older, so that both answer alike, and its memory, some 0.5 kB a
record, is bounded by time and quota. Of each record (kind, feed, id) it keeps the accepted revisions; a revision whose
key is compromised counts for nothing, so that a thief's revision 10⁶ does not lock the author out. The verdicts, in
their order:

the same digest again is a repeat · another body under the same revision is ID_CONFLICT · a revision below the latest,
or under a retraction or replacement with exactly its label, is STALE_REVISION · another label than before is
LABEL_CHANGED.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from itertools import takewhile
from operator import attrgetter
from sys import intern
from typing import Any, Final, NamedTuple, TypeAlias

from bus.errors import Reason, Refusal, refuse
from bus.log.topics import EVENTS_MS
from bus.stages.checks.quota import Used
from bus.trust.roster import Trust
from bus.units import HOUR_MS

RecordKey: TypeAlias = tuple[str, str, str]
"""(kind, feed, id): unique within an agency."""
Covers: TypeAlias = tuple[tuple[RecordKey, int | None], ...]
"""What a record takes away, each up to a revision (None: all)."""

_FEW: Final = 64
"""Revisions that are looked through faster than they are remembered anew."""
_ALL: Final = 2**63
"""Above every revision."""
HEARTBEATS_KEPT: Final = 64
"""Of a heartbeat only the latest: one a minute over the 460 days that receipts live would be 660,000 revisions."""
_LINES: Final = 1_000
"""Feeds and labels of refused records: authors choose labels, and may invent them without end."""


class Known(NamedTuple):
    """One accepted revision: what its receipt says."""

    revision: int
    digest: bytes
    label: str
    key_id: str
    accepted_at: int
    first_at: int
    sequence: int
    covers: Covers


_REVISION: Final = attrgetter("revision")
_ACCEPTED_AT: Final = attrgetter("accepted_at")


class Candidate(NamedTuple):
    """A submission that passed checks 1 to 8. `at`: append time, UTC ms."""

    kind: str
    feed: str
    id: str
    revision: int
    digest: bytes
    label: str
    key_id: str
    at: int
    sequence: int
    covers: Covers

    @property
    def key(self) -> RecordKey:
        """The record that it is a revision of."""
        return self.kind, self.feed, self.id


class Memory:
    """All that one agency had accepted."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._records: dict[RecordKey, list[Known]] = {}
        """Those whose latest revision was accepted first come first."""
        self._long: dict[RecordKey, list[Known]] = {}
        """What counts under `_trust` of the records with many revisions, so that one more costs the others no time."""
        self._trust: Trust | None = None
        self._covering: dict[tuple[RecordKey, str], list[tuple[int, RecordKey]]] = {}
        """By what is covered and under which label: what covers it, and up to which revision at most; ascending."""
        self._sequences: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
        """Of a feed and label, each key's highest number, and when it was judged (UTC ms); in the order of use."""
        self._used = Used()
        self._swept = 0
        """In which hour (since 1970) it was last forgotten what is too old."""

    def used(self, feed: str, label: str, at: int, trust: Trust) -> int:
        """How many records of this label were accepted lately, for the quota."""
        return self._used.within((feed, label), at, trust)

    def judge(self, new: Candidate, trust: Trust) -> Known | int | Refusal:
        """Check 9: what was accepted before (a repeat), `first_at` of what is new, or a refusal."""
        self._forget(new.at)
        counting = self._counting(new.key, trust)
        place = bisect_left(counting, new.revision, key=_REVISION)
        if place < len(counting):
            known = counting[place]
            if known.digest == new.digest:
                return known
            if known.revision == new.revision:
                return refuse(Reason.ID_CONFLICT, "header.revision", "a revision that has no other body yet")
            return refuse(Reason.STALE_REVISION, "header.revision", "a revision above the latest")
        covered = self._covered(new.key, new.label, trust)
        if new.revision <= covered:
            expected = "a revision that neither a retraction nor a replacing event covers"
            return refuse(Reason.STALE_REVISION, "header.revision", expected)
        if counting and counting[0].label != new.label:
            return refuse(Reason.LABEL_CHANGED, "header.label", "the label of the first revision")
        first = bisect_right(counting, covered, key=_REVISION)
        return self._judge_covers(new, trust) or (counting[first].accepted_at if first < len(counting) else new.at)

    def fold(self, receipt: Mapping[str, Any]) -> None:
        """Take in one receipt, a decoded one or one about to be written; a repeat's changes nothing."""
        feed, label, sequence = receipt["feed"], receipt["label"], receipt["sequence"]
        is_accepted = receipt["verdict"] == "ACCEPTED"
        if sequence is not None and label is not None:
            self._count((feed, label), receipt["key_id"], (sequence, receipt["accepted_at"]), is_accepted=is_accepted)
        if not is_accepted:
            return
        known = Known(
            receipt["revision"],
            bytes.fromhex(receipt["digest"]),
            intern(label),
            intern(receipt["key_id"]),
            receipt["accepted_at"],
            receipt["first_at"],
            sequence,
            tuple([((c["kind"], c["feed"], c["id"]), c["up_to_revision"]) for c in receipt["covers"]]),
        )
        self._keep((intern(receipt["kind"]), intern(feed), receipt["id"]), known)

    def has_gap(self, feed: str, label: str, sequence: int, trust: Trust) -> bool:
        """Whether numbers are missing before this one: an alarm, never a refusal. A thief's numbers do not count."""
        tops = self._sequences.get((feed, label), {})
        return sequence > 1 + max(
            (top for key_id, (top, at) in tops.items() if not trust.is_tainted(key_id, at)), default=0
        )

    def _count(self, of: tuple[str, str], key_id: str, number: tuple[int, int], *, is_accepted: bool) -> None:
        """A refused record's number is not missing either, but only the next one: a wild one would end the alarm."""
        if not is_accepted and of not in self._sequences and len(self._sequences) >= _LINES:
            return
        tops = self._sequences[of] = self._sequences.pop(of, {})
        if is_accepted:
            tops[key_id] = max(number, tops.get(key_id, number))
        elif number[0] == 1 + max((top for top, _ in tops.values()), default=0):
            tops[key_id] = number

    def _keep(self, key: RecordKey, known: Known) -> None:
        kept = self._records.get(key, [])
        at = bisect_left(kept, known.accepted_at, key=_ACCEPTED_AT)
        if any(kept[place] == known for place in range(at, len(kept))):
            return
        self._records.pop(key, None)
        self._records[key] = kept
        self._used.count((key[1], known.label), known.key_id, known.accepted_at)
        kept.append(known)
        if key in self._long and not (self._trust is None or self._trust.is_tainted(known.key_id, known.accepted_at)):
            self._long[key].append(known)
        if key[0] == "heartbeat" and len(kept) > HEARTBEATS_KEPT:
            del kept[0]
        for covered, up_to in known.covers:
            entry, entries = (
                (_ALL if up_to is None else up_to, key),
                self._covering.setdefault((covered, known.label), []),
            )
            place = bisect_left(entries, entry)
            if entries[place : place + 1] != [entry]:
                entries.insert(place, entry)

    def _forget(self, at: int) -> None:
        """Once an hour, let go of records that were last revised before receipts are kept, and of unused numbers."""
        hour = at // HOUR_MS
        if hour == self._swept:
            return
        self._swept, until = hour, hour * HOUR_MS - EVENTS_MS
        for key in list(takewhile(lambda key: self._records[key][-1].accepted_at < until, self._records)):
            kept = self._records.pop(key)
            self._long.pop(key, None)
            for covered, label in {(covered, known.label) for known in kept for covered, _ in known.covers}:
                entries = [one for one in self._covering.pop((covered, label), ()) if one[1] != key]
                if entries:
                    self._covering[covered, label] = entries
        for of in list(takewhile(lambda of: self._last(of) < until, self._sequences)):
            del self._sequences[of]

    def _last(self, of: tuple[str, str]) -> int:
        return max((at for _, at in self._sequences[of].values()), default=0)

    def _counting(self, key: RecordKey, trust: Trust) -> list[Known]:
        """The record's revisions whose keys were not compromised when they were accepted, in ascending order.

        For what counts now did so when a later one was accepted, and the later one had to be higher.
        """
        kept = self._records.get(key, [])
        if len(kept) <= _FEW:
            return _untainted(kept, trust)
        if trust is not self._trust:
            self._trust = trust
            self._long.clear()
        if key not in self._long:
            self._long[key] = _untainted(kept, trust)
        return self._long[key]

    def _covered(self, key: RecordKey, label: str, trust: Trust) -> int:
        """The revision up to which retractions and replacing events of this label take the record away, 0 for none."""
        covered = 0
        for at_most, other in reversed(self._covering.get((key, label), ())):
            if at_most <= covered:
                break
            top = self._standing(other, trust)
            if top is not None and top.label == label:
                covered = max(covered, _reach(top, key))
        return covered

    def _standing(self, key: RecordKey, trust: Trust) -> Known | None:
        """The record's latest revision that counts and is not itself retracted."""
        counting = self._counting(key, trust)
        top = counting[-1] if counting else None
        if top is None or key[0] == "retraction":
            return top
        return None if self._is_retracted(key, top, trust) else top

    def _is_retracted(self, key: RecordKey, top: Known, trust: Trust) -> bool:
        """Retractions can't be retracted themselves, so this ends."""
        for at_most, other in reversed(self._covering.get((key, top.label), ())):
            if at_most < top.revision:
                break
            said = self._standing(other, trust) if other[0] == "retraction" else None
            if said is not None and said.label == top.label and _reach(said, key) >= top.revision:
                return True
        return False

    def _judge_covers(self, new: Candidate, trust: Trust) -> Refusal | None:
        """A retraction acts under exactly the record's label only: one that would do nothing is refused."""
        if new.kind != "retraction":
            return None
        for number, (named, _) in enumerate(new.covers):
            known = self._counting(named, trust)
            if known and known[0].label != new.label:
                return refuse(Reason.BAD_FIELD, f"body.retracts[{number}]", "a record of exactly this label")
        return None


def _untainted(kept: list[Known], trust: Trust) -> list[Known]:
    return [one for one in kept if not trust.is_tainted(one.key_id, one.accepted_at)]


def _reach(known: Known, key: RecordKey) -> int:
    """The revision up to which one record takes another away; 0 where it does not name it."""
    return max((_ALL if up_to is None else up_to for named, up_to in known.covers if named == key), default=0)
