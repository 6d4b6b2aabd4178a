"""Pictures, sections 3 and 4: the alerts of each reader, their ids, what an update says, and what links do."""

from schemas.parameters import starting_values
from tests.support.desk import ALL, ANN_ONLY, DAY_MS, NEW_YORK, Desk, Told

A, B, C, D = "ann/field/e:1", "bob/field/e:2", "cat/field/e:3", "ann/media/e:4"
FAR = {"lat": 1.0, "lon": 25.0, "uncertainty_km": 1.0}
SECRETS = "COALITION CONFIDENTIAL//REL TO GEN, NYC"


def kills(best: int) -> list[dict[str, object]]:
    return [{"what": "KILLED", "unit": "PERSON", "basis": "NEW", "best": best}]


def test_two_origins_make_an_alert_behind_the_event_that_completes_it() -> None:
    desk = Desk()
    desk.report(A)
    assert [one.kind for one in desk.told("cat")] == ["event"]
    desk.report(B)
    assert [(one.change, one.kind) for one in desk.told("cat")] == [("NEW", "event"), ("NEW", "alert")]
    assert desk.members("cat") == [{A, B}]


def test_readers_of_the_same_evidence_share_the_alert_and_others_get_their_own() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B, NEW_YORK)
    alert = desk.notice("alert")
    assert desk.readers(alert) == {"ann", "bob"}
    desk.report(C)
    shared, own = sorted((one for one in desk.last if one.kind == "alert"), key=lambda one: one.mask)
    assert (desk.readers(shared), desk.readers(own)) == ({"ann", "bob"}, {"cat"})
    assert (shared.change, own.change, shared.ref == own.ref) == ("UPDATE", "NEW", True)
    assert (desk.members("bob"), desk.members("cat")) == ([{A, B, C}], [{A, C}])
    assert own.label is not None
    assert own.label.text == ALL


def test_what_a_reader_may_not_read_changes_nothing_for_it() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(C)
    desk.report(B, ANN_ONLY)
    assert (desk.told("bob"), desk.told("cat")) == ([], [])
    desk.retract(B, ANN_ONLY)
    assert (desk.told("bob"), desk.told("cat")) == ([], [])


def test_an_update_says_what_changed() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B)
    desk.report(C, SECRETS, counts=kills(30))
    assert desk.notice("alert").what_changed == ("EVIDENCE", "SEVERITY_UP", "CONFIDENCE", "LABEL")
    desk.retract(C, SECRETS)
    assert desk.notice("alert").what_changed == ("EVIDENCE", "SEVERITY_DOWN", "CONFIDENCE", "LABEL")


def test_nothing_is_sent_where_the_alert_is_unchanged() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B)
    desk.tick(1)
    assert desk.last == []
    desk.roster()
    assert desk.last == []
    desk.world.parameters(starting_values())
    desk.run()
    assert [one.what_changed for one in desk.last] == [()], "the body names the version of the parameters"


def test_an_id_that_vanishes_names_the_alert_that_holds_its_earliest_survivor() -> None:
    desk = Desk()
    for ref in (A, B, C):
        desk.report(ref)
    (old,) = desk.alerts("cat")
    desk.retract(A)
    removed, added = [one for one in desk.last if one.kind == "alert"][:: 1 if desk.last[-1].change == "NEW" else -1]
    assert (removed.change, removed.ref, removed.reason) == ("RETRACTED", old, "AUTHOR_RETRACTED")
    assert (added.change, added.replaces, removed.superseded_by) == ("NEW", old, added.ref)
    desk.retract(B)
    assert desk.notice("alert").superseded_by is None
    assert (desk.notice("alert").reason, desk.notice("alert").ref) == ("AUTHOR_RETRACTED", added.ref)


def test_a_merge_keeps_the_older_id() -> None:
    desk = Desk()
    for ref in (A, B):
        desk.report(ref)
    (older,) = desk.alerts("cat")
    for ref in (C, D):
        desk.report(ref, where=FAR)
    (younger,) = desk.alerts("cat")
    desk.link("ann/field/l:1", "SAME", B, C)
    by_ref = {one.ref: one for one in desk.last if one.kind == "alert"}
    assert by_ref[older].change == "UPDATE"
    assert (by_ref[younger].reason, by_ref[younger].superseded_by) == ("MERGED", older)
    assert by_ref[older].replaces is None
    assert [one.ref for one in desk.told("cat") if one.kind == "alert"] == sorted((older, younger))
    desk.retract("ann/field/l:1", kind="link")
    assert sorted((one.change, one.ref) for one in desk.told("cat") if one.kind == "alert") == [
        ("NEW", younger),
        ("UPDATE", older),
    ]


def test_below_the_threshold_an_alert_goes_though_its_founder_stays() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B)
    (alert,) = desk.alerts("cat")
    desk.retract(B)
    assert desk.told("cat")[-1] == Told("RETRACTED", "alert", alert, "BELOW_THRESHOLD")
    desk.report(C)
    assert desk.told("cat")[-1] == Told("NEW", "alert", alert), "the id is the founder's"


def test_same_binds_what_nothing_else_would_and_different_comes_first() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B, where=FAR)
    desk.link("ann/field/l:1", "SAME", A, B)
    assert desk.members("cat") == [{A, B}]
    desk.link("ann/field/l:2", "DIFFERENT", A, B)
    assert desk.members("cat") == []


def test_same_and_different_act_only_from_an_analysts_feed() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B)
    desk.link("bob/field/l:1", "DIFFERENT", A, B)
    assert desk.told("cat") == [Told("NEW", "link", "bob/field/l:1")]
    desk.link("ann/field/l:2", "DIFFERENT", A, B)
    assert desk.members("cat") == []


def test_a_link_acts_for_those_who_have_it_and_all_that_it_names() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B, where=FAR)
    desk.link("ann/field/l:1", "SAME", A, B, label=NEW_YORK)
    assert (desk.members("bob"), desk.members("cat")) == ([{A, B}], [])
    desk.report(C, NEW_YORK, where=FAR)
    desk.link("ann/field/l:2", "SAME", A, B, C)
    assert (desk.members("bob"), desk.members("cat")) == ([{A, B, C}], [])


def test_a_link_may_come_before_what_it_names() -> None:
    desk = Desk()
    desk.link("ann/field/l:1", "SAME", A, B)
    desk.report(A)
    desk.report(B, where=FAR)
    assert desk.members("cat") == [{A, B}]


def test_related_is_shown_at_once_and_raises_the_label_to_all_that_is_named() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(C)
    desk.report(B, where=FAR)
    desk.link("cat/field/l:1", "RELATED", A, B, label=SECRETS)
    (alert,) = desk.alerts("cat").values()
    assert (alert["related"], alert["label"]) == ([B], SECRETS)
    assert desk.notice("alert").what_changed == ("LABEL",)
    desk.retract("cat/field/l:1", SECRETS, kind="link")
    (alert,) = desk.alerts("cat").values()
    assert (alert["related"], alert["label"]) == ([], ALL)


def test_related_names_only_what_the_reader_has() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(C)
    desk.report(B, NEW_YORK, where=FAR)
    desk.link("cat/field/l:1", "RELATED", A, B)
    assert desk.told("cat") == [Told("NEW", "link", "cat/field/l:1")]
    assert [one["related"] for one in desk.alerts("bob").values()] == [[B]]


def test_labels_that_have_no_join_never_make_one_alert() -> None:
    desk = Desk()
    for name in ("ann", "bob"):
        desk.world.agencies[name].clearance["realms"] = ["REAL", "VIGIL"]
    desk.roster()
    desk.report(A)
    desk.report(B, ALL + "//EXERCISE VIGIL")
    assert desk.members("ann") == []
    desk.report(C)
    desk.report(D, ALL + "//EXERCISE VIGIL")
    assert desk.members("ann") == [{A, C}, {D, B}]


def test_a_policy_or_parameters_that_change_rebuild_every_picture() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B)
    values = starting_values()
    strict = values.model_copy(update={"score": values.score.model_copy(update={"threshold": 0.0})})
    desk.world.parameters(strict)
    desk.run()
    assert desk.members("cat") == []
    assert desk.told("cat") == [Told("RETRACTED", "alert", desk.last[-1].ref, "BELOW_THRESHOLD")]
    desk.world.parameters(values)
    desk.run()
    assert desk.members("cat") == [{A, B}]
    desk.world.now += DAY_MS
    desk.world.policy()
    assert desk.run() == []
    assert desk.members("cat") == [{A, B}]


def test_who_holds_no_permit_for_the_alerts_own_label_gets_none() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B, SECRETS)
    assert desk.members("cat") == [{A, B}]
    joined = desk.fold.state.rights.state(SECRETS)
    joined.mask &= ~(1 << desk.fold.state.rights.bit("cat"))
    desk.report(C)
    assert (desk.members("cat"), desk.members("bob")) == ([], [{A, B, C}]), "permitted again, whatever it has"


def test_a_new_alert_replaces_the_least_id_of_those_that_end_in_it() -> None:
    desk = Desk()
    desk.report("bob/field/e:0", NEW_YORK)
    desk.report(A, where=FAR)
    desk.report(B, where=FAR)
    (first,) = desk.alerts("cat")
    other = {"lat": -5.0, "lon": 25.0, "uncertainty_km": 1.0}
    desk.report(C, where=other)
    desk.report(D, where=other)
    (second,) = desk.alerts("cat")
    desk.link("ann/field/l:1", "SAME", "bob/field/e:0", A, C, label=NEW_YORK)
    desk.world.agencies["cat"].clearance["audiences"] = ["GEN", "NYC"]
    desk.roster()
    (added,) = [one for one in desk.last if one.kind == "alert" and one.change == "NEW"]
    gone = {one.ref: (one.reason, one.superseded_by) for one in desk.last if one.change == "RETRACTED"}
    assert gone == dict.fromkeys((first, second), ("MERGED", added.ref))
    assert added.replaces == min(first, second)
