"""What a publisher makes of receipts: what the bus holds stays held, whatever is said of the same bytes later."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bus.client.kept import ForeignStateError
from bus.client.memory import Memory, Remembered, Taker
from bus.errors import Reason
from bus.home import Database, HomeDamagedError
from schemas.models import Receipt, Verdict

NOW: Final = 1_790_000_000_000
PIN: Final = bytes(32)
LABEL: Final = "COALITION RESTRICTED//REL TO FRA"
OURS, OTHERS = bytes([1]) * 32, bytes([2]) * 32
SIGNED: Final = Remembered(LABEL, 1, OURS, b"content", NOW)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """A memory in which the first revision of one event was signed, and nothing is said of it yet."""
    made = Memory(tmp_path / "publisher.db", "fra", PIN)
    with made.transaction():
        made.put("main", "event", "test:a", SIGNED)
    yield made
    made.close()


def said(
    memory: Memory, verdict: Verdict, reason: Reason | None = None, *, digest: bytes = OURS, revision: int = 1
) -> None:
    receipt = Receipt(
        kind="event",
        feed="main",
        id="test:a",
        digest=digest.hex(),
        revision=revision,
        label=LABEL,
        verdict=verdict,
        reason=reason,
        accepted_at=NOW,
        first_at=NOW,
        sequence=1,
    )
    memory.settle(receipt)


def known(memory: Memory) -> Remembered:
    found = memory.get("main", "event", "test:a")
    assert found is not None
    return found


def test_the_same_bytes_refused_later_are_held_all_the_same(memory: Memory) -> None:
    said(memory, Verdict.ACCEPTED)
    said(memory, Verdict.REJECTED, Reason.KEY_REVOKED)
    assert known(memory).rejected is None
    said(memory, Verdict.REJECTED, Reason.TOO_OLD)
    assert known(memory) == SIGNED._replace(accepted=1, accepted_digest=OURS)


def test_bytes_that_were_refused_and_then_accepted_are_held(memory: Memory) -> None:
    said(memory, Verdict.REJECTED, Reason.KEY_NOT_VALID)
    assert known(memory).rejected == Reason.KEY_NOT_VALID
    said(memory, Verdict.ACCEPTED)
    assert known(memory).rejected is None


def test_other_bytes_of_the_same_revision_do_not_speak_for_these(memory: Memory) -> None:
    said(memory, Verdict.ACCEPTED, digest=OTHERS)
    assert known(memory) == SIGNED._replace(accepted=1)
    said(memory, Verdict.REJECTED, Reason.ID_CONFLICT)
    assert known(memory).rejected == Reason.ID_CONFLICT


def test_the_next_revision_is_judged_alone(memory: Memory) -> None:
    said(memory, Verdict.ACCEPTED)
    memory.put("main", "event", "test:a", known(memory)._replace(revision=2, digest=OTHERS, accepted_digest=None))
    said(memory, Verdict.REJECTED, Reason.KEY_REVOKED, digest=OTHERS, revision=2)
    assert known(memory).rejected == Reason.KEY_REVOKED


def test_what_is_learnt_from_receipts_alone_is_held_too(memory: Memory) -> None:
    said(memory, Verdict.ACCEPTED, digest=OTHERS, revision=3)
    said(memory, Verdict.REJECTED, Reason.KEY_REVOKED, digest=OTHERS, revision=3)
    assert known(memory) == Remembered(LABEL, 3, OTHERS, accepted=3, accepted_digest=OTHERS)


def test_a_memory_of_the_first_version_is_brought_to_this_one(tmp_path: Path, memory: Memory) -> None:
    memory.close()
    old = before_owners(tmp_path)
    for table in ("earlier", "taken", "file"):
        old.execute(f"DROP TABLE {table}")
    old.execute("ALTER TABLE record DROP COLUMN accepted_digest")
    old.execute("ALTER TABLE cursor DROP COLUMN mark")
    old.execute("PRAGMA user_version=1")
    old.close()
    again = Memory(tmp_path / "publisher.db", "fra", PIN)
    assert known(again) == SIGNED
    again.close()


def before_owners(folder: Path) -> Database:
    """The file as it was in version 4, which knew of no parties and named no owner."""
    old = Database(folder / "publisher.db", "", 5)
    old.execute("DROP TABLE owner")
    old.execute("ALTER TABLE record DROP COLUMN party")
    old.execute("DROP TABLE taken")
    old.execute("CREATE TABLE taken(feed, source, taker, lifted, PRIMARY KEY(feed, source)) WITHOUT ROWID")
    old.execute("PRAGMA user_version=4")
    return old


def test_what_was_taken_before_parties_were_known_stays_taken_from_all(tmp_path: Path, memory: Memory) -> None:
    memory.close()
    old = before_owners(tmp_path)
    old.execute("INSERT INTO taken VALUES('main','cap:a','cap:c1',0)")
    old.close()
    again = Memory(tmp_path / "publisher.db", "fra", PIN)
    assert known(again).is_of("a@x")
    assert again.taker("main", "cap:a", "a@x") == again.taker("main", "cap:a", None) == Taker("cap:c1", lifted=False)
    again.lift("main", "cap:a", "a@x")
    assert again.taker("main", "cap:a", "a@x") == Taker("cap:c1", lifted=True)
    assert again.taker("main", "cap:a", "b@y") == Taker("cap:c1", lifted=False)
    again.close()


@pytest.mark.parametrize(("agency", "pin"), [("deu", PIN), ("fra", bytes([1]) * 32)])
def test_the_memory_of_another_agency_or_bus_is_refused(
    tmp_path: Path, memory: Memory, agency: str, pin: bytes
) -> None:
    memory.close()
    with pytest.raises(ForeignStateError):
        Memory(tmp_path / "publisher.db", agency, pin)
    Memory(tmp_path / "publisher.db", "fra", PIN).close()


def test_an_older_memory_is_told_by_whose_receipts_it_has_read(tmp_path: Path, memory: Memory) -> None:
    memory.move("receipts.fra", 7, None)
    memory.close()
    before_owners(tmp_path).close()
    with pytest.raises(ForeignStateError):
        Memory(tmp_path / "publisher.db", "deu", PIN)
    again = Memory(tmp_path / "publisher.db", "fra", PIN)
    with again.transaction():
        again.move("receipts.fra", 8, None)
    again.close()
    with pytest.raises(ForeignStateError):
        Memory(tmp_path / "publisher.db", "fra", bytes([1]) * 32)


def test_a_damaged_memory_asks_for_no_backup_of_the_whole_home(tmp_path: Path, memory: Memory) -> None:
    memory.close()
    (tmp_path / "publisher.db").write_bytes(b"no database " * 100)
    with pytest.raises(HomeDamagedError) as error:
        Memory(tmp_path / "publisher.db", "fra", PIN)
    assert "backup" not in error.value.advice
    assert "receipts" in error.value.advice
