"""An agency's publisher: drafts become signed records in the agency's submissions, each change once.

One publish, in numbered steps:

1. resume: what an interrupted publisher left in the spool goes to the log; receipts say what the bus made of earlier
records. 2. prepare each draft: nothing where its content is unchanged, older or withdrawn; else header, encoding,
signature. 3. store the signed bytes with what is remembered of them, in one transaction, durable. 4. append them to the
log. 5. take them out of the spool.

A crash between 3 and 5 sends the same bytes again in step 1 of the next publish; ingest knows them by their digest.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bus.client.memory import Memory, Remembered
from bus.client.publication import Act, Draft, Line, Outcome, Publication
from bus.client.receipts import read_receipts
from bus.client.sealing import Sealer, Terms
from bus.clock import now_ms
from bus.errors import Reason, Refusal, refuse
from bus.labels import Label, Policy
from bus.labels.spelling import read
from bus.log.protocol import Log, NewRecord
from bus.log.topics import topic
from bus.trust.keys import SigningKey
from schemas.models import EventRef, Relation, RetractionReason, Status

BATCH_RECORDS: Final = 500
_TAKEN: Final = frozenset({Reason.ID_CONFLICT, Reason.STALE_REVISION})
"""After these refusals the number of the revision is not free; after all others the bus holds no such revision."""


class Publisher:
    """Publishes for one agency with one key.

    Not for several threads; a second process waits, then fails with advice.
    """

    def __init__(  # noqa: PLR0913 - what a publisher is made of
        self,
        log: Log,
        agency: str,
        key: SigningKey,
        database: Path,
        policies: Mapping[str, Policy],
        *,
        default_labels: Mapping[str, str] = MappingProxyType({}),
        clock_ms: Callable[[], int] = now_ms,
        batch_records: int = BATCH_RECORDS,
    ) -> None:
        """Open the publisher's memory at `database`; nothing is sent yet."""
        self._log = log
        self._agency = agency
        self._submissions = topic("submissions", agency)
        self._clock_ms = clock_ms
        self._batch = batch_records
        self._sealer = Sealer(agency, key, policies, default_labels)
        self.memory = Memory(database)

    def publish(  # noqa: PLR0913 - what an adapter does not know of its drafts
        self,
        drafts: Iterable[Draft],
        feed: str,
        label: Label | str | None = None,
        *,
        exercise: str | None = None,
        expires_at: int | None = None,
        reinstate: bool = False,
    ) -> Publication:
        """Sign and submit what is new or changed.

        `label` may hold groups and leave out its release: both are resolved now; None: the feed's default label. With
        `exercise` all drafts are of that exercise. A record that was retracted stays so while its content does not
        change, unless `reinstate`.
        """
        self.resume()
        done = Publication()
        source = iter(drafts)
        while chunk := list(islice(source, self._batch)):
            now = self._clock_ms()
            known: dict[str, Terms | Refusal] = {}
            with self.memory.transaction():
                for draft in chunk:
                    if draft.status not in known:
                        known[draft.status] = self._sealer.terms(feed, label, draft.status, exercise, now)
                    terms = known[draft.status]
                    if not isinstance(terms, Refusal):
                        terms = terms._replace(expires_at=expires_at, reinstate=reinstate)
                    done.lines.append(self._take(draft, terms))
            self._flush()
        return done

    def terms(
        self, feed: str, label: str | None = None, status: Status | str = Status.ACTUAL, exercise: str | None = None
    ) -> Terms | Refusal:
        """Under what label and realm `publish` would send a draft of this status now; nothing is sent."""
        return self._sealer.terms(feed, label, status, exercise, self._clock_ms())

    def retract(
        self, kind: str, feed: str, ids: Sequence[str], reason: RetractionReason | str, note: str | None = None
    ) -> Publication:
        """Withdraw own records (`event` or `link`) up to their latest revision, each under exactly its label."""
        self.resume()
        now = self._clock_ms()
        done = Publication()
        with self.memory.transaction():
            done.lines.extend(
                self._retract(kind, feed, record_id, reason=reason, note=note, now=now) for record_id in ids
            )
        self._flush()
        return done

    def link(
        self,
        relation: Relation | str,
        events: Sequence[EventRef],
        feed: str,
        label: Label | str | None = None,
        note: str | None = None,
    ) -> Publication:
        """Say that events are the same, different, related, or versions of one report.

        The same link again sends nothing.
        """
        refs = sorted({(ref.agency, ref.feed, ref.id) for ref in events})
        body: dict[str, object] = {
            "relation": relation,
            "events": [{"agency": agency, "feed": of, "id": record_id} for agency, of, record_id in refs],
            "note": note,
        }
        record_id = _own_id("link", str(relation), *("/".join(ref) for ref in refs))
        return self.publish([Act("link", record_id, Status.ACTUAL, body)], feed, label)

    def heartbeat(self, feed: str, interval_s: int, label: Label | str | None = None) -> Publication:
        """Show that the feed is alive.

        The next sign is due within `interval_s`. Each is a revision of one record per label.
        """
        self.resume()
        now = self._clock_ms()
        terms = self._sealer.terms(feed, label, Status.ACTUAL, None, now)
        named = terms.label.text if isinstance(terms, Terms) else ""
        record = Act("heartbeat", _own_id("heartbeat", named), Status.ACTUAL, {"interval_s": interval_s})
        with self.memory.transaction():
            line = self._take(record, terms if isinstance(terms, Refusal) else terms._replace(always=True))
        self._flush()
        return Publication([line])

    def resume(self) -> None:
        """Finish what was interrupted, and take in what the bus said of earlier records."""
        self._flush()
        self.settle()

    def settle(self) -> None:
        """Read the agency's receipts: a record that the bus refused is sent again when it is next published."""
        source = topic("receipts", self._agency)
        start = self.memory.cursor(source)
        following = start
        with self.memory.transaction():
            for offset, receipt in read_receipts(self._log, self._agency, start):
                self.memory.settle(receipt)
                following = offset + 1
            if following > start:
                self.memory.move(source, following)

    def close(self) -> None:
        """Let go of the publisher's memory; the log is the caller's."""
        self.memory.close()

    def _take(self, draft: Draft, terms: Terms | Refusal) -> Line:
        """Steps 2 and 3 of one draft, inside the caller's transaction."""
        if isinstance(terms, Refusal):
            return _refused(draft, terms)
        body = self._sealer.body(draft)
        if isinstance(body, Refusal):
            return _refused(draft, body)
        content = _content(draft.kind, terms, body)
        known = self.memory.get(terms.feed, draft.kind, draft.id)
        unsent = None if known is None else _nothing_to_send(draft, known, terms, content)
        if unsent is not None:
            return unsent
        revision = _next_revision(known)
        sequence = self.memory.last_sequence(terms.feed, terms.label.text) + 1
        envelope = self._sealer.seal(draft, body, terms, revision, sequence)
        if isinstance(envelope, Refusal):
            return _refused(draft, envelope)
        record = Remembered(terms.label.text, revision, envelope.digest, content, draft.modified_at)
        if known is not None:
            record = record._replace(withdrawn=known.withdrawn, accepted=known.accepted)
        self.memory.put(terms.feed, draft.kind, draft.id, record)
        self.memory.count(terms.feed, terms.label.text, sequence)
        self.memory.spool(terms.feed, envelope.encode())
        outcome = Outcome.NEW if revision == 1 else Outcome.AMENDED
        return Line(draft.kind, draft.id, outcome, revision, envelope.digest.hex())

    def _retract(  # noqa: PLR0913 - a retraction's fields
        self, kind: str, feed: str, record_id: str, *, reason: RetractionReason | str, note: str | None, now: int
    ) -> Line:
        known = self.memory.get(feed, kind, record_id)
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
        record = Act("retraction", _own_id("retraction", kind, feed, record_id, known.label), Status.ACTUAL, body)
        line = self._take(record, self._sealer.terms(feed, Label.of(parts), Status.ACTUAL, None, now))
        if line.outcome is not Outcome.REFUSED:
            self.memory.put(feed, kind, record_id, known._replace(withdrawn=known.revision))
        return line

    def _flush(self) -> None:
        """Steps 4 and 5, oldest bytes first."""
        while rows := self.memory.spooled(self._batch):
            records = [NewRecord(self._submissions, row.feed.encode(), row.envelope) for row in rows]
            self._log.append(self._submissions, records)
            with self.memory.transaction():
                self.memory.sent(rows[-1].n)


def _nothing_to_send(draft: Draft, known: Remembered, terms: Terms, content: bytes) -> Line | None:
    """Why this draft is not sent, or None."""
    if terms.label.text != known.label and not (known.rejected is not None and known.accepted == 0):
        return _refused(draft, refuse(Reason.LABEL_CHANGED, "label", "the label of the record's first revision"))
    if terms.always:
        return None
    if known.content == content and known.rejected is None:
        if known.withdrawn < known.revision:
            return Line(draft.kind, draft.id, Outcome.UNCHANGED, known.revision)
        return None if terms.reinstate else Line(draft.kind, draft.id, Outcome.WITHDRAWN, known.revision)
    if None not in (draft.modified_at, known.modified_at) and (draft.modified_at or 0) < (known.modified_at or 0):
        return Line(draft.kind, draft.id, Outcome.OLDER, known.revision)
    return None


def _next_revision(known: Remembered | None) -> int:
    if known is None:
        return 1
    free = (
        known.rejected is not None
        and known.rejected not in _TAKEN
        and known.revision > max(known.accepted, known.withdrawn)
    )
    return known.revision if free else known.revision + 1


def _content(kind: str, terms: Terms, body: bytes) -> bytes:
    """What decides whether a record has changed: all that its author said, and nothing that the publisher adds."""
    return hashlib.sha256(f"{kind}\0{terms.status}\0{terms.exercise}\0{terms.expires_at}\0".encode() + body).digest()


def _refused(draft: Draft, refusal: Refusal) -> Line:
    return Line(draft.kind, draft.id, Outcome.REFUSED, refusal=refusal)


def _own_id(kind: str, *parts: str) -> str:
    """A stable id for what has no id at its source."""
    return f"{kind}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"
