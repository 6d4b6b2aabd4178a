"""`tocsin log verify`: a sound log is found sound, and each kind of damage is found, with its place."""

import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from bus.clock import now_ms
from bus.config import Settings
from bus.home import Home, load_keys
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import EVENTS_MS, topic
from bus.operate.soundness import Soundness, verify_log
from bus.stages.run import Runner
from bus.units import DAY_MS
from schemas.codec import decode_own, decode_trusted, encode
from schemas.registry import newest, of_bytes
from tests.support.command_line import Tocsin
from tests.support.damage import SHIFT, Vandal, flipped
from tests.support.homes import READERS, make_home, submissions, submit, writer

SUBMITTED = 40
SIGNATURE_BYTES = 64


def run(home: Home, log: SqliteLog, stop: threading.Event | None = None) -> None:
    [key] = load_keys(home, "bus")
    runner = Runner(log, pin=home.pin(), bus_key=key, settings=Settings(batch_records=3))
    runner.run(until_idle=stop is None, stop=stop)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A bus on which four agencies have published, with something refused and something sent twice."""
    home = make_home(tmp_path_factory.mktemp("verify") / "home")
    log = SqliteLog(home.log, now_ms)
    written = list(islice(submissions(writer(home, 3)), SUBMITTED))
    for agency, envelope in [*written, written[5]]:
        submit(log, agency, envelope)
    name = topic("submissions", "aa")
    log.append(name, [NewRecord(name, b"k", b"no frame"), NewRecord(name, b"k", flipped(written[0][1].encode(), -1))])
    run(home, log)
    log.close()
    return home


@pytest.fixture
def home(original: Home, tmp_path: Path) -> Home:
    shutil.copytree(original.path, tmp_path / "home")
    return Home.open(tmp_path / "home")


def verified(home: Home, *, quick: bool = False) -> Soundness:
    log = SqliteLog(home.log, now_ms)
    try:
        return verify_log(home, log, quick=quick)
    finally:
        log.close()


def test_a_sound_log_is_found_sound_and_everything_is_looked_at(original: Home) -> None:
    found = verified(original)
    assert found.sound, found.findings
    assert found.checked["receipts"] >= SUBMITTED + 3
    assert found.checked["signatures"] > 30 < found.checked["events"]
    assert found.checked["deliveries"] > 60
    assert verified(original, quick=True).sound


def test_a_log_is_found_sound_while_the_bus_is_at_work_on_it(home: Home) -> None:
    stop = threading.Event()

    def publish() -> None:
        with closing(SqliteLog(home.log, now_ms)) as log:
            for agency, envelope in submissions(writer(home, 4)):
                if stop.is_set():
                    break
                submit(log, agency, envelope)

    def serve() -> None:
        with closing(SqliteLog(home.log, now_ms)) as log:
            run(home, log, stop)

    threads = [threading.Thread(target=act) for act in (publish, serve)]
    for thread in threads:
        thread.start()
    try:
        before = verified(home, quick=True)
        found = [verified(home, quick=number % 2 == 1) for number in range(10)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert [one.findings for one in (before, *found) if not one.sound] == []
    assert found[-2].checked["receipts"] > found[0].checked["receipts"]


@pytest.mark.parametrize("days", [20, 130, 500])
def test_what_retention_removed_is_not_missing(home: Home, days: int) -> None:
    log = SqliteLog(home.log, now_ms)
    try:
        assert log.retain(now_ms() + days * DAY_MS) > 0
        found = verify_log(home, log)
        assert found.sound, found.findings
        assert verify_log(home, log, quick=True).sound
        if days > EVENTS_MS // DAY_MS:
            return
        for agency, envelope in islice(submissions(writer(home, 5)), 6):
            submit(log, agency, envelope)
        run(home, log)
        found = verify_log(home, log)
        assert found.sound, found.findings
        assert found.checked["deliveries"] > 0
    finally:
        log.close()


def first(vandal: Vandal, name: str, fits: Callable[[bytes], bool]) -> int:
    return next(offset for offset, value in enumerate(vandal.values(name)) if fits(value))


def is_kind(kind: str) -> Callable[[bytes], bool]:
    def fits(value: bytes) -> bool:
        schema = of_bytes(value)
        return schema.kind == kind  # type: ignore[union-attr]

    return fits


def last_accepted(vandal: Vandal) -> int:
    return max(offset for offset, value in enumerate(vandal.values("events")) if is_kind("accepted")(value))


def accepted_receipt(vandal: Vandal, agency: str = "bb") -> int:
    return first(vandal, f"receipts.{agency}", lambda value: _receipt(value)["verdict"] == "ACCEPTED")


def _receipt(value: bytes) -> dict[str, object]:
    return decode_trusted(newest("receipt"), value)


# --- each damage: what it does, and the place and words of its finding ------------------------------------------------


def a_missing_record(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.remove("events", 20)
    return "events at offset 20", "missing"


def a_missing_first_record(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.remove("outbox.aa", 0)
    return "outbox.aa at offset 0", "missing"


def a_missing_last_record(vandal: Vandal, _: bytes) -> tuple[str, str]:
    last = vandal.end("receipts.aa") - 1
    vandal.remove("receipts.aa", last)
    return f"receipts.aa at offset {last}", "missing"


def a_record_beyond_the_end(vandal: Vandal, _: bytes) -> tuple[str, str]:
    end = vandal.end("events")
    vandal.sql("UPDATE records SET id = id + 5 WHERE id = ?", vandal.number("events") << SHIFT | end - 1)
    return f"events at offset {end + 4}", "beyond"


def a_record_of_no_topic(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.sql("INSERT INTO records VALUES (?, 0, x'', x'', NULL)", 900 << SHIFT)
    return "bus.db", "topic number 900"


def a_time_that_goes_back(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.set("events", 30, "ms", 5)
    return "events at offset 30", "before the record in front"


def a_cursor_beyond_the_end(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.sql("UPDATE cursors SET position = 10000 WHERE owner = 'correlate-0'")
    return "cursor of correlate-0", "beyond"


def a_broken_signature(vandal: Vandal, _: bytes) -> tuple[str, str]:
    at = last_accepted(vandal)
    vandal.put("events", at, flipped(vandal.get("events", at), -3))
    return f"events at offset {at}", "signature"


def a_broken_payload(vandal: Vandal, _: bytes) -> tuple[str, str]:
    at = last_accepted(vandal)
    vandal.put("events", at, flipped(vandal.get("events", at), -SIGNATURE_BYTES - 40))
    return f"events at offset {at}", ""


def another_key(vandal: Vandal, _: bytes) -> tuple[str, str]:
    at = last_accepted(vandal)
    vandal.set("events", at, "key", b"x" * 32)
    return f"events at offset {at}", "digest"


def a_record_twice(vandal: Vandal, _: bytes) -> tuple[str, str]:
    at = last_accepted(vandal)
    [(key,)] = vandal.sql("SELECT key FROM records WHERE id = ?", vandal.number("events") << SHIFT | at)
    return f"events at offset {vandal.add('events', key, vandal.get('events', at))}", "already"


def a_tick_again(vandal: Vandal, _: bytes) -> tuple[str, str]:
    tick = vandal.get("events", first(vandal, "events", is_kind("tick")))
    return f"events at offset {vandal.add('events', b'tick', tick)}", "tick"


def another_roster_than_was_judged_by(vandal: Vandal, _: bytes) -> tuple[str, str]:
    at = last_accepted(vandal)
    value = decode_own("accepted", vandal.get("events", at)) | {"control_version": 2}
    vandal.put("events", at, encode(newest("accepted"), value))
    return f"events at offset {at}", "UNKNOWN_KEY"


def a_roster_from_the_future(vandal: Vandal, _: bytes) -> tuple[str, str]:
    at = last_accepted(vandal)
    value = decode_own("accepted", vandal.get("events", at)) | {"control_version": 99}
    vandal.put("events", at, encode(newest("accepted"), value))
    return f"events at offset {at}", "did not hold yet"


def a_changed_control_record(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.put("control", 2, flipped(vandal.get("control", 2), -1))
    return "control at offset 2", "pinned authority"


def a_record_without_a_receipt(vandal: Vandal, _: bytes) -> tuple[str, str]:
    at = accepted_receipt(vandal)
    digest = bytes.fromhex(str(_receipt(vandal.get("receipts.bb", at))["digest"]))
    [(place,)] = vandal.sql("SELECT id FROM records WHERE key = ?", digest)
    refused = _receipt(vandal.get("receipts.aa", vandal.end("receipts.aa") - 1))
    vandal.put("receipts.bb", at, encode(newest("receipt"), refused))
    return f"events at offset {place & ((1 << SHIFT) - 1)}", "no receipt"


def a_receipt_without_a_record(vandal: Vandal, _: bytes) -> tuple[str, str]:
    at = accepted_receipt(vandal)
    receipt = _receipt(vandal.get("receipts.bb", at)) | {"digest": "ab" * 32}
    vandal.put("receipts.bb", at, encode(newest("receipt"), receipt))
    return f"receipts.bb at offset {at}", "holds no such record"


def a_receipt_of_another_submission(vandal: Vandal, _: bytes) -> tuple[str, str]:
    one, two = vandal.get("receipts.bb", 1), vandal.get("receipts.bb", 2)
    vandal.put("receipts.bb", 1, two)
    vandal.put("receipts.bb", 2, one)
    return "receipts.bb at offset 1", "not the receipt of submissions.bb at offset 1"


def a_receipt_of_another_time(vandal: Vandal, _: bytes) -> tuple[str, str]:
    at = accepted_receipt(vandal)
    receipt = _receipt(vandal.get("receipts.bb", at))
    receipt["accepted_at"] = int(str(receipt["accepted_at"])) - 1
    vandal.put("receipts.bb", at, encode(newest("receipt"), receipt))
    return f"receipts.bb at offset {at}", "another time"


def a_submission_that_nobody_answered(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.sql(
        "UPDATE cursors SET position = position - 1 WHERE owner = 'ingest-cc' AND topic = ?",
        vandal.number("submissions.cc"),
    )
    return "receipts.cc", "submissions that ingest has judged"


def refused_bytes_that_are_gone(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.put("rejected.aa", 0, b"other bytes")
    return "rejected.aa at offset 0", "no receipt"


def a_changed_delivery(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.put("outbox.aa", 7, flipped(vandal.get("outbox.aa", 7), 40))
    return "outbox.aa at offset 7", ""


def swapped_deliveries(vandal: Vandal, _: bytes) -> tuple[str, str]:
    one, two = vandal.get("outbox.bb", 3), vandal.get("outbox.bb", 4)
    vandal.put("outbox.bb", 3, two)
    vandal.put("outbox.bb", 4, one)
    return "outbox.bb at offset 3", "delivery 5 stands where 4"


def a_forged_alert(vandal: Vandal, pin: bytes) -> tuple[str, str]:
    place: list[int] = []

    def change(sequence: int, unchained: bytes) -> bytes:
        if not place and b"tocsin.alert." in unchained:
            place.append(sequence)
            return flipped(unchained, -1)
        return unchained

    vandal.forge("aa", pin, change)
    return f"outbox.aa at offset {place[0] - 1}", "the alert's signature"


def a_foreign_record(vandal: Vandal, pin: bytes) -> tuple[str, str]:
    place: list[int] = []

    def change(sequence: int, unchained: bytes) -> bytes:
        if not place and b"tocsin.event." in unchained:
            place.append(sequence)
            return flipped(unchained, -SIGNATURE_BYTES - 40)
        return unchained

    vandal.forge("aa", pin, change)
    return f"outbox.aa at offset {place[0] - 1}", "`events` does not hold"


def a_head_of_another_delivery(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.change_head("cc", chain=b"c" * 32)
    return "delivered.cc", "head"


def a_head_ahead_of_correlate(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.change_head("cc", position=100_000)
    return "delivered.cc", "no slot has read"


def a_lost_topic(vandal: Vandal, _: bytes) -> tuple[str, str]:
    vandal.sql("DELETE FROM topics WHERE name = 'control'")
    return "control", "missing"


SEEN_AT_ONCE = (
    *(a_missing_record, a_missing_first_record, a_missing_last_record, a_record_beyond_the_end, a_record_of_no_topic),
    *(a_cursor_beyond_the_end, a_changed_control_record, a_submission_that_nobody_answered),
    *(a_head_of_another_delivery, a_head_ahead_of_correlate, a_lost_topic),
)
SEEN_IN_FULL = (
    *(a_time_that_goes_back, a_broken_signature, a_broken_payload, another_key, a_record_twice, a_tick_again),
    *(another_roster_than_was_judged_by, a_roster_from_the_future, a_record_without_a_receipt),
    *(a_receipt_without_a_record, a_receipt_of_another_submission, a_receipt_of_another_time),
    *(refused_bytes_that_are_gone, a_changed_delivery, swapped_deliveries, a_forged_alert, a_foreign_record),
)


@pytest.mark.parametrize("damage", [*SEEN_AT_ONCE, *SEEN_IN_FULL])
def test_damage_is_found_with_its_place(home: Home, damage: Callable[[Vandal, bytes], tuple[str, str]]) -> None:
    vandal = Vandal(home.log)
    place, words = damage(vandal, home.pin())
    vandal.close()
    found = verified(home)
    assert any(one.place == place and words in one.what for one in found.findings), found.findings
    assert verified(home, quick=True).sound == (damage in SEEN_IN_FULL)


def test_a_damaged_file_is_a_finding_and_not_a_traceback(home: Home) -> None:
    data = bytearray(home.log.read_bytes())
    for place in range(len(data) // 2 // 4096 * 4096, len(data), 4096):
        data[place : place + 64] = b"\xaa" * 64
    home.log.write_bytes(data)
    for quick in (True, False):
        found = verified(home, quick=quick)
        assert not found.sound
        assert found.findings[0].place in {"the file", "bus.db"}


@pytest.fixture
def command(home: Home) -> Tocsin:
    return Tocsin(home.path)


def test_the_command_says_where_and_ends_with_one(command: Tocsin) -> None:
    said = command.ok("log", "verify")
    assert "the log is sound" in said.out
    vandal = Vandal(command.home / "bus.db")
    place, words = a_broken_signature(vandal, b"")
    vandal.close()
    told = command("log", "verify")
    assert told.code == 1
    assert f"{place}: " in told.out
    assert words in told.out
    assert "restore" in told.err
    document = command("log", "verify", "--json").document
    assert document["sound"] is False
    assert document["findings"][0]["place"] == place
    assert set(READERS) == {"aa", "bb", "cc", "dd"}
