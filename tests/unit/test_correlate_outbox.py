"""Step 7: content only with a permit for its reader; numbered, chained, never behind what was delivered."""

import pytest

from bus.fusion.masks import bits
from bus.stages.correlate.delivered import Head
from bus.stages.correlate.entry import Tally
from bus.stages.correlate.groups import covered, drop, put, split, value_of
from bus.stages.correlate.note import Mark, Marks, Note
from bus.stages.correlate.notice import Notice
from bus.stages.correlate.outbox import BehindError, Outbox
from bus.stages.correlate.parcel import Content, NotPermittedError, Parcel, Removal, enclose
from bus.stages.correlate.stage import slot_of
from schemas.codec import decode_trusted
from schemas.delivery import first_chain, next_chain, strip_chain
from schemas.models import Change, DeliveryReason
from schemas.registry import newest
from tests.support.desk import ANN_ONLY, DAY_MS, NEW_YORK, Desk

A, B = "ann/field/e:1", "bob/field/e:2"


def test_content_needs_a_permit_for_exactly_this_reader_and_label() -> None:
    desk = Desk()
    desk.report(A, NEW_YORK)
    state = desk.fold.state.rights.state(NEW_YORK)
    other = desk.fold.state.rights.state(ANN_ONLY)
    bit = desk.fold.state.rights.bit
    assert state.label is not None
    content = Content(state.label, b"secret")
    assert Parcel("bob", content, state.permits[bit("bob")]).middle == b"secret"
    for reader, permit in (
        ("bob", None),
        ("cat", state.permits.get(bit("cat"))),
        ("cat", state.permits[bit("bob")]),
        ("ann", other.permits[bit("ann")]),
    ):
        with pytest.raises(NotPermittedError):
            Parcel(reader, content, permit)
    assert Parcel("cat", Removal(b"an id"), None).middle == b"an id"


def test_new_and_update_are_content_and_the_others_are_not() -> None:
    desk = Desk()
    desk.report(A)
    notice = desk.notice("event")
    assert isinstance(enclose(notice, notice.body), Content)
    gone = Notice(1, Change.RETRACTED, "event", A, Tally(), DeliveryReason.EXPIRED)
    assert isinstance(enclose(gone, None), Removal)
    with pytest.raises(NotPermittedError):
        enclose(Notice(1, Change.NEW, "event", A, Tally(), body=b"x"), b"x")


def outbox(desk: Desk, heads: dict[str, Head] | None = None) -> Outbox:
    return Outbox(desk.world.pin, lambda: desk.world.bus, heads or {}, lambda _reader, _change: None)


def test_deliveries_are_numbered_and_chained_per_reader_and_an_alert_is_signed_once() -> None:
    desk = Desk()
    box = outbox(desk)
    for ref in (A, B):
        desk.report(ref)
        box.write(desk.last, 5, desk.fold.state.rights)
    records = box.take()
    found = {}
    for name in ("ann", "bob", "cat"):
        chain = first_chain(name, desk.world.pin)
        values = [record.value for record in records if record.topic == f"outbox.{name}"]
        read = [decode_trusted(newest("delivery"), value) for value in values]
        for value, one in zip(values, read, strict=True):
            chain = next_chain(chain, strip_chain(value))
            assert one["chain"] == chain
        assert [one["sequence"] for one in read] == [1, 2, 3]
        (head,) = [record for record in records if record.topic == f"delivered.{name}" and record.key == b"head"]
        assert decode_trusted(newest("heldhead"), head.value) == {"sequence": 3, "chain": chain, "position": 5}
        found[name] = read[-1]["body"]
    assert found["ann"] == found["bob"] == found["cat"]
    assert box.take() == []
    bare = Outbox(desk.world.pin, lambda: desk.world.bus, {}, lambda _reader, _change: None)
    desk.report(A)
    bare.write([one for one in desk.last if one.kind == "event"], 6, desk.fold.state.rights)
    amended = [decode_trusted(newest("delivery"), one.value) for one in bare.take() if one.topic == "outbox.cat"]
    counted = [desk.fold.state.entry(("ann", "field", "e:1")).tally.count(desk.fold.state.rights.bit("cat"))]
    assert [one["revision"] for one in amended] == counted
    assert counted[0] > 1


def test_nothing_is_delivered_behind_the_head() -> None:
    desk = Desk()
    desk.report(A)
    box = outbox(desk, {"bob": Head(7, bytes(32), 9)})
    with pytest.raises(BehindError) as error:
        box.write(desk.last, 8, desk.fold.state.rights)
    assert "outbox.bob" in str(error.value)


def test_every_reader_has_one_slot() -> None:
    names = [f"agency-{number}" for number in range(200)]
    slots = [slot_of(name, 8) for name in names]
    assert set(slots) == set(range(8))
    assert slots == [slot_of(name, 8) for name in names]
    assert {slot_of(name, 1) for name in names} == {0}


def test_groups_hold_one_value_per_reader() -> None:
    groups = put(put(put((), 0b111, 1), 0b010, 2), 0b1000, 2)
    assert dict(groups) == {1: 0b101, 2: 0b1010}
    assert (value_of(groups, 1), value_of(groups, 4), covered(groups)) == (2, None, 0b1111)
    assert drop(groups, 0b1010) == ((1, 0b101),)
    assert sorted(split(groups, 0b10011, 0)) == [(0, 0b10000), (1, 0b1), (2, 0b10)]
    assert put(groups, 0b1111, 5) == ((5, 0b1111),)
    assert put(groups, 0, 5) == groups
    assert list(bits(0b10110)) == [1, 2, 4]


def test_a_tally_counts_each_reader_apart() -> None:
    tally = Tally()
    assert tally.told(0b11) == [(1, 0b11)]
    assert sorted(tally.told(0b110)) == [(1, 0b100), (2, 0b10)]
    assert [tally.count(bit) for bit in range(4)] == [1, 2, 1, 0]
    tally.ended(0b10, 99)
    assert covered(tally.since) == 0b10
    tally.forget(0b10)
    assert (tally.count(1), covered(tally.since)) == (0, 0)


def test_a_note_says_where_to_read_on_from() -> None:
    marks = Marks()
    assert marks.note(None, 0) == Note()
    for day in range(40):
        marks.add(Mark(day * DAY_MS, 100 + day, day))
    note = marks.note(39 * DAY_MS, 39)
    assert note == Note(39 * DAY_MS, 39, 124, 24), "the last tick that is 14 days and an hour old"
    assert Note.read(note.text()) == note
    again = Marks()
    again.start(note)
    again.add(Mark(39 * DAY_MS, 139, 39))
    assert again.note(39 * DAY_MS, 39) == note
