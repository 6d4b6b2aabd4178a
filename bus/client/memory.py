"""What a publisher remembers, in one SQLite file: records, sequences, and the spool of signed bytes not yet in the log.

Signed bytes are in the spool, durable, before the log sees them; they leave it after the log has acknowledged them. So
whatever interrupts a publisher, the next one sends the same bytes: ingest knows them by their digest, and nothing is
doubled.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from bus.client.kept import ForeignStateError
from bus.home import Database
from bus.log.topics import topic
from schemas.models import Receipt, Verdict

_SEVERAL: Final = re.compile(r"([^:]+:.+):(?:[2-9]|[1-9][0-9])")
_VERSION: Final = 5
_ADDED: Final = """
CREATE TABLE earlier(feed TEXT, kind TEXT, id TEXT, content BLOB, PRIMARY KEY(feed, kind, id, content)) WITHOUT ROWID;
CREATE TABLE taken(feed TEXT, source TEXT, taker TEXT NOT NULL, lifted INTEGER NOT NULL, PRIMARY KEY(feed, source))
    WITHOUT ROWID;
CREATE TABLE file(digest BLOB PRIMARY KEY) WITHOUT ROWID;
"""
_OWNED: Final = """
CREATE TABLE owner(agency TEXT NOT NULL, pin BLOB NOT NULL);
ALTER TABLE record ADD COLUMN party TEXT;
ALTER TABLE taken RENAME TO taken_by_anyone;
CREATE TABLE taken(feed TEXT, source TEXT, party TEXT, taker TEXT NOT NULL, lifted INTEGER NOT NULL,
    PRIMARY KEY(feed, source, party)) WITHOUT ROWID;
INSERT INTO taken SELECT feed, source, '', taker, lifted FROM taken_by_anyone;
DROP TABLE taken_by_anyone;
"""
_STEPS: Final = MappingProxyType(
    {
        1: "ALTER TABLE record ADD COLUMN accepted_digest BLOB",
        2: _ADDED,
        3: "ALTER TABLE cursor ADD COLUMN mark BLOB",
        4: _OWNED,
    }
)
_SCHEMA: Final = f"""
CREATE TABLE record(
    feed TEXT, kind TEXT, id TEXT, label TEXT NOT NULL, revision INTEGER NOT NULL, digest BLOB NOT NULL,
    content BLOB, modified_at INTEGER, withdrawn INTEGER NOT NULL, rejected TEXT, accepted INTEGER NOT NULL,
    accepted_digest BLOB, PRIMARY KEY(feed, kind, id)) WITHOUT ROWID;
CREATE INDEX record_digest ON record(digest);
CREATE TABLE counter(feed TEXT, label TEXT, sequence INTEGER NOT NULL, PRIMARY KEY(feed, label)) WITHOUT ROWID;
CREATE TABLE spool(n INTEGER PRIMARY KEY AUTOINCREMENT, feed TEXT NOT NULL, envelope BLOB NOT NULL);
CREATE TABLE cursor(topic TEXT PRIMARY KEY, next INTEGER NOT NULL, mark BLOB) WITHOUT ROWID;
{_ADDED}{_OWNED}"""
LOST: Final = "LOST"
"""Stands for a refusal: the bus accepted the last revision once, and its log, restored since, does not hold it."""
TAINTED: Final = "TAINTED"
"""Likewise: it was accepted under a key that the roster calls compromised by then, so nobody has it any more."""
_FIELDS: Final = "label, revision, digest, content, modified_at, withdrawn, rejected, accepted, accepted_digest, party"
_MEND: Final = (
    "Stop this agency's publishers and move the file, its -wal and -shm away: the next publish makes it anew from the "
    "bus's receipts. What waited in it has to be published again, and so has a cancellation whose alert is to come."
)


class Remembered(NamedTuple):
    """One record as it was last signed.

    `content` None: known from receipts only. `withdrawn`: the revision up to which it was retracted, 0 for none.
    `rejected`: why the bus refused the last revision, None where it did not (yet). `accepted`: the highest revision
    with a receipt that says so; `accepted_digest`: of these signed bytes, where that receipt is of them. Whatever is
    said of the same bytes later, the bus holds them. `party`: whose it is within the feed; None for the agency itself,
    or where it is not known.
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
    party: str | None = None

    def is_of(self, party: str | None) -> bool:
        """Whether what this party says may touch it: nobody else's, as far as is known."""
        return party is None or self.party in (None, party)


class Taker(NamedTuple):
    """The draft that took a source id away; `lifted`: its author reinstated what it took."""

    taker: str
    lifted: bool


class Spooled(NamedTuple):
    """Signed bytes that the log has not acknowledged yet."""

    n: int
    feed: str
    envelope: bytes


def source_of(record_id: str) -> str:
    """The source id under which an adapter made this record: without the `:2` to `:99` of one that became several."""
    found = _SEVERAL.fullmatch(record_id)
    return record_id if found is None else found[1]


class Memory:
    """The publisher's database. Every change belongs into a `transaction`."""

    def __init__(self, path: Path, agency: str, pin: bytes) -> None:
        """Open or make it, for this agency of this bus; another's is refused."""
        self._db = Database(path, _SCHEMA, _VERSION, _STEPS, mend=_MEND)
        self._owner = agency, pin
        try:
            self._is_named = self._named()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable when it ends; the first of all names the owner."""
        with self._db.transaction():
            if not self._is_named and not self._named():
                self._db.execute("INSERT INTO owner VALUES(?,?)", self._owner)
            yield
        self._is_named = True

    def get(self, feed: str, kind: str, record_id: str) -> Remembered | None:
        """The record as last signed."""
        rows = self._db.execute(
            f"SELECT {_FIELDS} FROM record WHERE feed=? AND kind=? AND id=?",  # noqa: S608 - a constant
            (feed, kind, record_id),
        )
        return Remembered(*rows[0]) if rows else None

    def under(self, feed: str, kind: str, source: str) -> list[tuple[str, Remembered]]:
        """What became of one source id: the record of this id, and those of `<id>:2` and on."""
        rows = self._db.execute(
            f"SELECT id, {_FIELDS} FROM record WHERE feed=? AND kind=? AND (id=? OR id>? AND id<?)",  # noqa: S608 - a constant
            (feed, kind, source, f"{source}:", f"{source};"),  # the character that follows the colon
        )
        return [(row[0], Remembered(*row[1:])) for row in rows if source_of(row[0]) == source or row[0] == source]

    def standing(self, feed: str, kind: str, prefix: str) -> Iterator[tuple[str, str]]:
        """Id and label of each record of ids `<prefix>:…` that was published, and neither withdrawn nor refused."""
        rows = self._db.execute(
            "SELECT id, label FROM record WHERE feed=? AND kind=? AND id>? AND id<? AND withdrawn<revision"
            " AND (rejected IS NULL OR accepted>0) ORDER BY id",
            (feed, kind, f"{prefix}:", f"{prefix};"),
        )
        yield from rows

    def put(self, feed: str, kind: str, record_id: str, record: Remembered) -> None:
        """Remember a record."""
        self._db.execute(
            "INSERT OR REPLACE INTO record VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)", (feed, kind, record_id, *record)
        )

    def outdate(self, feed: str, kind: str, record_id: str, content: bytes) -> None:
        """Remember that a record had this content once."""
        self._db.execute("INSERT OR IGNORE INTO earlier VALUES(?,?,?,?)", (feed, kind, record_id, content))

    def is_earlier(self, feed: str, kind: str, record_id: str, content: bytes) -> bool:
        """Whether an earlier revision of a record had this content."""
        query = "SELECT 1 FROM earlier WHERE feed=? AND kind=? AND id=? AND content=?"
        return bool(self._db.execute(query, (feed, kind, record_id, content)))

    def take(self, feed: str, source: str, party: str | None, taker: str) -> None:
        """Remember that this draft takes away whatever became, or will become, of a source id of its party."""
        self._db.execute("INSERT OR REPLACE INTO taken VALUES(?,?,?,?,0)", (feed, source, party or "", taker))

    def taker(self, feed: str, source: str, party: str | None) -> Taker | None:
        """Who took a source id of this party away; what was remembered before parties were takes it from all."""
        query = "SELECT taker, lifted FROM taken WHERE feed=? AND source=? AND party IN (?,'') ORDER BY party DESC"
        rows = self._db.execute(query, (feed, source, party or ""))
        return Taker(rows[0][0], bool(rows[0][1])) if rows else None

    def lift(self, feed: str, source: str, party: str | None) -> None:
        """Let a source id of this party be published again, whatever the same taker says again."""
        taker = self.taker(feed, source, party)
        if taker is not None:
            self.take(feed, source, party, taker.taker)
            query = "UPDATE taken SET lifted=1 WHERE feed=? AND source=? AND party=?"
            self._db.execute(query, (feed, source, party or ""))

    def has_file(self, digest: bytes) -> bool:
        """Whether a file, under the same terms, is done with."""
        return bool(self._db.execute("SELECT 1 FROM file WHERE digest=?", (digest,)))

    def finish_file(self, digest: bytes) -> None:
        """A file is done with."""
        self._db.execute("INSERT OR IGNORE INTO file VALUES(?)", (digest,))

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

    def waiting(self) -> int:
        """How many records the log has not acknowledged."""
        return self._number("SELECT count(*) FROM spool", ())

    def sent(self, up_to: int) -> None:
        """The log has acknowledged these."""
        self._db.execute("DELETE FROM spool WHERE n<=?", (up_to,))

    def cursor(self, topic: str) -> int:
        """The next offset to read of a topic."""
        return self._number("SELECT next FROM cursor WHERE topic=?", (topic,))

    def mark(self, topic: str) -> bytes | None:
        """What stands for the last record read of a topic, if that is remembered."""
        rows = self._db.execute("SELECT mark FROM cursor WHERE topic=?", (topic,))
        return rows[0][0] if rows else None

    def move(self, topic: str, following: int, mark: bytes | None) -> None:
        """Remember the next offset to read, and what stands for the record before it."""
        self._db.execute("INSERT OR REPLACE INTO cursor VALUES(?,?,?)", (topic, following, mark))

    def records(self) -> Iterator[tuple[tuple[str, str, str], Remembered]]:
        """Every record, by feed, kind and id."""
        for row in self._db.execute(f"SELECT feed, kind, id, {_FIELDS} FROM record"):  # noqa: S608 - a constant
            yield (row[0], row[1], row[2]), Remembered(*row[3:])

    def reopen_files(self) -> None:
        """No file is done with."""
        self._db.execute("DELETE FROM file")

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

    def _named(self) -> bool:
        """Whether the file names its owner. An older one names none, but may have read the receipts of one."""
        rows = self._db.execute("SELECT agency, pin FROM owner")
        ours = topic("receipts", self._owner[0])
        read = self._db.execute("SELECT 1 FROM cursor WHERE topic GLOB 'receipts.*' AND topic<>?", (ours,))
        if read or (rows and (rows[0][0], bytes(rows[0][1])) != self._owner):
            raise ForeignStateError(
                f"{self._db.path} is another agency's, or of another bus",
                "If it was copied here by mistake, move it away: the next publish makes one anew from receipts.",
            )
        return bool(rows)

    def _number(self, query: str, bindings: tuple[str, ...]) -> int:
        """The one number that is asked for; 0 where there is none yet."""
        rows = self._db.execute(query, bindings)
        return int(rows[0][0]) if rows else 0
