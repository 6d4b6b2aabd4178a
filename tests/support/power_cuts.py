"""A whole bus is recorded down to its writes and syncs; then its power is cut at each of them.

The oracle knows nothing of what the bus does: after every commit it notes how many operations the disk had seen, and a
digest of the whole database. After a cut the database must be sound, and be exactly what it was after the last commit
that had returned, or after the one that was under way: nothing acknowledged is lost, nothing is half there.
"""

import hashlib
import marshal
import random
import shutil
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import apsw

from bus.client import Subscriber, open_publisher, open_subscriber
from bus.client.kept import Kept
from bus.client.memory import Memory
from bus.client.receipts import read_receipts
from bus.clock import now_ms
from bus.config import Settings
from bus.home import Database, Home, load_keys
from bus.log.faults import LogDamagedError
from bus.log.sqlite import SqliteLog, compaction, file, founding
from bus.log.sqlite import log as log_module
from bus.log.topics import topic
from bus.operate.soundness import verify_log
from bus.stages.run import Runner
from schemas.models import Verdict
from tests.support.homes import READERS
from tests.support.oracle import Oracle
from tests.support.recording_disk import Fate, Platter, RecordingDisk
from tests.support.reports import reports

LOG: Final = "bus.db"
FEED: Final = "field"
READER: Final = "main"
_CHECKPOINT_PAGES: Final = 24
_COMPACTION_RECORDS: Final = 40
"""Small, so that a short recording has many checkpoints and compactions in it."""

Read = Callable[[str], list[tuple[Any, ...]]]


@dataclass
class Commit:
    """A commit that has returned: after so many operations of the disk, the database was this."""

    operations: int
    digest: bytes


@dataclass
class Recording:
    """What the disk did, and what each database was after each commit."""

    home: Home
    disk: RecordingDisk
    commits: dict[str, list[Commit]] = field(default_factory=dict)

    def changes(self, database: str) -> int:
        """How many commits changed it."""
        digests = [commit.digest for commit in self.commits.get(database, [])]
        return sum(one != other for one, other in pairwise(digests))

    def saw(self, database: str, read: Read) -> None:
        """A commit has returned."""
        self.commits.setdefault(database, []).append(Commit(len(self.disk.operations), digest_of(read)))


def digest_of(read: Read) -> bytes:
    """A database's whole content."""
    digest = hashlib.sha256()
    for (table,) in read("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"):
        digest.update(marshal.dumps((table, read(f"SELECT * FROM {table}")), 2))  # noqa: S608
    return digest.digest()


@contextmanager
def recorded(home: Home, name: str, *, synchronous: str | None = None) -> Iterator[Recording]:
    """Record all that is done to the databases of a home; `synchronous` plants another mode than the bus's own."""
    with closing(SqliteLog(home.log, now_ms)) as log:
        before = digest_of(log._file.read)
    disk = RecordingDisk(name, home.path, default=True)
    recording = Recording(home, disk, {LOG: [Commit(0, before)]})
    with ExitStack() as stack:
        stack.callback(disk.unregister)
        stack.enter_context(patch.object(log_module, "LogFile", _watched_file(recording)))
        stack.enter_context(patch.object(Database, "transaction", _watched_transaction(recording, synchronous)))
        stack.enter_context(patch.object(file, "CHECKPOINT_PAGES", _CHECKPOINT_PAGES))
        stack.enter_context(patch.object(compaction, "LEAST_RECORDS", _COMPACTION_RECORDS))
        if synchronous is not None:
            stack.enter_context(patch.object(file, "connect", _planted(synchronous)))
        yield recording


def _watched_file(recording: Recording) -> type[file.LogFile]:
    class Watched(file.LogFile):
        """Notes each commit while nobody else can make one."""

        def __init__(self, path: Path, vfs: str | None = None) -> None:
            self._one = threading.RLock()
            super().__init__(path, vfs)

        @contextmanager
        def write(self) -> Iterator[apsw.Connection]:
            with self._one:
                with super().write() as connection:
                    yield connection
                recording.saw(LOG, lambda statement: file.rows(self._writer, statement))

    return Watched


def _watched_transaction(recording: Recording, synchronous: str | None) -> Callable[[Database], Any]:
    real = Database.transaction

    @contextmanager
    def transaction(self: Database) -> Iterator[None]:
        if synchronous is not None:
            self.execute(f"PRAGMA synchronous={synchronous}")
        with real(self):
            yield
        recording.saw(recording.disk.named(self.path), self.execute)

    return transaction


def _planted(synchronous: str) -> Callable[[Path, str | None], apsw.Connection]:
    def connect(path: Path, vfs: str | None) -> apsw.Connection:
        connection = founding.connect(path, vfs)
        connection.pragma("synchronous", synchronous)
        return connection

    return connect


def work(home: Home, agencies: tuple[str, ...], rounds: int, records: int = 3) -> None:
    """Publish, ingest, correlate, read and keep house, in many small commits: all end and begin anew."""
    settings = Settings(batch_records=1)
    [bus_key] = load_keys(home, "bus")
    for number in range(rounds):
        with closing(SqliteLog(home.log, now_ms)) as log:
            agency = agencies[number % len(agencies)]
            with closing(open_publisher(home, log, agency, FEED, batch_records=1)) as publisher:
                publisher.publish(reports(number * records, records), FEED)
            Runner(log, pin=home.pin(), bus_key=bus_key, settings=settings).run(until_idle=True)
            read(home, log, agency)
            if number % 3 == 2:
                log.retain(now_ms())


def read(home: Home, log: SqliteLog, agency: str) -> None:
    """Let the agency's reader go on where it stopped, and verify what it is given."""
    with closing(open_subscriber(home, log, agency, name=READER)) as subscriber:
        assert all(received.good for received in subscriber.poll())


def go_on(home: Home, agencies: tuple[str, ...], rounds: int, records: int) -> None:
    """Publish all of `work` again and let the bus run: each report stands once, and readers have what they should."""
    [bus_key] = load_keys(home, "bus")
    with closing(SqliteLog(home.log, now_ms)) as log:
        for number, agency in enumerate(agencies):
            with closing(open_publisher(home, log, agency, FEED)) as publisher:
                for one in range(number, rounds, len(agencies)):
                    publisher.publish(reports(one * records, records), FEED)
        Runner(log, pin=home.pin(), bus_key=bus_key, settings=Settings()).run(until_idle=True)
        found = verify_log(home, log)
        assert found.sound, found.findings
        judged = Counter(
            (agency, receipt.id, receipt.verdict)
            for agency in agencies
            for receipt in {one.digest: one for _, one in read_receipts(log, agency)}.values()
        )
        accepted = {key: times for key, times in judged.items() if key[2] is Verdict.ACCEPTED}
        assert set(accepted.values()) == {1}, "a report was accepted twice"
        assert len({(agency, record_id) for agency, record_id, _ in judged}) == rounds * records
        oracle = Oracle(home.pin(), bus_key)
        for record in log.read("events"):
            oracle.step(record.offset, record.value)
        for agency in agencies:
            read(home, log, agency)
        for reader in READERS:
            delivered = [record.value for record in log.read(topic("outbox", reader))]
            assert delivered == oracle.pictures[reader].outbox
            Subscriber(log, reader, home.pin()).catch_up()


@dataclass
class Tally:
    """What was tried, and what was found wrong: `losses` of acknowledged commits, and what is broken otherwise."""

    tried: Counter[str] = field(default_factory=Counter)
    losses: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


class Cuts:
    """Power cuts of one recording; `folder` is best in memory."""

    def __init__(self, recording: Recording, folder: Path, seed: int) -> None:
        self._recording = recording
        self._folder = folder
        self._chance = random.Random(seed)
        self.tally = Tally()

    def everywhere(self, *, thoroughly: bool = False) -> None:
        """After each operation, the database that it touched.

        What was not synced is dropped, where that is news, and kept or torn in turn; `thoroughly`: both.
        """
        platter = Platter.of(self._recording.disk.before)
        for number, one in enumerate(self._recording.disk.operations, 1):
            platter.play(one)
            fates = (Fate.KEPT, Fate.TORN) if thoroughly else ((Fate.KEPT, Fate.TORN)[number % 2],)
            if one.what in {"sync", "syncdir"}:
                fates = (Fate.DROPPED, *fates)
            for fate in fates:
                self._try(_database(one.name), number, platter.after_cut(fate, self._chance), fate)

    def homes(self, places: set[int]) -> Iterator[tuple[int, dict[str, bytes]]]:
        """After so many operations, all the files of the home; by a fate of chance."""
        platter = Platter.of(self._recording.disk.before)
        for number, one in enumerate(self._recording.disk.operations, 1):
            platter.play(one)
            if number in places:
                yield number, platter.after_cut(self._chance.choice(list(Fate)), self._chance)

    def _try(self, database: str, number: int, files: dict[str, bytes], fate: Fate) -> None:
        self._lay(database, files)
        where = f"{database} after operation {number}, {fate}"
        self.tally.tried[fate] += 1
        found = self._open(database, where)
        commits = self._recording.commits.get(database, [])
        acked = bisect_right(commits, number, key=attrgetter("operations"))
        allowed = [commit.digest for commit in commits[max(acked - 1, 0) : acked + 1]]
        if found is not None and found not in allowed:
            is_earlier = found in [commit.digest for commit in commits[:acked]]
            (self.tally.losses if is_earlier else self.tally.broken).append(where)

    def _open(self, database: str, where: str) -> bytes | None:
        """The real code opens it; its content."""
        path = self._folder / database
        try:
            if database != LOG:
                with closing(self._opened(path)) as kept:
                    found = digest_of(kept._db.execute)
                    said = [line for (line,) in kept._db.execute("PRAGMA integrity_check") if line != "ok"]
            else:
                with closing(SqliteLog(path, now_ms)) as log:
                    found = digest_of(log._file.read)
                    said = [line for (line,) in log._file.read("PRAGMA integrity_check") if line != "ok"]
        except LogDamagedError as fault:
            found, said = None, [str(fault)]
        self.tally.broken += [f"{where}: {one}" for one in said]
        return found

    def _opened(self, path: Path) -> Memory | Kept:
        if path.name.startswith("publisher"):
            return Memory(path, path.parent.name, self._recording.home.pin())
        return Kept(path, path.parent.name, self._recording.home.pin())

    def _lay(self, database: str, files: dict[str, bytes]) -> None:
        """Put the database's files as the cut left them."""
        (self._folder / database).parent.mkdir(parents=True, exist_ok=True)
        for rest in ("", "-wal", "-journal", "-shm"):
            path = self._folder / f"{database}{rest}"
            data = files.get(f"{database}{rest}")
            path.unlink(missing_ok=True)
            if data is not None:
                path.write_bytes(data)


def laid_out(home: Home, folder: Path, files: dict[str, bytes]) -> Home:
    """A home of which everything but the databases was safe for long, and these are as the cut left them."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(home.path, folder, ignore=shutil.ignore_patterns("*.db", "*.db-*", ".*"))
    for name, data in files.items():
        if not name.startswith(".") and (".db" in name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    return Home.open(folder)


def _database(name: str) -> str:
    return name.removesuffix("-wal").removesuffix("-journal").removesuffix("-shm")
