"""What a publisher remembers, in one SQLite file: records, sequences, and the spool of signed bytes not yet in the log.

Signed bytes are in the spool, durable, before the log sees them; they leave it after the log has acknowledged them. So
whatever interrupts a publisher, the next one sends the same bytes: ingest knows them by their digest, and nothing is
doubled.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from bus.home import Database
from schemas.models import Receipt, Verdict

_VERSION: Final = 2
_STEPS: Final = MappingProxyType({1: "ALTER TABLE record ADD COLUMN accepted_digest BLOB"})
_SCHEMA: Final = """
CREATE TABLE record(
    feed TEXT, kind TEXT, id TEXT, label TEXT NOT NULL, revision INTEGER NOT NULL, digest BLOB NOT NULL,
    content BLOB, modified_at INTEGER, withdrawn INTEGER NOT NULL, rejected TEXT, accepted INTEGER NOT NULL,
    accepted_digest BLOB, PRIMARY KEY(feed, kind, id)) WITHOUT ROWID;
CREATE INDEX record_digest ON record(digest);
CREATE TABLE counter(feed TEXT, label TEXT, sequence INTEGER NOT NULL, PRIMARY KEY(feed, label)) WITHOUT ROWID;
CREATE TABLE spool(n INTEGER PRIMARY KEY AUTOINCREMENT, feed TEXT NOT NULL, envelope BLOB NOT NULL);
CREATE TABLE cursor(topic TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
"""
_FIELDS: Final = "label, revision, digest, content, modified_at, withdrawn, rejected, accepted, accepted_digest"


class Remembered(NamedTuple):
    """One record as it was last signed.

    `content` None: known from receipts only. `withdrawn`: the revision up to which it was retracted, 0 for none.
    `rejected`: why the bus refused the last revision, None where it did not (yet). `accepted`: the highest revision
    with a receipt that says so; `accepted_digest`: of these signed bytes, where that receipt is of them. Whatever is
    said of the same bytes later, the bus holds them.
    """

    label: str
    revision: int
    digest: bytes
    content: bytes | None = None
    modified_at: int | None = None
    withdrawn: int = 0
    rejected: str | None = None
    accepted: int = 0
    accepted_digest: bytes | None = None


class Spooled(NamedTuple):
    """Signed bytes that the log has not acknowledged yet."""

    n: int
    feed: str
    envelope: bytes


class Memory:
    """The publisher's database. Every change belongs into a `transaction`."""

    def __init__(self, path: Path) -> None:
        """Open or make it."""
        self._db = Database(path, _SCHEMA, _VERSION, _STEPS)

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, durable when it ends."""
        return self._db.transaction()

    def get(self, feed: str, kind: str, record_id: str) -> Remembered | None:
        """The record as last signed."""
        rows = self._db.execute(
            f"SELECT {_FIELDS} FROM record WHERE feed=? AND kind=? AND id=?",  # noqa: S608 - a constant
            (feed, kind, record_id),
        )
        return Remembered(*rows[0]) if rows else None

    def put(self, feed: str, kind: str, record_id: str, record: Remembered) -> None:
        """Remember a record."""
        self._db.execute(
            "INSERT OR REPLACE INTO record VALUES(?,?,?,?,?,?,?,?,?,?,?,?)", (feed, kind, record_id, *record)
        )

    def feeds_of(self, kind: str, record_id: str) -> list[str]:
        """The feeds in which this id was published."""
        return [row[0] for row in self._db.execute("SELECT feed FROM record WHERE kind=? AND id=?", (kind, record_id))]

    def last_sequence(self, feed: str, label: str) -> int:
        """The last number given in (feed, label), over all kinds."""
        return self._number("SELECT sequence FROM counter WHERE feed=? AND label=?", (feed, label))

    def count(self, feed: str, label: str, sequence: int) -> None:
        """Give this number; a lower one than the last changes nothing."""
        self._db.execute(
            "INSERT INTO counter VALUES(?,?,?) ON CONFLICT DO UPDATE SET sequence=max(sequence, excluded.sequence)",
            (feed, label, sequence),
        )

    def spool(self, feed: str, envelope: bytes) -> None:
        """Keep signed bytes until the log has them."""
        self._db.execute("INSERT INTO spool(feed, envelope) VALUES(?,?)", (feed, envelope))

    def spooled(self, limit: int) -> list[Spooled]:
        """The oldest bytes that the log has not acknowledged."""
        rows = self._db.execute("SELECT n, feed, envelope FROM spool ORDER BY n LIMIT ?", (limit,))
        return [Spooled(*row) for row in rows]

    def sent(self, up_to: int) -> None:
        """The log has acknowledged these."""
        self._db.execute("DELETE FROM spool WHERE n<=?", (up_to,))

    def cursor(self, topic: str) -> int:
        """The next offset to read of a topic."""
        return self._number("SELECT next FROM cursor WHERE topic=?", (topic,))

    def move(self, topic: str, following: int) -> None:
        """Remember the next offset to read."""
        self._db.execute("INSERT OR REPLACE INTO cursor VALUES(?,?)", (topic, following))

    def settle(self, receipt: Receipt) -> None:
        """Take in what became of a submission; a publisher whose memory was lost learns its records from here too."""
        digest = bytes.fromhex(receipt.digest)
        if receipt.verdict is Verdict.REJECTED:
            self._db.execute(
                "UPDATE record SET rejected=? WHERE digest=? AND accepted_digest IS NOT digest",
                (receipt.reason, digest),
            )
            return
        kind, feed, record_id, label, revision = receipt.kind, receipt.feed, receipt.id, receipt.label, receipt.revision
        if kind is None or feed is None or record_id is None or label is None or revision is None:
            return
        known = self.get(feed, kind, record_id)
        if known is None or known.revision < revision:
            self.put(
                feed, kind, record_id, Remembered(label, revision, digest, accepted=revision, accepted_digest=digest)
            )
        else:
            known = known._replace(accepted=max(known.accepted, revision))
            if known.digest == digest:
                known = known._replace(rejected=None, accepted_digest=digest)
            self.put(feed, kind, record_id, known)
        if receipt.sequence is not None:
            self.count(feed, label, receipt.sequence)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _number(self, query: str, bindings: tuple[str, ...]) -> int:
        """The one number that is asked for; 0 where there is none yet."""
        rows = self._db.execute(query, bindings)
        return int(rows[0][0]) if rows else 0
