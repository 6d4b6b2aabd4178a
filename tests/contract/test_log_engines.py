"""What every engine of the log promises (log.md, "The protocol"). Written once, run on each."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from bus.log.faults import Fenced, LogError, NoTopicError, Owned
from bus.log.protocol import Log, NewRecord, Reader, Record
from bus.units import DAY_MS
from tests.support.log_engines import ENGINES, Engine, new

EVENTS = "events"
SUBMISSIONS = "submissions.fra"
OUTBOX = "outbox.fra"
REJECTED = "rejected.fra"
DELIVERED = "delivered.fra"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    made = ENGINES[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def log(engine: Engine) -> Log:
    return engine.open()


def values(records: list[Record] | Iterator[Record]) -> list[bytes]:
    return [record.value for record in records]


def poll_all(reader: Reader, batch: int = 100) -> list[Record]:
    found: list[Record] = []
    while records := reader.poll(batch, 0):
        found += records
    return found


def numbers(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


# --- append and read --------------------------------------------------------------------------------------------------


def test_what_is_appended_is_read_back_byte_for_byte_and_in_order(log: Log) -> None:
    sent = [
        NewRecord(EVENTS, b"", b"\0\xff" * 3, (("a", b"1"), ("a", b""), ("é", b"\0"))),
        NewRecord(EVENTS, b"\0k\xff", b""),
        NewRecord(EVENTS, b"k", b"x" * 300_000),
    ]
    log.append(EVENTS, sent)
    got = list(log.read(EVENTS))
    assert [(r.topic, r.key, r.value, r.headers) for r in got] == [tuple(r) for r in sent]
    assert [r.offset for r in got] == sorted({r.offset for r in got})


def test_an_acknowledged_record_is_there_for_every_view_at_once_and_after_all_are_closed(engine: Engine) -> None:
    writer, other = engine.open(), engine.open()
    writer.append(EVENTS, new(EVENTS, b"a"))
    assert values(other.read(EVENTS)) == [b"a"]
    writer.close()
    other.close()
    assert values(engine.open().read(EVENTS)) == [b"a"]


def test_appending_gives_each_record_its_append_time_which_never_goes_back(engine: Engine) -> None:
    log = engine.open()
    times = log.append(EVENTS, new(EVENTS, b"a", b"b"))
    engine.pass_time(-60_000)
    times += engine.open().append(EVENTS, new(EVENTS, b"c"))
    engine.pass_time(120_000)
    times += log.append(EVENTS, new(EVENTS, b"d"))
    assert times == [record.append_time_ms for record in log.read(EVENTS)]
    assert times == sorted(times)
    assert times[-1] > times[0]


def test_nothing_is_appended_for_no_records(log: Log) -> None:
    assert log.append(EVENTS, []) == []
    assert log.end(EVENTS) == 0


def test_a_topic_that_is_not_there_is_an_error_that_names_it(log: Log) -> None:
    reader = log.take("ingest", [SUBMISSIONS])
    uses: list[Callable[[], object]] = [
        lambda: log.append("outbox.usa", new("outbox.usa", b"a")),
        lambda: log.read("outbox.usa"),
        lambda: log.latest("outbox.usa"),
        lambda: log.end("outbox.usa"),
        lambda: log.take("correlate", ["outbox.usa"]),
        lambda: reader.add(["outbox.usa"]),
        lambda: reader.commit(new("outbox.usa", b"a")),
    ]
    for use in uses:
        with pytest.raises(NoTopicError, match=r"outbox\.usa"):
            use()


def test_a_record_goes_to_no_other_topic_than_it_names(log: Log) -> None:
    with pytest.raises(LogError):
        log.append(EVENTS, [*new(EVENTS, b"a"), *new(OUTBOX, b"b")])
    assert log.end(EVENTS) == log.end(OUTBOX) == 0


def test_a_range_is_read_from_start_up_to_end(log: Log) -> None:
    log.append(OUTBOX, new(OUTBOX, b"another topic before"))
    log.append(EVENTS, new(EVENTS, *numbers(1200)))
    offsets = [record.offset for record in log.read(EVENTS)]
    assert values(log.read(EVENTS, offsets[3], offsets[6])) == [b"3", b"4", b"5"]
    assert values(log.read(EVENTS, offsets[1190])) == numbers(10, 1190)
    assert values(log.read(EVENTS, 0, offsets[-1] + 1000)) == numbers(1200)
    assert values(log.read(EVENTS, log.end(EVENTS))) == []
    assert values(log.read(EVENTS, -1, offsets[1])) == [b"0"]
    assert values(log.read(EVENTS, offsets[5], offsets[5])) == []
    assert offsets[-1] < log.end(EVENTS)


def test_reading_ends_where_the_topic_ended_at_the_call(log: Log) -> None:
    log.append(EVENTS, new(EVENTS, b"a"))
    reading = log.read(EVENTS)
    log.append(EVENTS, new(EVENTS, b"b"))
    assert values(reading) == [b"a"]


def test_many_writers_at_once_lose_and_double_nothing_and_keep_each_ones_order(engine: Engine) -> None:
    def write(view: Log, writer: int) -> None:
        for number in range(50):
            view.append(EVENTS, new(EVENTS, b"%d" % number, key=b"%d" % writer))

    views = [engine.open(), engine.open()]
    threads = [threading.Thread(target=write, args=(views[n % 2], n)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = list(views[0].read(EVENTS))
    assert len(got) == 300
    for writer in range(6):
        assert values([r for r in got if r.key == b"%d" % writer]) == numbers(50)


# --- owners -----------------------------------------------------------------------------------------------------------


def test_a_name_has_one_owner_and_a_second_is_told_who(engine: Engine) -> None:
    first = engine.open().take("correlate-0", [EVENTS])
    other = engine.open()
    with pytest.raises(Owned, match="correlate-0 is owned by process"):
        other.take("correlate-0", [EVENTS])
    other.take("correlate-1", [EVENTS])
    first.commit([], {EVENTS: 0})


def test_a_name_that_was_released_is_free_at_once(engine: Engine) -> None:
    log, other = engine.open(), engine.open()
    reader = log.take("ingest", [SUBMISSIONS])
    reader.release()
    other.take("ingest", [SUBMISSIONS])
    with pytest.raises(Fenced):
        reader.commit([])


def test_closing_a_log_releases_what_it_owned(engine: Engine) -> None:
    log, other = engine.open(), engine.open()
    log.take("ingest", [SUBMISSIONS])
    log.close()
    other.take("ingest", [SUBMISSIONS])


def test_a_fenced_owner_writes_nothing_more(engine: Engine) -> None:
    log, other = engine.open(), engine.open()
    log.append(SUBMISSIONS, new(SUBMISSIONS, b"a"))
    old = log.take("ingest", [SUBMISSIONS])
    old.commit(new(EVENTS, b"old"), {SUBMISSIONS: 0}, "old")
    engine.let_ownership_lapse()
    fresh = other.take("ingest", [SUBMISSIONS])
    with pytest.raises(Fenced, match="ingest"):
        old.commit(new(EVENTS, b"late"), {SUBMISSIONS: 1}, "late")
    with pytest.raises(Fenced):
        old.add([EVENTS])
    old.release()  # of what is no longer its own: no effect
    fresh.commit(new(EVENTS, b"fresh"))
    assert values(log.read(EVENTS)) == [b"old", b"fresh"]
    assert (fresh.cursor(SUBMISSIONS), fresh.note()) == (0, "old")


def test_an_owner_whose_lease_lapsed_goes_on_where_nobody_took_the_name(engine: Engine) -> None:
    log = engine.open()
    reader = log.take("ingest", [SUBMISSIONS])
    engine.let_ownership_lapse()
    reader.commit(new(EVENTS, b"a"))
    assert values(log.read(EVENTS)) == [b"a"]


# --- poll and commit --------------------------------------------------------------------------------------------------


def test_outputs_cursor_and_note_stand_together_for_the_next_owner(engine: Engine) -> None:
    log = engine.open()
    log.append(SUBMISSIONS, new(SUBMISSIONS, *numbers(10)))
    reader = log.take("ingest", [SUBMISSIONS])
    assert (reader.owner, reader.cursor(SUBMISSIONS), reader.note()) == ("ingest", 0, None)
    batch = reader.poll(4, 0)
    outputs = [*new(EVENTS, *values(batch)), *new(OUTBOX, b"x"), *new(EVENTS, b"last")]
    reader.commit(outputs, {SUBMISSIONS: batch[-1].offset + 1}, "note")
    reader.poll(4, 0)  # read, but not committed
    log.close()
    log = engine.open()
    reader = log.take("ingest", [SUBMISSIONS])
    assert (reader.cursor(SUBMISSIONS), reader.note()) == (batch[-1].offset + 1, "note")
    assert values(poll_all(reader)) == numbers(6, 4)
    assert values(log.read(EVENTS)) == [*numbers(4), b"last"]
    assert values(log.read(OUTBOX)) == [b"x"]
    reader.commit([])
    assert reader.note() == "note"


def test_a_commit_that_fails_leaves_nothing_behind(log: Log) -> None:
    log.append(SUBMISSIONS, new(SUBMISSIONS, b"a"))
    reader = log.take("ingest", [SUBMISSIONS])
    broken = [*new(EVENTS, b"a"), NewRecord(EVENTS, b"k", "no bytes")]  # type: ignore[arg-type]
    with pytest.raises((LogError, TypeError)):
        reader.commit(broken, {SUBMISSIONS: 1}, "note")
    assert list(log.read(EVENTS)) == []
    assert (reader.cursor(SUBMISSIONS), reader.note()) == (0, None)
    reader.commit(new(EVENTS, b"b"), {SUBMISSIONS: 1})
    assert values(log.read(EVENTS)) == [b"b"]


def test_a_cursor_moves_in_topics_of_the_reader_only(log: Log) -> None:
    reader = log.take("ingest", [SUBMISSIONS])
    with pytest.raises(LogError, match="events"):
        reader.commit(new(OUTBOX, b"a"), {EVENTS: 1})
    with pytest.raises(LogError, match="events"):
        reader.cursor(EVENTS)
    assert log.end(OUTBOX) == 0


def test_two_readers_of_one_topic_hold_cursors_of_their_own(log: Log) -> None:
    log.append(EVENTS, new(EVENTS, *numbers(10)))
    slow, fast = log.take("correlate-0", [EVENTS]), log.take("correlate-1", [EVENTS])
    slow.poll(1, 0)
    assert values(poll_all(fast)) == numbers(10)
    fast.commit([], {EVENTS: log.end(EVENTS)})
    assert (slow.cursor(EVENTS), fast.cursor(EVENTS)) == (0, log.end(EVENTS))
    assert values(poll_all(slow)) == numbers(9, 1)


def test_poll_gives_every_topic_its_share_and_keeps_each_ones_order(log: Log) -> None:
    other = "submissions.deu"
    log.append(SUBMISSIONS, new(SUBMISSIONS, *numbers(1000)))
    log.append(other, new(other, *numbers(5)))
    reader = log.take("ingest", [SUBMISSIONS, other])
    first = reader.poll(20, 0)
    assert len(first) == 20
    assert values([r for r in first if r.topic == other]) == numbers(5)
    got = first + poll_all(reader, 7)
    assert values([r for r in got if r.topic == SUBMISSIONS]) == numbers(1000)
    assert values([r for r in got if r.topic == other]) == numbers(5)


def test_with_room_for_one_record_every_topic_has_its_turn(log: Log) -> None:
    topics = [SUBMISSIONS, "submissions.deu", EVENTS]
    for name in topics:
        log.append(name, new(name, *numbers(50)))
    reader = log.take("ingest", topics)
    assert {record.topic for _ in range(9) for record in reader.poll(1, 0)} == set(topics)


def test_poll_waits_for_what_another_appends(engine: Engine) -> None:
    log, other = engine.open(), engine.open()
    reader = log.take("ingest", [SUBMISSIONS])
    later = threading.Timer(0.1, lambda: other.append(SUBMISSIONS, new(SUBMISSIONS, b"a")))
    later.start()
    began = time.monotonic()
    got = reader.poll(10, 10)
    later.join()
    assert values(got) == [b"a"]
    assert time.monotonic() - began < 5


def test_poll_gives_nothing_when_the_time_is_over(log: Log) -> None:
    reader = log.take("ingest", [SUBMISSIONS])
    log.append(OUTBOX, new(OUTBOX, b"none of its topics"))
    began = time.monotonic()
    assert reader.poll(10, 0.05) == []
    assert 0.04 <= time.monotonic() - began < 5


def test_a_topic_is_added_at_its_committed_cursor(engine: Engine) -> None:
    log = engine.open()
    log.append(EVENTS, new(EVENTS, *numbers(3)))
    earlier = log.take("ingest", [EVENTS])
    cursor = earlier.poll(1, 0)[0].offset + 1
    earlier.commit([], {EVENTS: cursor})
    earlier.release()
    reader = log.take("ingest", [SUBMISSIONS])
    assert reader.poll(10, 0) == []
    reader.add([EVENTS, SUBMISSIONS])
    assert reader.cursor(EVENTS) == cursor
    assert values(poll_all(reader)) == numbers(2, 1)


def test_wait_returns_for_whatever_was_written_since_the_last_call(engine: Engine) -> None:
    log, other = engine.open(), engine.open()
    while log.wait(0.05):
        pass
    assert not log.wait(0.02)
    other.append(EVENTS, new(EVENTS, b"a"))
    assert log.wait(5)
    assert not log.wait(0.02)
    log.append(EVENTS, new(EVENTS, b"b"))
    assert log.wait(5)
    threading.Timer(0.1, lambda: other.append(EVENTS, new(EVENTS, b"c"))).start()
    assert log.wait(5)


# --- compaction and retention -----------------------------------------------------------------------------------------


def test_of_a_compacted_topic_the_latest_record_of_each_key_is_kept(engine: Engine) -> None:
    log = engine.open()
    keys = [b"%04d" % number for number in range(1200)]
    log.append(DELIVERED, [NewRecord(DELIVERED, key, b"old") for key in (b"", *keys)])
    reader = log.take("correlate", [EVENTS])
    reader.commit(
        [
            NewRecord(DELIVERED, keys[0], b"new"),
            NewRecord(DELIVERED, keys[1], b""),
            NewRecord(DELIVERED, keys[2], b""),
            NewRecord(DELIVERED, keys[2], b"again", (("h", b"1"),)),
            NewRecord(DELIVERED, keys[3], b"for a moment"),
            NewRecord(DELIVERED, keys[3], b""),
        ]
    )
    found = {record.key: (record.value, record.headers) for record in engine.open().latest(DELIVERED)}
    assert found.pop(b"") == (b"old", ())
    assert found.pop(keys[0]) == (b"new", ())
    assert found.pop(keys[2]) == (b"again", (("h", b"1"),))
    assert found == dict.fromkeys(keys[4:], (b"old", ()))


def test_compacted_topics_are_kept_apart(log: Log) -> None:
    log.append(DELIVERED, new(DELIVERED, b"fra"))
    log.append("delivered.deu", new("delivered.deu", b"deu"))
    assert values(log.latest(DELIVERED)) == [b"fra"]
    with pytest.raises(LogError):
        log.latest(EVENTS)


def test_compaction_takes_what_is_superseded_and_changes_nothing_of_the_latest(engine: Engine) -> None:
    log = engine.open()
    keys = [b"%d" % number for number in range(700)]
    log.append(DELIVERED, [NewRecord(DELIVERED, key, b"%d" % turn) for turn in range(3) for key in keys])
    (at, *_) = log.append(DELIVERED, [NewRecord(DELIVERED, key, b"") for key in keys[:600]])
    end = log.end(DELIVERED)
    for _ in range(2):
        log.retain(at)
        assert {r.key: r.value for r in engine.open().latest(DELIVERED)} == dict.fromkeys(keys[600:], b"2")
        log.append(DELIVERED, [NewRecord(DELIVERED, keys[699], b"2") for _ in range(2000)])
    log.retain(at)
    assert sum(1 for _ in log.read(DELIVERED)) < 2000
    assert log.end(DELIVERED) >= end + 4000


def test_retention_deletes_what_is_old_and_offsets_go_on(engine: Engine) -> None:
    log = engine.open()
    (at, *_) = log.append(REJECTED, new(REJECTED, *numbers(1100)))
    end = log.end(REJECTED)
    assert log.retain(at + 90 * DAY_MS) == 0
    assert log.retain(at + 90 * DAY_MS + 1) == 1100
    assert values(log.read(REJECTED)) == []
    log.append(REJECTED, new(REJECTED, b"young"))
    assert [(r.offset >= end, r.value) for r in log.read(REJECTED)] == [(True, b"young")]
    assert log.append(REJECTED, new(REJECTED, b"after"))[0] >= at


def test_retention_keeps_what_is_young(engine: Engine) -> None:
    log = engine.open()
    log.append(REJECTED, new(REJECTED, b"old"))
    engine.pass_time(DAY_MS)
    (at,) = log.append(REJECTED, new(REJECTED, b"young"))
    log.append("control", new("control", b"kept for ever"))
    assert log.retain(at + 90 * DAY_MS) == 1
    assert values(log.read(REJECTED)) == [b"young"]
    assert values(log.read("control")) == [b"kept for ever"]


def test_retention_never_passes_the_slowest_cursor(engine: Engine) -> None:
    log = engine.open()
    (at, *_) = log.append(EVENTS, new(EVENTS, *numbers(10)))
    offsets = [record.offset for record in log.read(EVENTS)]
    far = at + 10_000 * DAY_MS
    assert log.retain(far) == 0  # no stage has ever read it
    slow, fast = log.take("correlate-0", [EVENTS]), log.take("correlate-1", [EVENTS])
    fast.commit([], {EVENTS: log.end(EVENTS)})
    assert log.retain(far) == 0
    slow.commit([], {EVENTS: offsets[4]})
    slow.release()
    assert log.retain(far) == 4
    assert values(log.read(EVENTS)) == numbers(6, 4)


# --- topics and state -------------------------------------------------------------------------------------------------


def test_creating_a_topic_again_changes_nothing_in_it(engine: Engine) -> None:
    engine.open().append(EVENTS, new(EVENTS, b"a"))
    assert values(engine.open().read(EVENTS)) == [b"a"]  # each view creates them


def test_the_state_shows_topics_owners_and_cursors(engine: Engine) -> None:
    log, other = engine.open(), engine.open()
    (at, *_) = log.append(SUBMISSIONS, new(SUBMISSIONS, *numbers(3)))
    reader = log.take("ingest", [SUBMISSIONS])
    reader.commit([], {SUBMISSIONS: 2}, "note")
    state = other.describe()
    topic = next(one for one in state.topics if one.name == SUBMISSIONS)
    assert (topic.start, topic.end, topic.last_append_ms) == (0, log.end(SUBMISSIONS), at)
    assert (topic.retention_ms, topic.compacted) == (14 * DAY_MS, False)
    (owner,) = state.owners
    assert (owner.name, dict(owner.cursors), owner.note) == ("ingest", {SUBMISSIONS: 2}, "note")
    assert owner.holder is not None
    assert dict(other.cursors("ingest")) == {SUBMISSIONS: 2}
    assert not other.cursors("nobody")
    assert state.size_bytes > 0
    reader.release()
    assert other.describe().owners[0].holder is None


def test_a_log_at_work_is_sound(engine: Engine) -> None:
    log = engine.open()
    reader = log.take("stage", [SUBMISSIONS])
    log.append(SUBMISSIONS, new(SUBMISSIONS, *numbers(700)))
    reader.commit(new(EVENTS, *numbers(20)), {SUBMISSIONS: 700})
    log.append(DELIVERED, [NewRecord(DELIVERED, b"%d" % (number % 3), b"x") for number in range(1200)])
    engine.pass_time(15 * DAY_MS)
    log.append(SUBMISSIONS, new(SUBMISSIONS, b"young"))
    assert log.retain(log.append(EVENTS, new(EVENTS, b"now"))[0]) > 1800
    assert [list(log.check(quick=quick)) for quick in (True, False)] == [[], []]


def test_a_frozen_view_is_of_one_moment(engine: Engine) -> None:
    log, other = engine.open(), engine.open()
    log.append(EVENTS, new(EVENTS, b"a"))
    with log.frozen():
        other.append(EVENTS, new(EVENTS, b"b"))
        assert values(log.read(EVENTS)) == [b"a"]
        assert next(one.end for one in log.describe().topics if one.name == EVENTS) == log.end(EVENTS) == 1
    assert values(log.read(EVENTS)) == [b"a", b"b"]


def test_threads_that_freeze_one_log_take_turns(engine: Engine) -> None:
    log = engine.open()
    log.append(EVENTS, new(EVENTS, b"a"))
    with ThreadPoolExecutor(1) as pool:
        with log.frozen():
            other = pool.submit(_frozen_values, log)
            wait([other], 0.2)
        assert other.result(10) == [b"a"]


def _frozen_values(log: Log) -> list[bytes]:
    with log.frozen():
        return values(log.read(EVENTS))


def test_a_closed_log_says_so(engine: Engine) -> None:
    log = engine.open()
    log.close()
    log.close()
    for use in (lambda: log.append(EVENTS, new(EVENTS, b"a")), lambda: log.end(EVENTS), lambda: log.take("x", [])):
        with pytest.raises(LogError):
            use()
