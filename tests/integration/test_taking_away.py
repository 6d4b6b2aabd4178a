"""Drafts that take others away: what was published leaves under its own label, what was not is not sent any more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters import Draft as AdapterDraft
from bus.client import Authority, Outcome, Publisher, Scope
from bus.errors import Reason
from bus.trust.keys import SigningKey
from schemas.models import Verdict
from tests.support.client_world import LABEL, World, draft, make_world

HIGHER = "COALITION SECRET//REL TO FRA"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.log.close()


def alert(
    name: str,
    headline: str = "",
    status: str = "ACTUAL",
    replaces: tuple[str, ...] = (),
    *,
    of: str | None = None,
) -> AdapterDraft:
    body = draft(name, headline).body
    assert isinstance(body, dict)
    return AdapterDraft("event", f"cap:{name}", status, None, body, replaces, of)


def bodies(world: World) -> list[dict[str, Any]]:
    """What was submitted, in order."""
    return [one.message.body.model_dump() for one in world.submitted()]


def cancel(
    *sources: str,
    name: str = "c1",
    status: str = "ACTUAL",
    note: str | None = "all clear",
    of: str | None = None,
) -> AdapterDraft:
    retracts = [{"kind": "event", "id": f"cap:{source}"} for source in sources]
    body = {"retracts": retracts, "reason": "WITHDRAWN", "note": note}
    return AdapterDraft("retraction", f"cap:{name}", status, None, body, party=of)


def publish(publisher: Publisher, *drafts: AdapterDraft, label: str = LABEL, **options: Any) -> list[tuple[str, str]]:
    done = publisher.publish(drafts, "main", label, **options)
    return [(line.id, line.outcome.value) for line in done.lines]


def retracted(world: World) -> list[tuple[str, int, str]]:
    """What the agency's retractions name, each with its label."""
    found = []
    for one in world.submitted():
        if one.envelope.payload_type.find("retraction") >= 0:
            named = one.message.body.model_dump()["retracts"]
            found += [(it["id"], it["up_to_revision"], one.message.header.label) for it in named]
    return found


def test_a_cancel_withdraws_all_that_became_of_an_alert_under_its_own_label(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, alert("a"), alert("a:2"), alert("a:12"), alert("ab"), alert("a-2"), alert("a:1"), alert("a:123"))
    publish(publisher, alert("a:3"), label=HIGHER)
    publish(publisher, alert("a:2", "more is known"))
    assert publish(publisher, cancel("a")) == [
        ("cap:a", "NEW"),
        ("cap:a:12", "NEW"),
        ("cap:a:2", "NEW"),
        ("cap:a:3", "NEW"),
    ]
    assert retracted(world) == [
        ("cap:a", 1, LABEL),
        ("cap:a:12", 1, LABEL),
        ("cap:a:2", 2, LABEL),
        ("cap:a:3", 1, HIGHER),
    ]
    assert bodies(world)[-1]["note"] == "cap:c1: all clear"
    before = len(world.submitted())
    assert publish(publisher, cancel("a")) == [("cap:a", "UNCHANGED")]
    assert publish(publisher, alert("a"), alert("a:4")) == [("cap:a", "WITHDRAWN"), ("cap:a:4", "WITHDRAWN")]
    assert publish(publisher, alert("a", "translated anew")) == [("cap:a", "WITHDRAWN")]
    assert len(world.submitted()) == before


def test_what_is_cancelled_before_it_comes_is_never_sent(world: World) -> None:
    publisher = world.publisher()
    assert publish(publisher, cancel("a"), alert("a"), alert("a:2"), alert("b")) == [
        ("cap:a", "AWAITED"),
        ("cap:a", "WITHDRAWN"),
        ("cap:a:2", "WITHDRAWN"),
        ("cap:b", "NEW"),
    ]
    publisher.close()
    again = world.publisher()
    assert publish(again, alert("a")) == [("cap:a", "WITHDRAWN")]
    assert [one.message.header.id for one in world.submitted()] == ["cap:b"]


def test_what_its_author_reinstates_is_not_taken_by_the_same_cancel_again(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, alert("a"), cancel("a"))
    assert publish(publisher, alert("a"), reinstate=True) == [("cap:a", "AMENDED")]
    assert publish(publisher, cancel("a"), alert("a")) == [("cap:a", "UNCHANGED"), ("cap:a", "UNCHANGED")]
    assert publish(publisher, cancel("a", name="c2")) == [("cap:a", "AMENDED")]
    assert retracted(world) == [("cap:a", 1, LABEL), ("cap:a", 2, LABEL)]


def test_a_cancel_reaches_only_its_own_realm_and_feed(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, alert("a"))
    publish(publisher, alert("b"), exercise="VIGIL")
    assert publish(publisher, cancel("a", "b"), exercise="VIGIL") == [("cap:a", "AWAITED"), ("cap:b", "NEW")]
    assert retracted(world) == [("cap:b", 1, f"{LABEL}//EXERCISE VIGIL")]


def test_what_an_exercise_takes_away_before_it_comes_comes_in_the_real_world(world: World) -> None:
    publisher = world.publisher()
    assert publish(publisher, cancel("a"), exercise="VIGIL") == [("cap:a", "AWAITED")]
    assert publish(publisher, alert("c", replaces=("cap:b",)), exercise="VIGIL") == [("cap:c", "NEW")]
    assert publish(publisher, alert("a"), alert("b")) == [("cap:a", "NEW"), ("cap:b", "NEW")]
    assert publish(publisher, alert("d", replaces=("cap:b",)), exercise="VIGIL") == [("cap:d", "NEW")]
    assert bodies(world)[-1]["replaces"] == (), "an exercise names nothing real"
    assert publish(publisher, cancel("a", "b")) == [("cap:a", "NEW"), ("cap:b", "NEW")], "both stood"
    assert publish(publisher, alert("a"), exercise="VIGIL") == [("cap:a", "WITHDRAWN")]


@pytest.mark.parametrize("retracts", [None, [], [{"id": 7}], [{"kind": "alert", "id": "cap:a"}], "cap:a"])
def test_a_cancel_that_names_nothing_is_refused_and_the_others_go(world: World, retracts: Any) -> None:
    odd = AdapterDraft("retraction", "cap:c", "ACTUAL", None, {"retracts": retracts, "reason": "ERROR"})
    done = world.publisher().publish([odd, alert("a")], "main", LABEL)
    assert [line.outcome for line in done.lines] == [Outcome.REFUSED, Outcome.NEW]
    assert done.refused[0].refusal is not None
    assert done.refused[0].refusal.reason == Reason.BAD_FIELD


def test_an_update_takes_the_place_of_all_that_became_of_what_it_names(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, alert("a"), alert("a:2"))
    publish(publisher, alert("a:3"), label=HIGHER)
    update = alert("u", replaces=("cap:a",))
    assert publish(publisher, update) == [("cap:u", "NEW"), ("cap:a:3", "NEW")]
    sent = world.submitted()
    assert list(bodies(world)[-2]["replaces"]) == [
        {"feed": "main", "id": "cap:a"},
        {"feed": "main", "id": "cap:a:2"},
    ]
    assert retracted(world) == [("cap:a:3", 1, HIGHER)]
    assert bodies(world)[-1]["reason"] == "SUPERSEDED"
    assert publish(publisher, update, alert("a"), alert("a:2"), alert("a:4")) == [
        ("cap:u", "UNCHANGED"),
        ("cap:a", "WITHDRAWN"),
        ("cap:a:2", "WITHDRAWN"),
        ("cap:a:4", "WITHDRAWN"),
    ]
    assert len(world.submitted()) == len(sent)


def test_an_update_that_comes_first_names_its_predecessor_all_the_same(world: World) -> None:
    publisher = world.publisher()
    assert publish(publisher, alert("u", replaces=("cap:a",)), alert("a")) == [("cap:u", "NEW"), ("cap:a", "WITHDRAWN")]
    (sent,) = bodies(world)
    assert [one["id"] for one in sent["replaces"]] == ["cap:a"]


def test_more_than_an_event_may_name_is_retracted(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, alert("a"), *(alert(f"a:{number}") for number in range(2, 71)))
    done = publisher.publish([alert("u", replaces=("cap:a",))], "main", LABEL)
    assert (done.count(Outcome.NEW, "event"), done.count(Outcome.NEW, "retraction")) == (1, 6)
    (update,) = [one for one in bodies(world) if one.get("replaces")]
    named = {one["id"] for one in update["replaces"]} | {named for named, _, _ in retracted(world)}
    assert named == {"cap:a", *(f"cap:a:{number}" for number in range(2, 71))}


# --- what is gone from a file that speaks for all ---


def test_what_is_gone_is_of_that_feed_format_and_realm_and_stands(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, *(alert(name) for name in "abcde"))
    publish(publisher, alert("x"), exercise="VIGIL")
    publisher.publish([draft("t")], "main", LABEL)
    publisher.publish([alert("f")], "side", LABEL)
    publisher.retract("event", "main", ["cap:e"], "ERROR")
    scope = Scope("main", "REAL", frozenset({"cap"}))
    assert list(publisher.missing(scope, {"cap:a", "cap:b"}.__contains__)) == ["cap:c", "cap:d"]
    vigil = Scope("main", "VIGIL", frozenset({"cap"}))
    assert list(publisher.missing(vigil, {"cap:a"}.__contains__)) == ["cap:x"]


# --- an older file after a newer one ---


def test_content_of_an_earlier_revision_is_not_published_as_news(world: World) -> None:
    publisher = world.publisher()
    assert publish(publisher, alert("a", "three dead")) == [("cap:a", "NEW")]
    assert publish(publisher, alert("a", "thirty dead")) == [("cap:a", "AMENDED")]
    assert publish(publisher, alert("a", "three dead")) == [("cap:a", "REVERTED")]
    assert len(world.submitted()) == 2
    assert publish(publisher, alert("a", "three dead"), reinstate=True) == [("cap:a", "AMENDED")]
    assert publish(publisher, alert("a", "thirty dead")) == [("cap:a", "REVERTED")]
    assert publish(publisher, alert("a", "forty dead")) == [("cap:a", "AMENDED")]


def test_where_the_source_gives_times_these_decide(world: World) -> None:
    publisher = world.publisher()

    def told(headline: str, at: int) -> str:
        return publisher.publish([draft("a", headline, modified_at=at)], "main", LABEL).lines[0].outcome.value

    assert [told("x", 1), told("y", 2), told("x", 3), told("y", 3), told("y", 2)] == [
        "NEW",
        "AMENDED",
        "AMENDED",
        "REVERTED",
        "OLDER",
    ]


# --- a compromised key ---


def test_what_a_stolen_key_tainted_its_author_publishes_anew(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, alert("a"), alert("b"))
    for one in world.submitted():
        world.receipt(one, Verdict.ACCEPTED)
    stolen_at = world.clock()
    publish(publisher, alert("b", "more"), alert("c"))
    publisher.retract("event", "main", ["cap:a"], "ERROR")
    for one in world.submitted()[2:]:
        world.receipt(one, Verdict.ACCEPTED)
    publisher.close()
    world.roster(2, {"fra": stolen_at})
    world.keys["fra"] = SigningKey.generate()
    again = world.publisher(trust=Authority(world.log, world.pin).trust)
    assert publish(again, alert("a"), alert("b", "more"), alert("c")) == [
        ("cap:a", "UNCHANGED"),  # its retraction is lost too
        ("cap:b", "AMENDED"),
        ("cap:c", "AMENDED"),
    ]
    done = again.retract("event", "main", ["cap:a"], "ERROR")
    assert [line.outcome for line in done.lines] == [Outcome.AMENDED]
    revisions = [(one.message.header.id, one.message.header.revision) for one in world.submitted()[-3:-1]]
    assert revisions == [("cap:b", 3), ("cap:c", 2)]
    assert publish(again, alert("b", "more"), alert("c")) == [("cap:b", "UNCHANGED"), ("cap:c", "UNCHANGED")]
