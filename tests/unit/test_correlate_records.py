"""Pictures, sections 2 and 3: who gets an author's record, who keeps it, who loses it and why."""

from tests.support.desk import ALL, ANN_ONLY, DAY_MS, HOUR_MS, NEW_YORK, PUBLIC, Desk, Told
from tests.support.simulator import COALITION, Key

A, B = "ann/field/e:1", "bob/field/e:2"


def new(ref: str, kind: str = "event") -> Told:
    return Told("NEW", kind, ref)


def gone(ref: str, reason: str, kind: str = "event") -> Told:
    return Told("RETRACTED", kind, ref, reason)


def test_a_record_goes_to_those_who_may_read_its_label_and_nobody_else() -> None:
    desk = Desk()
    desk.report(A, NEW_YORK)
    assert desk.readers(desk.notice("event")) == {"ann", "bob"}
    desk.report("cat/field/e:9", ANN_ONLY)
    assert new("cat/field/e:9") in desk.told("ann")
    assert desk.told("cat") == [], "no special case for one's own"


def test_what_fails_under_the_roster_at_its_position_is_never_visible() -> None:
    desk = Desk()
    old = desk.world.agencies["bob"].keys[0]
    old.revoked_at = desk.world.now
    desk.world.agencies["bob"].keys.append(Key(desk.world.mint(), desk.world.now))
    desk.world.agencies["ann"].feeds["field"].floor = NEW_YORK
    desk.world.agencies["cat"].suspended = True
    desk.roster()
    desk.report(B, key=old)
    assert desk.last == []
    desk.report(A, PUBLIC)
    assert desk.last == []
    desk.report("cat/field/e:3")
    assert desk.last == []
    desk.world.agencies["cat"].suspended = False
    desk.world.agencies["ann"].feeds["field"].floor = PUBLIC
    desk.roster()
    desk.tick()
    assert not [one for one in desk.last if one.kind == "event"]
    desk.report("ann/field/e:4", PUBLIC)
    assert desk.told("bob") == [new("ann/field/e:4"), *desk.told("bob")[1:]]


def test_a_new_agency_gets_the_last_fourteen_days_by_position_then_the_alerts() -> None:
    desk = Desk()
    desk.report("bob/field/e:0")
    desk.world.now += 2 * DAY_MS
    desk.report(B)
    desk.report(A)
    desk.tick(13)
    desk.admit("dan")
    desk.roster()
    assert [(one.kind, one.ref) for one in desk.told("dan")][:2] == [("event", B), ("event", A)]
    assert [one.kind for one in desk.told("dan")] == ["event", "event", "alert"]
    assert not desk.told("bob")


def test_a_late_version_of_an_old_event_enters_closed_and_is_never_matched() -> None:
    desk = Desk()
    desk.report(A, ANN_ONLY)
    desk.tick(10)
    desk.report(A, ANN_ONLY)
    desk.tick(10)
    desk.world.agencies["bob"].clearance["audiences"] = ["GEN", "NYC", "X"]
    desk.world.agencies["ann"].clearance["audiences"] = []
    desk.roster()
    assert desk.told("ann") == [], "its own label names ann"
    desk.world.agencies["ann"].clearance["policies"] = []
    desk.roster()
    assert desk.told("ann") == [gone(A, "RIGHT_LOST")]
    desk.world.agencies["ann"].clearance["policies"] = desk.world.agencies["bob"].clearance["policies"]
    desk.roster()
    assert desk.told("ann") == [new(A)], "the revision is ten days old, the event twenty"
    entry = desk.fold.state.entry(("ann", "field", "e:1"))
    assert (entry.has, entry.closed, entry.open) == (1, 1, 0)


def test_the_highest_revision_counts_and_is_an_update() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(A)
    notice = desk.notice("event")
    assert (notice.change, notice.what_changed, notice.reason) == ("UPDATE", ("REVISION",), None)
    assert desk.readers(notice) == {"ann", "bob", "cat"}


def test_a_retraction_is_told_first_then_what_it_takes_then_the_alerts() -> None:
    desk = Desk()
    desk.report(B)
    desk.report(A)
    (alert,) = desk.alerts("bob")
    record = desk.retract(A)
    assert desk.told("bob") == [
        new(record, "retraction"),
        gone(A, "AUTHOR_RETRACTED"),
        Told("RETRACTED", "alert", alert, "BELOW_THRESHOLD"),
    ]


def test_a_retraction_holds_before_what_it_names_arrives_and_up_to_its_revision() -> None:
    desk = Desk()
    desk.report(B)
    desk.retract(B, up_to=2)
    desk.world.covered.clear()
    desk.report(B)
    assert desk.last == [], "revision 2 is covered; ingest would have refused it"
    desk.report(B)
    assert desk.told("ann") == [new(B)]
    assert desk.notice("event").tally.count(0) == 3, "a count survives RETRACTED"


def test_a_retraction_under_another_label_has_no_effect() -> None:
    desk = Desk()
    desk.report(A)
    desk.retract(A, NEW_YORK)
    assert [one.kind for one in desk.told("bob")] == ["retraction"]
    assert desk.told("cat") == []


def test_a_replacement_acts_as_a_retraction_and_does_not_end_when_it_expires() -> None:
    desk = Desk()
    desk.report(A)
    replaces = [{"feed": "field", "id": "e:1"}]
    other = desk.report("ann/field/e:2", replaces=replaces, expires_at=desk.world.now + HOUR_MS)
    assert desk.told("bob") == [new(other), gone(A, "REPLACED")]
    desk.tick(1)
    assert desk.told("bob") == [gone(other, "EXPIRED")]


def test_a_replacement_that_is_retracted_brings_it_back() -> None:
    desk = Desk()
    desk.report(A)
    other = desk.report("ann/field/e:2", replaces=[{"feed": "field", "id": "e:1"}])
    record = desk.retract(other)
    assert desk.told("bob") == [new(A), new(record, "retraction"), gone(other, "AUTHOR_RETRACTED")]


def steal(desk: Desk, name: str, since: int) -> None:
    """The agency's first key turns out to be a thief's since then."""
    agency = desk.world.agencies[name]
    agency.keys[0].revoked_at = desk.world.now
    agency.keys[0].compromised_since = since
    agency.keys.append(Key(desk.world.mint(), desk.world.now))
    desk.roster()


def test_a_tainted_revision_goes_and_the_earlier_one_returns() -> None:
    desk = Desk()
    desk.report(A)
    desk.world.now += DAY_MS
    since = desk.world.now + 1
    desk.report(A)
    desk.report(B)
    desk.report("ann/media/e:7")
    steal(desk, "ann", since)
    assert desk.told("cat")[:2] == [Told("UPDATE", "event", A), gone("ann/media/e:7", "TAINTED")]


def test_an_earlier_revision_that_is_too_old_does_not_return() -> None:
    desk = Desk()
    desk.report(A)
    desk.tick(20)
    desk.report(A)
    steal(desk, "ann", desk.world.now)
    assert desk.told("cat") == [gone(A, "TAINTED")]


def test_a_thiefs_label_does_not_lock_the_author_out() -> None:
    desk = Desk()
    desk.report(A, NEW_YORK)
    steal(desk, "ann", desk.world.now)
    assert desk.told("bob") == [gone(A, "TAINTED")]
    desk.report(A, ALL)
    assert desk.told("bob") == desk.told("cat") == [new(A)]


def test_a_clearance_ends_on_a_tick() -> None:
    desk = Desk()
    desk.world.agencies["bob"].clearance["not_after"] = desk.world.now + DAY_MS
    desk.roster()
    desk.report(A)
    desk.world.now += DAY_MS
    desk.report("cat/field/e:5", where={"lat": 1.0, "lon": 25.0})
    assert new("cat/field/e:5") in desk.told("bob"), "time acts at ticks only"
    desk.tick()
    assert gone(A, "RIGHT_LOST") in desk.told("bob")
    desk.report("cat/field/e:6")
    assert desk.told("bob") == []


def test_lower_then_raise_is_a_new_admission() -> None:
    desk = Desk()
    clearance = desk.world.agencies["bob"].clearance
    desk.report(A)
    desk.report("cat/field/e:3")
    (alert,) = desk.alerts("bob")
    desk.world.agencies["bob"].clearance = {}
    desk.roster()
    assert desk.told("bob") == [
        gone(A, "RIGHT_LOST"),
        gone("cat/field/e:3", "RIGHT_LOST"),
        gone(alert, "RIGHT_LOST", "alert"),
    ]
    desk.world.agencies["bob"].clearance = clearance
    desk.roster()
    assert desk.told("bob") == [new(A), new("cat/field/e:3"), new(alert, "alert")]


def test_a_label_that_a_new_policy_makes_invalid_is_denied() -> None:
    desk = Desk()
    desk.report(A, "COALITION UNCLASSIFIED//PUBLIC//CONTROL NO-ONWARD")
    desk.world.policy(COALITION.replace('NO-ONWARD = "INFORMATIVE"\n', ""))
    desk.run()
    assert desk.told("bob") == [gone(A, "LABEL_INVALID")]
    desk.world.policy(COALITION)
    desk.run()
    assert desk.told("bob") == [new(A)]


def test_who_loses_the_right_learns_nothing_else() -> None:
    desk = Desk()
    desk.report(A)
    desk.world.agencies["bob"].clearance = {}
    steal(desk, "ann", desk.world.now)
    assert desk.told("bob") == [gone(A, "RIGHT_LOST")]
    assert desk.told("cat") == [gone(A, "TAINTED")]


def test_an_event_leaves_on_the_tick_after_it_expires() -> None:
    desk = Desk()
    desk.report(A, expires_at=desk.world.now + DAY_MS)
    start = desk.world.now
    desk.report(B, nature="EXPECTED", when={"start": start, "end": start + DAY_MS})
    desk.report("cat/field/e:3", when={"start": start, "end": start + DAY_MS})
    desk.tick(0.5)
    assert desk.last == []
    desk.tick(0.5)
    assert desk.told("ann")[:2] == [gone(A, "EXPIRED"), gone(B, "EXPIRED")]
    assert "cat/field/e:3" not in {one.ref for one in desk.last}


def test_an_expired_roster_pauses_and_retracts_nothing() -> None:
    desk = Desk()
    desk.world.expires_at = desk.world.now + DAY_MS
    desk.roster()
    desk.report(A, expires_at=desk.world.now + DAY_MS)
    desk.tick(1)
    assert desk.last == []
    desk.world.now += HOUR_MS
    desk.report(B)
    assert desk.last == []
    desk.world.expires_at += 100 * DAY_MS
    desk.roster()
    assert desk.told("cat") == [new(B), gone(A, "EXPIRED")]


def test_heartbeats_and_control_records_are_not_delivered() -> None:
    desk = Desk()
    desk.world.accept("heartbeat", ("ann", "field", "h:1"), ALL, {"interval_s": 60})
    assert desk.run() == []
    assert desk.roster() == []
