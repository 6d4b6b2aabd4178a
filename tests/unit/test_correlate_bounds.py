"""Pictures, section 3: every state is bounded by time, and one author's habits don't make each step dearer for all."""

from tests.support.desk import ALL, DAY_MS, Desk, Told

A, B, C, D = "ann/field/e:1", "bob/field/e:2", "cat/field/e:3", "ann/media/e:4"
FAR = {"lat": 1.0, "lon": 25.0, "uncertainty_km": 1.0}


def replaced(desk: Desk, length: int) -> list[str]:
    """A chain of ann's events, each in the place of the one before."""
    refs = [f"ann/field/e:{number}" for number in range(length)]
    for number, ref in enumerate(refs):
        desk.report(ref, replaces=[{"feed": "field", "id": f"e:{number - 1}"}] if number else [])
    return refs


def test_a_replacement_touches_what_it_replaces_and_nothing_behind_it() -> None:
    desk = Desk()
    _, _, before, last = replaced(desk, 4)
    store = desk.fold.state.store
    touched = {"/".join(ref) for _, ref in store.touched(desk.fold.state.entry(("ann", "field", "e:3")))}
    assert touched == {before, last}


def test_a_retraction_within_a_chain_gives_back_what_its_target_had_replaced() -> None:
    desk = Desk()
    first, middle, _ = replaced(desk, 3)
    record = desk.retract(middle)
    assert desk.told("cat")[:2] == [Told("NEW", "event", first), Told("NEW", "retraction", record)]


def test_links_that_say_the_same_tie_once() -> None:
    desk = Desk()
    desk.report(A)
    desk.report(B)
    desk.report(C, where=FAR)
    desk.link("cat/field/l:1", "RELATED", A, C)
    desk.link("cat/field/l:2", "RELATED", A, B, C)
    assert desk.last[-1].kind == "link", "the alert names C already"
    desk.report(D)
    (variant,) = desk.fold.state.open
    assert [(tie.ref, [label.text for label in tie.labels]) for tie in variant.ties] == [(C, [ALL, ALL])]


def test_an_expiry_far_ahead_is_kept_no_longer_than_its_event() -> None:
    desk = Desk()
    desk.report(A, expires_at=desk.world.now + 4_000 * DAY_MS)
    desk.report(B, expires_at=desk.world.now + 100 * DAY_MS)
    desk.tick(14)
    desk.tick(85)
    assert desk.last == []
    desk.tick(2)
    assert desk.told("cat") == [Told("RETRACTED", "event", B, "EXPIRED")]
    desk.tick(4)
    assert A not in {entry.name for entry in desk.fold.state.store}
    desk.tick(90)
    assert desk.fold.state.deadlines.expiring.due(10**15) == []


def test_a_tick_at_which_no_clearance_ends_judges_no_label() -> None:
    desk = Desk()
    desk.report(A)
    label = desk.fold.state.entry(("ann", "field", "e:1")).label
    permits = label.permits
    desk.tick(1)
    assert label.permits is permits
    desk.roster()
    assert label.permits is not permits
