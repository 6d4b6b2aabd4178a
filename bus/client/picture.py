"""What a reader has: its deliveries folded, without judging them.

That the bus delivered exactly this is what the chain shows; who signed it, `bus.client.verify` asks, which takes twice
the time of reading it. So a list is not verified, and its command says so.

It stands in an SQLite database, a file or memory: so a picture of any size is folded and asked in little memory.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

from bus.client.opened import Opened, open_signed, parse_signed
from bus.errors import Refusal
from bus.home import Database
from schemas.models import AlertMessage, Change, DeliveredKind, Delivery, DeliveryReason, EventMessage, Message

TABLES: Final = """
CREATE TABLE held(
    n INTEGER PRIMARY KEY, kind TEXT NOT NULL, ref TEXT NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL,
    delivered_at INTEGER NOT NULL, closed INTEGER NOT NULL, digest TEXT, UNIQUE(kind, ref));
CREATE INDEX held_digest ON held(digest);
CREATE TABLE past(
    n INTEGER PRIMARY KEY, kind TEXT NOT NULL, ref TEXT NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL,
    delivered_at INTEGER NOT NULL, closed INTEGER NOT NULL, digest TEXT);
CREATE INDEX past_ref ON past(ref);
CREATE INDEX past_digest ON past(digest);
CREATE TABLE gone(kind TEXT, ref TEXT, reason TEXT, superseded_by TEXT, PRIMARY KEY(kind, ref)) WITHOUT ROWID;
"""
_HELD: Final = "kind, ref, revision, body, delivered_at, closed"
_PUT: Final = (
    "INSERT INTO held(kind, ref, revision, body, delivered_at, closed, digest) VALUES(?,?,?,?,?,?,?)"
    " ON CONFLICT(kind, ref) DO UPDATE SET revision=excluded.revision, body=excluded.body,"
    " delivered_at=excluded.delivered_at, closed=excluded.closed, digest=excluded.digest"
)
_REMEMBER: Final = f"INSERT INTO past({_HELD}, digest) SELECT {_HELD}, digest FROM held WHERE kind=? AND ref=?"  # noqa: S608 - a constant

Key = TypeVar("Key")
Thing = TypeVar("Thing")


class Held(NamedTuple):
    """One record or alert as last delivered; `delivered_at` is when the log appended that delivery, UTC ms."""

    kind: DeliveredKind
    ref: str
    revision: int
    body: bytes
    delivered_at: int
    closed: bool = False

    def open(self) -> Opened | Refusal:
        """Decode the signed bytes, strictly; only `bus.client.verify` judges who signed them."""
        return open_signed(self.body)


class Gone(NamedTuple):
    """What was taken away, and why."""

    ref: str
    reason: str | None
    superseded_by: str | None


class Picture:
    """One reader's picture: what it has now, by `kind` and `ref` (`agency/feed/id`, or the alert's id)."""

    def __init__(self, database: Database | None = None) -> None:
        """Fold into this database, which has the `TABLES`; by default into one in memory."""
        self._db = database or Database(None, TABLES, 1)

    def apply(self, delivery: Delivery, delivered_at: int) -> None:
        """Take in one delivery; several statements, which belong into one transaction where the database is a file."""
        kind, ref = delivery.kind.value, delivery.ref
        is_event = delivery.kind is DeliveredKind.EVENT
        if delivery.change is Change.RETRACTED:
            if is_event and delivery.reason is DeliveryReason.EXPIRED:
                self._db.execute(_REMEMBER, (kind, ref))
            elif is_event:
                self._db.execute("DELETE FROM past WHERE ref=?", (ref,))
            self._db.execute("DELETE FROM held WHERE kind=? AND ref=?", (kind, ref))
            reason = None if delivery.reason is None else str(delivery.reason)
            self.put_gone(delivery.kind, Gone(ref, reason, delivery.superseded_by))
        elif delivery.change is Change.CLOSED:
            update = "UPDATE held SET closed=1, revision=? WHERE kind=? AND ref=?"
            self._db.execute(update, (delivery.revision, kind, ref))
        elif delivery.body is not None:
            before = self._db.execute("SELECT closed FROM held WHERE kind=? AND ref=?", (kind, ref))
            closed = bool(before and before[0][0])
            if before and is_event:
                self._db.execute(_REMEMBER, (kind, ref))
            self.put(Held(delivery.kind, ref, delivery.revision, delivery.body, delivered_at, closed))
            self._db.execute("DELETE FROM gone WHERE kind=? AND ref=?", (kind, ref))

    def put(self, held: Held) -> None:
        """Let a thing be there as this."""
        self._db.execute(_PUT, (*_row(held), digest_of(held.body)))

    def drop(self, kind: DeliveredKind, ref: str) -> None:
        """Let a thing not be there, without a word."""
        self._db.execute("DELETE FROM held WHERE kind=? AND ref=?", (kind.value, ref))

    def put_past(self, held: Held) -> None:
        """Let an event have been this once."""
        columns = f"INSERT INTO past({_HELD}, digest) VALUES(?,?,?,?,?,?,?)"
        self._db.execute(columns, (*_row(held), digest_of(held.body)))

    def put_gone(self, kind: DeliveredKind, gone: Gone) -> None:
        """Let a thing be gone."""
        self._db.execute("INSERT OR REPLACE INTO gone VALUES(?,?,?,?)", (kind.value, *gone))

    def clear(self) -> None:
        """Let nothing be there."""
        for table in ("held", "past", "gone"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant

    def alerts(self) -> Mapping[str, Held]:
        """The alerts that stand, by id."""
        return _OfKind(self._db, DeliveredKind.ALERT)

    def events(self) -> Mapping[str, Held]:
        """The events that stand, by `agency/feed/id`."""
        return _OfKind(self._db, DeliveredKind.EVENT)

    @property
    def held(self) -> Mapping[tuple[DeliveredKind, str], Held]:
        """All that stands, retractions and links too."""
        return _All(self._db)

    @property
    def gone(self) -> Mapping[tuple[DeliveredKind, str], Gone]:
        """What was taken away."""
        return _Gone(self._db)

    @property
    def past(self) -> Mapping[str, tuple[Held, ...]]:
        """What events were before they were amended, or expired.

        A closed alert stands on them as they were, so it is verified by them. What its author took back, or this
        reader may no longer read, is not kept.
        """
        return _Past(self._db)

    def signed(self, digest: str) -> bytes | None:
        """The signed bytes of the event with this digest (hex), as it is or was."""
        for table in ("past", "held"):
            found = self._db.execute(
                f"SELECT body FROM {table} WHERE digest=? AND kind=?",  # noqa: S608 - a constant
                (digest, DeliveredKind.EVENT.value),
            )
            if found:
                return bytes(found[0][0])
        return None

    def alert(self, alert_id: str) -> AlertMessage | None:
        """The alert of this id; None where this reader has none, for whatever reason."""
        opened = _opened(self.alerts().get(alert_id))
        return opened if isinstance(opened, AlertMessage) else None

    def event(self, ref: str) -> EventMessage | None:
        """The event of this reference; None where this reader has none, for whatever reason."""
        opened = _opened(self.events().get(ref))
        return opened if isinstance(opened, EventMessage) else None


class _Rows(Mapping[Key, Thing], Generic[Key, Thing]):
    """Rows of a table as a mapping: asked for one at a time."""

    _table: str = "held"

    def __init__(self, database: Database) -> None:
        self._db = database

    def _ask(self, what: str, where: str = "", bindings: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(f"SELECT {what} FROM {self._table} {where}", bindings)  # noqa: S608 - constants

    def __len__(self) -> int:
        return int(self._ask("count(*)")[0][0])


class _All(_Rows[tuple[DeliveredKind, str], Held]):
    def __iter__(self) -> Iterator[tuple[DeliveredKind, str]]:
        return iter([(DeliveredKind(kind), ref) for kind, ref in self._ask("kind, ref", "ORDER BY n")])

    def __getitem__(self, key: tuple[DeliveredKind, str]) -> Held:
        found = self._ask(_HELD, "WHERE kind=? AND ref=?", (key[0].value, key[1]))
        if not found:
            raise KeyError(key)
        return _held(found[0])


class _OfKind(_Rows[str, Held]):
    def __init__(self, database: Database, kind: DeliveredKind) -> None:
        super().__init__(database)
        self._kind = kind

    def __iter__(self) -> Iterator[str]:
        return iter([ref for (ref,) in self._ask("ref", "WHERE kind=? ORDER BY n", (self._kind.value,))])

    def __len__(self) -> int:
        return int(self._ask("count(*)", "WHERE kind=?", (self._kind.value,))[0][0])

    def __getitem__(self, key: str) -> Held:
        return _All(self._db)[self._kind, key]


class _Past(_Rows[str, tuple[Held, ...]]):
    _table = "past"

    def __iter__(self) -> Iterator[str]:
        return iter([ref for (ref,) in self._ask("DISTINCT ref")])

    def __len__(self) -> int:
        return int(self._ask("count(DISTINCT ref)")[0][0])

    def __getitem__(self, key: str) -> tuple[Held, ...]:
        found = self._ask(_HELD, "WHERE ref=? ORDER BY n", (key,))
        if not found:
            raise KeyError(key)
        return tuple(map(_held, found))


class _Gone(_Rows[tuple[DeliveredKind, str], Gone]):
    _table = "gone"

    def __iter__(self) -> Iterator[tuple[DeliveredKind, str]]:
        return iter([(DeliveredKind(kind), ref) for kind, ref in self._ask("kind, ref")])

    def __getitem__(self, key: tuple[DeliveredKind, str]) -> Gone:
        found = self._ask("ref, reason, superseded_by", "WHERE kind=? AND ref=?", (key[0].value, key[1]))
        if not found:
            raise KeyError(key)
        return Gone(*cast("tuple[str, str | None, str | None]", found[0]))


def _held(row: tuple[Any, ...]) -> Held:
    kind, ref, revision, body, delivered_at, closed = row
    return Held(DeliveredKind(kind), ref, revision, bytes(body), delivered_at, bool(closed))


def _row(held: Held) -> tuple[Any, ...]:
    return held.kind.value, held.ref, held.revision, held.body, held.delivered_at, int(held.closed)


def digest_of(body: bytes) -> str | None:
    """The digest by which an alert cites it; None where these bytes are no frame."""
    envelope = parse_signed(body)
    return None if isinstance(envelope, Refusal) else envelope.digest.hex()


def _opened(held: Held | None) -> Message | None:
    opened = None if held is None else held.open()
    return opened.message if isinstance(opened, Opened) else None
