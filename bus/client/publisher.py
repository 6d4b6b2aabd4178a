"""An agency's publisher: drafts become signed records in the agency's submissions, each change once.

One publish, in numbered steps:

1. resume: what an interrupted publisher left in the spool goes to the log; receipts say what the bus made of earlier
records. 2. prepare each draft: nothing where its content is unchanged, older or withdrawn; else header, encoding,
signature. 3. store the signed bytes with what is remembered of them, in one transaction, durable. 4. append them to the
log, again and again while it is busy, full or away and patience lasts. 5. take them out of the spool.

A crash between 3 and 5 sends the same bytes again in step 1 of the next publish; ingest knows them by their digest.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from bus.client.changes import own_id, refused
from bus.client.distrust import distrust
from bus.client.drafting import Drafting
from bus.client.memory import Memory
from bus.client.patience import PATIENCE, Patience
from bus.client.publication import Act, Draft, Publication
from bus.client.recall import is_other_log, mark_of, recall
from bus.client.receipts import read_receipts
from bus.client.sealing import Sealer, Terms
from bus.client.spool import Spool
from bus.clock import now_ms
from bus.errors import Refusal
from bus.home import Home
from bus.labels import Label, Policy
from bus.labels.spelling import Parts, read
from bus.log.protocol import Log
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.trust.keys import SigningKey
from bus.trust.roster import Trust
from schemas.models import EventRef, Relation, RetractionReason, Status

BATCH_RECORDS: Final = 500
MISSING_NOTE: Final = "no longer at its source"


class Scope(NamedTuple):
    """What a whole file speaks for: the records of these formats in one feed and realm."""

    feed: str
    realm: str
    formats: frozenset[str]


class Publisher:
    """Publishes for one agency with one key.

    Not for several threads; a second process waits, then fails with advice. Six lines are enough:

        from bus.client import Act, Publisher

        with Publisher.open("my-home", "alpha", "reports") as publisher:
            event = {"nature": "INCIDENT", "type": "violence.attack.armed", "source": {"discipline": "FIELD"}}
            done = publisher.publish([Act("event", "own:17", "ACTUAL", event)], "reports")
            print(done.sent, [str(line.refusal) for line in done.refused])
    """

    def __init__(  # noqa: PLR0913 - what a publisher is made of
        self,
        log: Log,
        agency: str,
        key: SigningKey,
        database: Path,
        policies: Mapping[str, Policy],
        *,
        pin: bytes,
        default_labels: Mapping[str, str] = MappingProxyType({}),
        clock_ms: Callable[[], int] = now_ms,
        batch_records: int = BATCH_RECORDS,
        patience: Patience = PATIENCE,
        trust: Trust | None = None,
        owns_log: bool = False,
    ) -> None:
        """Open the publisher's memory at `database`, which is of the bus of this `pin`; nothing is sent yet.

        `trust` is the roster in force: what it calls tainted is published anew.
        """
        self._log = log
        self._agency = agency
        self._clock_ms = clock_ms
        self._batch = batch_records
        self._owns_log = owns_log
        entry = None if trust is None else trust.agency(agency)
        self._compromised = {
            one.key_id: one.compromised_since
            for one in (() if entry is None else entry.keys)
            if one.compromised_since is not None
        }
        self._sealer = Sealer(agency, key, policies, default_labels)
        self.memory = Memory(database, agency, pin)
        self._drafting = Drafting(self.memory, self._sealer)
        self._spool = Spool(log, agency, self.memory, batch_records, patience)

    @staticmethod
    def open(home: str | Path, agency: str, feed: str) -> "Publisher":
        """A publisher of an agency in a home, with a key that may sign for `feed`; close it, or use it in a `with`."""
        from bus.client.connect import open_publisher  # noqa: PLC0415 - it knows this class

        found = Home.open(Path(home), writing=True)
        log = SqliteLog(found.log, now_ms)
        try:
            return open_publisher(found, log, agency, feed, owns_log=True)
        except BaseException:
            log.close()
            raise

    def publish(  # noqa: PLR0913 - what an adapter does not know of its drafts
        self,
        drafts: Iterable[Draft],
        feed: str,
        label: Label | str | None = None,
        *,
        exercise: str | None = None,
        expires_at: int | None = None,
        reinstate: bool = False,
        brief: bool = False,
    ) -> Publication:
        """Sign and submit what is new or changed, in bounded memory; with `brief` the outcomes too are only counted.

        `label` may hold groups and leave out its release: both are resolved now; None: the feed's default label. With
        `exercise` all drafts are of that exercise. A record that was retracted stays so while its content does not
        change, unless `reinstate`; so does one whose content is that of an earlier revision, where its source gives no
        times. Raises `SpooledError` where the log can't take what was signed; the same call again goes on.
        """
        self.resume()
        done = Publication(brief=brief)
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
                    done.add(self._drafting.take(draft, terms))
            self._spool.flush()
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
            done.add(
                self._drafting.retract(kind, feed, record_id, reason=reason, note=note, now=now) for record_id in ids
            )
        self._spool.flush()
        return done

    def missing(self, scope: Scope, present: Callable[[str], bool]) -> Iterator[str]:
        """The events that stand by what was published, and are not in a file that speaks for all of its scope."""
        for one in sorted(scope.formats):
            for record_id, label in self.memory.standing(scope.feed, "event", one):
                parts = read(label)
                if isinstance(parts, Parts) and parts.realm == scope.realm and not present(record_id):
                    yield record_id

    def link(  # noqa: PLR0913 - a link's fields
        self,
        relation: Relation | str,
        events: Sequence[EventRef],
        feed: str,
        label: Label | str | None = None,
        note: str | None = None,
        *,
        exercise: str | None = None,
    ) -> Publication:
        """Say that events are the same, different, related, or versions of one report.

        The same link again sends nothing. Events of an exercise are tied by links of that `exercise` only.
        """
        refs = sorted({(ref.agency, ref.feed, ref.id) for ref in events})
        body: dict[str, object] = {
            "relation": relation,
            "events": [{"agency": agency, "feed": of, "id": record_id} for agency, of, record_id in refs],
            "note": note,
        }
        record_id = own_id("link", str(relation), *("/".join(ref) for ref in refs))
        return self.publish([Act("link", record_id, Status.ACTUAL, body)], feed, label, exercise=exercise)

    def heartbeat(self, feed: str, interval_s: int, label: Label | str | None = None) -> Publication:
        """Show that the feed is alive.

        The next sign is due within `interval_s`. Each is a revision of one record per label.
        """
        self.resume()
        now = self._clock_ms()
        terms = self._sealer.terms(feed, label, Status.ACTUAL, None, now)
        named = terms.label.text if isinstance(terms, Terms) else ""
        record = Act("heartbeat", own_id("heartbeat", named), Status.ACTUAL, {"interval_s": interval_s})
        with self.memory.transaction():
            line = (
                refused(record, terms)
                if isinstance(terms, Refusal)
                else self._drafting.sign(record, terms._replace(always=True))
            )
        self._spool.flush()
        return Publication([line])

    def resume(self) -> int:
        """Finish what was interrupted, and take in what the bus said of earlier records; returns how many were sent."""
        sent = self._spool.flush()
        self.settle()
        return sent

    def settle(self) -> None:
        """Read the agency's receipts: a record that the bus refused is sent again when it is next published.

        So is one that it had accepted, where its log was restored from a backup that does not hold it, or where the
        roster calls the key compromised by then.
        """
        source = topic("receipts", self._agency)
        with self.memory.transaction():
            if is_other_log(self.memory, self._log, self._agency):
                recall(self.memory, self._log, self._agency)
            last = None
            for last in read_receipts(self._log, self._agency, self.memory.cursor(source)):
                self.memory.settle(last[1])
            if last is not None:
                self.memory.move(source, last[0] + 1, mark_of(last[1]))
            distrust(self.memory, self._log, self._agency, self._compromised)

    def close(self) -> None:
        """Let go of the publisher's memory, and of the log where `open` opened it."""
        self.memory.close()
        if self._owns_log:
            self._log.close()

    def __enter__(self) -> Self:
        """Nothing more to do: `close` comes at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
