"""Pictures, section 3: closing, what still touches a closed alert, and forgetting."""

from schemas.parameters import starting_values
from tests.support.desk import ALL, DAY_MS, HOUR_MS, NEW_YORK, Desk, Told

A, B, C, D = "ann/field/e:1", "bob/field/e:2", "cat/field/e:3", "ann/media/e:4"
FAR = {"lat": 1.0, "lon": 25.0, "uncertainty_km": 1.0}


def closed_alert(desk: Desk, *refs: str) -> str:
    """An alert of these reports, closed."""
    for ref in refs:
        desk.report(ref)
    (alert,) = desk.alerts("bob")
    desk.tick(14)
    assert desk.told("bob") == [Told("CLOSED", "alert", alert, "QUIET")]
    return alert


def test_an_alert_closes_fourteen_days_after_the_latest_first_of_its_members() -> None:
    desk = Desk()
    desk.report(A)
    desk.tick(6)
    desk.report(B, when=desk.archive(3).body["when"])
    (alert,) = desk.alerts("cat")
    desk.tick(13)
    desk.report(A, when=desk.archive(3).body["when"])
    assert desk.members("cat") == [{A, B}]
    desk.tick(0.99)
    assert desk.last == []
    desk.tick(0.01)
    assert desk.told("cat") == [Told("CLOSED", "alert", alert, "QUIET")], "an amendment does not prolong it"
    assert (desk.members("cat"), desk.closed("cat")) == ([], [{A, B}])
    assert len(desk.fold.state.graph) == 0


def test_a_cluster_without_an_alert_closes_too_and_late_evidence_makes_a_new_alert() -> None:
    desk = Desk()
    desk.report(A)
    when = desk.archive(3).body["when"]
    desk.tick(14)
    assert desk.last == []
    desk.report(B, when=when)
    desk.report(C, when=when)
    assert desk.members("cat") == [{B, C}]


def test_a_story_that_never_rests_closes_three_hundred_days_after_its_first_report() -> None:
    desk = Desk()
    desk.world.expires_at = desk.world.now + 500 * DAY_MS
    desk.roster()
    source = {"discipline": "OSINT", "reliability": "B", "credibility": 2, "derived_from": ["glide:DR-2026-000001"]}
    for number in range(30):
        desk.report(f"ann/field/n:{number}", source=source)
        desk.tick(9.99)
    assert len(desk.fold.state.graph) == 30, "299.7 days: all of it is open"
    desk.tick(0.4)
    assert len(desk.fold.state.graph) == 0
    desk.report("ann/field/n:30", source=source)
    assert len(desk.fold.state.graph) == 1
    desk.tick(13.9)
    assert len(desk.fold.state.graph) == 1, "what comes afterwards is another story"


def test_closing_is_per_picture() -> None:
    desk = Desk()
    desk.report(A)
    when = desk.archive(3).body["when"]
    desk.tick(7)
    desk.report(B, NEW_YORK, when=when)
    desk.tick(7)
    desk.report(C, when=when)
    assert (desk.members("bob"), desk.members("cat")) == ([{A, B, C}], [])


def test_a_late_event_that_was_split_off_closes_on_the_next_tick() -> None:
    desk = Desk()
    desk.report(A)
    when = desk.archive(3).body["when"]
    desk.tick(10)
    desk.report(B, when=when)
    desk.tick(5)
    assert desk.last == []
    desk.retract(B)
    desk.tick(0.001)
    desk.report(C, when=when)
    assert desk.members("cat") == [], "A was overdue as soon as it stood alone"


def test_an_amendment_of_a_closed_event_is_delivered_and_changes_nothing() -> None:
    desk = Desk()
    closed_alert(desk, A, B)
    desk.report(A, type="violence.killing")
    assert desk.told("cat") == [Told("UPDATE", "event", A)]
    desk.report(C)
    assert desk.told("cat") == [Told("NEW", "event", C)]


def test_expiry_takes_a_closed_event_and_leaves_the_closed_alert_that_cites_it() -> None:
    desk = Desk()
    desk.report(A, expires_at=desk.world.now + 20 * 24 * HOUR_MS)
    alert = closed_alert(desk, B)
    desk.tick(7)
    assert desk.told("cat") == [Told("RETRACTED", "event", A, "EXPIRED")]
    assert desk.closed("cat") == [{A, B}]
    record = desk.retract(A)
    assert desk.told("cat") == [
        Told("NEW", "retraction", record),
        Told("RETRACTED", "alert", alert, "AUTHOR_RETRACTED"),
    ], "what its author takes back falls, whether the reader still has it or not"


def test_links_do_not_touch_a_closed_alert_and_show_as_related() -> None:
    desk = Desk()
    closed_alert(desk, A, B)
    desk.report(C, where=FAR)
    desk.report(D, where=FAR)
    desk.link("ann/field/l:1", "SAME", A, C)
    assert (desk.closed("cat"), desk.members("cat")) == ([{A, B}], [{C, D}])
    (alert,) = desk.alerts("cat").values()
    assert alert["related"] == [A], "a late SAME with a closed event merges nothing"


def test_a_member_of_a_closed_alert_falls_and_what_is_below_the_threshold_goes_for_good() -> None:
    desk = Desk()
    alert = closed_alert(desk, A, B, C)
    record = desk.retract(A)
    assert desk.told("bob") == [
        Told("NEW", "retraction", record),
        Told("RETRACTED", "event", A, "AUTHOR_RETRACTED"),
        Told("UPDATE", "alert", alert),
    ]
    (body,) = desk.alerts("bob").values()
    assert body["alert_id"] == alert, "the id outlives its founder"
    desk.retract(C)
    assert desk.told("bob")[-1] == Told("RETRACTED", "alert", alert, "BELOW_THRESHOLD")
    desk.report(C)
    assert desk.told("bob") == [Told("NEW", "event", C)], "it never returns"


def test_a_closed_alert_whose_founder_goes_last_says_why() -> None:
    desk = Desk()
    alert = closed_alert(desk, A, B)
    desk.retract(A)
    assert desk.told("bob")[-1] == Told("RETRACTED", "alert", alert, "AUTHOR_RETRACTED")


def test_a_member_that_a_reader_may_no_longer_read_falls_for_that_reader() -> None:
    desk = Desk()
    for ref, label in ((A, ALL), (B, NEW_YORK), (C, ALL)):
        desk.report(ref, label)
    (alert,) = desk.alerts("bob")
    desk.tick(14)
    desk.world.agencies["bob"].clearance["audiences"] = ["GEN"]
    desk.roster()
    assert desk.told("bob") == [Told("RETRACTED", "event", B, "RIGHT_LOST"), Told("UPDATE", "alert", alert)]
    assert (desk.told("ann"), desk.closed("ann"), desk.closed("bob")) == ([], [{A, B, C}], [{A, C}])


def test_what_a_closed_alert_names_as_related_goes_with_the_right_to_read_it() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(C)
    desk.report(B, NEW_YORK, where=FAR)
    desk.link("ann/field/l:1", "RELATED", A, B)
    desk.tick(14)
    desk.world.agencies["bob"].clearance["audiences"] = ["GEN"]
    desk.roster()
    (body,) = desk.alerts("bob").values()
    assert (body["related"], body["label"]) == ([], ALL)


def test_a_member_whose_own_revision_is_tainted_falls_though_its_record_stays() -> None:
    desk = Desk()
    since = desk.world.now + 1
    alert = closed_alert(desk, A, B)
    agency = desk.world.agencies["ann"]
    agency.keys[0].revoked_at = desk.world.now
    desk.world.admit("dan", {}, {})
    agency.keys.append(desk.world.agencies.pop("dan").keys[0])
    desk.roster()
    desk.report(A)
    assert desk.told("bob") == [Told("UPDATE", "event", A)]
    agency.keys[0].compromised_since = since
    desk.roster()
    assert desk.told("bob") == [Told("RETRACTED", "alert", alert, "TAINTED")]


def test_the_window_is_a_parameter() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B)
    values = starting_values()
    short = values.model_copy(update={"cluster": values.cluster.model_copy(update={"closing_days": 3.0})})
    desk.world.parameters(short)
    desk.run()
    desk.tick(3)
    assert [one.change for one in desk.told("cat")] == ["CLOSED"]


def test_what_is_closed_for_ninety_days_is_forgotten_with_its_counters() -> None:
    desk = Desk()
    closed_alert(desk, A, B)
    store = desk.fold.state.store
    desk.tick(89.9)
    assert len(store) == 2
    desk.tick(0.1)
    assert (desk.last, len(store), desk.fold.state.tallies, desk.closed("bob")) == ([], 0, {}, [])
    desk.retract(A)
    assert [one.kind for one in desk.told("bob")] == ["retraction"]


def test_what_is_gone_is_forgotten_ninety_days_later_and_hidden_records_after_fourteen() -> None:
    desk = Desk()
    desk.report(A)
    desk.report("cat/field/e:9", "COALITION SECRET//NO RELEASE")
    store = desk.fold.state.store
    record = desk.retract(A)
    assert len(store) == 3
    desk.tick(15)
    assert {entry.name for entry in store} == {A, record}
    desk.tick(75)
    assert {entry.name for entry in store} == {record}
    desk.tick(14)
    assert len(store) == 0


def test_a_closed_event_is_remembered_while_a_link_ties_it_to_something_open() -> None:
    desk = Desk()
    desk.report(A)
    link = desk.link("ann/field/l:1", "RELATED", A, C)
    desk.tick(14)
    desk.tick(85)
    desk.report(C)
    when = desk.archive(len(desk.world.values) - 1).body["when"]
    desk.tick(5)
    store = desk.fold.state.store
    assert {entry.name for entry in store} == {A, C, link}
    desk.report(D, when=when)
    assert [alert["related"] for alert in desk.alerts("bob").values()] == [[A]]
    desk.tick(14)
    assert A in {entry.name for entry in store}, "closed on this very tick"
    desk.tick(0.001)
    assert {entry.name for entry in store} == {C, D}
