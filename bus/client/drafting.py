"""Steps 2 and 3 of a publish: from a draft to signed bytes in the spool, or to the reason why there are none.

A draft can take others away. An adapter, which remembers nothing, names them by their source's ids: a `retraction`
draft in `retracts` (no feed, no revision), an event in `replaces`. Here they become what the agency has published in
that feed and realm, each under its own label; what comes later under such an id is not sent any more. So the end of an
alert reaches whoever had it and nobody else, in whichever order the two files come. Where several authors speak in one
feed, a draft names its party, and acts on records of this party alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bus.client.changes import content_of, next_revision, nothing_to_send, own_id, refused
from bus.client.memory import Memory, Remembered, Taker, source_of
from bus.client.publication import Act, Draft, Line, Outcome
from bus.client.sealing import Sealer, Terms
from bus.errors import Reason, Refusal, refuse
from bus.labels import Label
from bus.labels.spelling import REAL, Parts, read
from schemas.models import RetractionReason, Status, Value

MOST_REPLACED: Final = 64
"""As many as one event may name; what more it replaces gets a retraction."""
_OWN: Final = "a record of the same sender; another's stays as it is"
_APART: Final = "Publish each sender into a feed of its own: ids, and what is taken away by them, are each feed's own."


class Drafting:
    """One agency's, with its memory. Every method belongs into the caller's transaction."""

    def __init__(self, memory: Memory, sealer: Sealer) -> None:
        """Remember here, and sign so."""
        self._memory = memory
        self._sealer = sealer

    def take(self, draft: Draft, terms: Terms | Refusal) -> Iterator[Line]:
        """What becomes of a draft; of one that takes others away, also what becomes of each of these."""
        if isinstance(terms, Refusal):
            yield refused(draft, terms)
        elif draft.kind == "retraction" and not isinstance(draft, Act):
            yield from self._cancel(draft, terms)
        elif self._is_taken(draft, terms):
            yield Line(draft.kind, draft.id, Outcome.WITHDRAWN)
        elif draft.replaces:
            yield from self._replace(draft, terms)
        else:
            yield self.sign(draft, terms)

    def sign(self, draft: Draft, terms: Terms, body: Value | Mapping[str, object] | None = None) -> Line:
        """One record, which takes nothing away; `body` is what is signed, where that is more than the draft says."""
        said = self._sealer.body(draft)
        signed = said if body is None else self._sealer.body(Act(draft.kind, draft.id, draft.status, body))
        if isinstance(said, Refusal) or isinstance(signed, Refusal):
            return refused(draft, said if isinstance(said, Refusal) else signed)  # type: ignore[arg-type]
        content = content_of(draft, terms, said)
        place = (terms.feed, draft.kind, draft.id)
        known = self._memory.get(*place)
        if known is not None and not known.is_of(draft.party):
            return refused(draft, _another_partys("an id that no other sender of this feed has"))
        party = draft.party or (None if known is None else known.party)
        if known is not None:
            was_so = self._memory.is_earlier(*place, content)
            unsent = nothing_to_send(draft, known, terms, content, was_so=was_so)
            if unsent is not None:
                if known.content == content and known.party != party:
                    self._memory.put(*place, known._replace(party=party))
                return unsent
        revision = next_revision(known)
        sequence = self._memory.last_sequence(terms.feed, terms.label.text) + 1
        envelope = self._sealer.seal(draft, signed, terms, revision, sequence)
        if isinstance(envelope, Refusal):
            return refused(draft, envelope)
        record = Remembered(terms.label.text, revision, envelope.digest, content, draft.modified_at, party=party)
        if known is not None:
            record = record._replace(withdrawn=known.withdrawn, accepted=known.accepted)
            if known.content not in (None, content) and not terms.always:
                self._memory.outdate(*place, known.content)
        self._memory.put(*place, record)
        self._memory.count(terms.feed, terms.label.text, sequence)
        self._memory.spool(terms.feed, envelope.encode())
        outcome = Outcome.NEW if revision == 1 else Outcome.AMENDED
        return Line(draft.kind, draft.id, outcome, revision, envelope.digest.hex())

    def retract(  # noqa: PLR0913 - a retraction's fields
        self, kind: str, feed: str, record_id: str, *, reason: RetractionReason | str, note: str | None, now: int
    ) -> Line:
        """Withdraw one own record up to its latest revision, under exactly its label."""
        known = self._memory.get(feed, kind, record_id)
        parts = None if known is None else read(known.label)
        if known is None or parts is None or isinstance(parts, Refusal):
            expected = "a record that this agency has published in this feed"
            return Line(kind, record_id, Outcome.REFUSED, refusal=refuse(Reason.BAD_FIELD, "retracts.id", expected))
        body: dict[str, object] = {
            "retracts": [{"kind": kind, "feed": feed, "id": record_id, "up_to_revision": known.revision}],
            "reason": reason,
            "note": note,
        }
        # The label is part of the id: a retraction keeps its label for good, and the record has it only from its first
        # accepted revision on.
        record = Act("retraction", own_id("retraction", kind, feed, record_id, known.label), Status.ACTUAL, body)
        terms = self._sealer.terms(feed, Label.of(parts), Status.ACTUAL, None, now)
        line = refused(record, terms) if isinstance(terms, Refusal) else self.sign(record, terms)
        if line.outcome is not Outcome.REFUSED:
            self._memory.put(feed, kind, record_id, known._replace(withdrawn=known.revision))
        return line

    def _is_taken(self, draft: Draft, terms: Terms) -> bool:
        """Whether another draft has taken this one's source away; reinstating ends that."""
        if draft.kind != "event":
            return False
        for source in (_in_realm(each, terms) for each in {draft.id, source_of(draft.id)}):
            taker = self._memory.taker(terms.feed, source, draft.party)
            if taker is not None and not taker.lifted:
                if not terms.reinstate:
                    return True
                self._memory.lift(terms.feed, source, draft.party)
        return False

    def _cancel(self, draft: Draft, terms: Terms) -> Iterator[Line]:
        """A retraction draft of an adapter: of whatever became of the source ids that it names."""
        named = _named(draft.body)
        if named is None:
            yield refused(draft, refuse(Reason.BAD_FIELD, "body.retracts", "kind and source id of one record or more"))
            return
        given = draft.body if isinstance(draft.body, Mapping) else {}
        note = given.get("note")
        said = f"{draft.id}: {note}" if note else draft.id
        for source in named:
            before = self._memory.taker(terms.feed, _in_realm(source, terms), draft.party)
            if before == Taker(draft.id, lifted=True):
                yield Line("retraction", source, Outcome.UNCHANGED)  # its author has reinstated what it took
                continue
            found = [record_id for record_id, _ in self._standing(source, draft, terms)]
            if not found and self._is_anothers(source, draft, terms):
                yield Line("retraction", source, Outcome.REFUSED, refusal=_another_partys(_OWN))
                continue
            self._memory.take(terms.feed, _in_realm(source, terms), draft.party, draft.id)
            for record_id in found:
                line = self.retract(
                    "event", terms.feed, record_id, reason=str(given.get("reason")), note=said[:1000], now=terms.now
                )
                yield line._replace(id=record_id)
            if not found:
                yield Line("retraction", source, Outcome.AWAITED if before is None else Outcome.UNCHANGED)

    def _replace(self, draft: Draft, terms: Terms) -> Iterator[Line]:
        """An event that takes others' place: those of its own label in its `replaces`, the others by a retraction."""
        anothers = [one for one in draft.replaces if self._is_anothers(one, draft, terms)]
        for source in anothers:
            yield Line("event", source, Outcome.REFUSED, refusal=_another_partys(_OWN))
        same, others = self._replaced(draft, terms)
        body = draft.body.model_dump() if isinstance(draft.body, Value) else draft.body
        replaces = [{"feed": terms.feed, "id": one} for one in same[:MOST_REPLACED]]
        line = self.sign(draft, terms, {**body, "replaces": replaces})
        yield line
        if line.outcome not in (Outcome.NEW, Outcome.AMENDED):
            return
        for source in draft.replaces:
            if source not in anothers:
                self._memory.take(terms.feed, _in_realm(source, terms), draft.party, draft.id)
        for one in same[:MOST_REPLACED]:
            known = self._memory.get(terms.feed, "event", one)
            if known is not None:
                self._memory.put(terms.feed, "event", one, known._replace(withdrawn=known.revision))
        for one in (*others, *same[MOST_REPLACED:]):
            line = self.retract("event", terms.feed, one, reason="SUPERSEDED", note=draft.id, now=terms.now)
            yield line._replace(id=one)

    def _replaced(self, draft: Draft, terms: Terms) -> tuple[list[str], list[str]]:
        """Whose place a draft takes: the records of its own label, and those of another."""
        same, others = [], []
        for source in draft.replaces:
            found = self._standing(source, draft, terms)
            same += [record_id for record_id, known in found if known.label == terms.label.text]
            others += [record_id for record_id, known in found if known.label != terms.label.text]
            known = self._memory.get(terms.feed, "event", source)
            if known is None and draft.party is None:
                same.append(source)  # it may be with the bus all the same, if this memory is not the first
            elif known is not None and source not in others and _is_touched(known, draft, terms):
                same.append(source)
        return [one for one in dict.fromkeys(same) if one != draft.id], [one for one in others if one != draft.id]

    def _standing(self, source: str, draft: Draft, terms: Terms) -> list[tuple[str, Remembered]]:
        """What became of a source id of the draft's party, and stands, in the realm of these terms."""
        return [
            (record_id, known)
            for record_id, known in self._memory.under(terms.feed, "event", source)
            if _is_touched(known, draft, terms) and known.withdrawn < known.revision
        ]

    def _is_anothers(self, source: str, draft: Draft, terms: Terms) -> bool:
        """Whether what was published under a source id is another party's than the draft's."""
        known = self._memory.get(terms.feed, "event", source)
        return known is not None and _is_of_realm(known, terms) and not known.is_of(draft.party)


def _another_partys(expected: str) -> Refusal:
    return Refusal(Reason.ID_CONFLICT, "party", expected, _APART)


def _is_touched(known: Remembered, draft: Draft, terms: Terms) -> bool:
    return _is_of_realm(known, terms) and known.is_of(draft.party)


def _is_of_realm(known: Remembered, terms: Terms) -> bool:
    parts = read(known.label)
    return isinstance(parts, Parts) and parts.realm == terms.label.realm


def _in_realm(source: str, terms: Terms) -> str:
    """The name under which it is remembered who took a source: what an exercise takes away stays in the real world."""
    return source if terms.label.realm == REAL else f"{source}//{terms.label.realm}"


def _named(body: Any) -> list[str] | None:  # noqa: ANN401 - an adapter's, which nobody has checked
    """The source ids of the events that a retraction draft takes away; None where it is none."""
    retracts = body.get("retracts") if isinstance(body, Mapping) else None
    if not isinstance(retracts, list | tuple) or not retracts:
        return None
    events = [one for one in retracts if isinstance(one, Mapping) and one.get("kind", "event") == "event"]
    found = [one["id"] for one in events if isinstance(one.get("id"), str)]
    return found if len(found) == len(retracts) else None
