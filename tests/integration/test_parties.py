"""Several senders in one feed: what one says neither amends nor takes away what another has said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.client import Outcome
from bus.errors import Reason
from schemas.models import Verdict
from tests.integration.test_taking_away import HIGHER, alert, bodies, cancel, publish, retracted
from tests.support.client_world import LABEL, World, make_world

A, B = "a@x", "b@y"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.log.close()


def test_another_sender_can_not_amend_an_alert(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, alert("x", of=A))
    done = publisher.publish([alert("x", "evil", of=B)], "main", LABEL, reinstate=True)
    (line,) = done.lines
    assert (line.outcome, line.refusal is not None and line.refusal.reason) == (Outcome.REFUSED, Reason.ID_CONFLICT)
    assert "a feed of its own" in str(line.refusal)
    assert publish(publisher, alert("x", "more", of=A)) == [("cap:x", "AMENDED")]
    assert len(world.submitted()) == 2


def test_a_cancel_takes_only_what_its_own_sender_said(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, alert("x", of=A), alert("x:2", of=B), alert("x:3", of=A))
    assert publish(publisher, cancel("x", name="bc", of=B), cancel("x", name="ac", of=A)) == [
        ("cap:x:2", "NEW"),
        ("cap:x", "NEW"),
        ("cap:x:3", "NEW"),
    ]
    publisher.publish([alert("y", of=A)], "main", LABEL)
    assert publish(publisher, cancel("y", name="bc2", of=B)) == [("cap:y", "REFUSED")]
    assert publish(publisher, alert("y", "still there", of=A)) == [("cap:y", "AMENDED")]
    assert [named for named, _, _ in retracted(world)] == ["cap:x:2", "cap:x", "cap:x:3"]


def test_a_cancel_that_comes_first_stops_only_its_own_sender(world: World) -> None:
    publisher = world.publisher()
    assert publish(publisher, cancel("x", name="ac", of=A), cancel("x", "y", name="bc", of=B)) == [
        ("cap:x", "AWAITED"),
        ("cap:x", "AWAITED"),
        ("cap:y", "AWAITED"),
    ]
    assert publish(publisher, alert("x", of=A), alert("y", of=A)) == [("cap:x", "WITHDRAWN"), ("cap:y", "NEW")]
    assert publish(publisher, alert("x", of=A), reinstate=True) == [("cap:x", "NEW")]
    assert publish(publisher, cancel("x", name="ac", of=A)) == [("cap:x", "UNCHANGED")]


@pytest.mark.parametrize("label", [LABEL, HIGHER])
def test_an_update_takes_the_place_of_its_own_senders_alone(world: World, label: str) -> None:
    publisher = world.publisher()
    publish(publisher, alert("x", of=A), alert("z", of=B))
    assert publish(publisher, alert("u", replaces=("cap:x",), of=B), label=label) == [
        ("cap:x", "REFUSED"),
        ("cap:u", "NEW"),
    ]
    assert "replaces" not in bodies(world)[-1] or not bodies(world)[-1]["replaces"]
    assert not retracted(world)
    assert publish(publisher, alert("x", "still there", of=A)) == [("cap:x", "AMENDED")]
    publish(publisher, alert("v", replaces=("cap:z",), of=B))
    assert [one["id"] for one in bodies(world)[-1]["replaces"]] == ["cap:z"]


def test_an_update_that_comes_first_names_nothing_that_may_be_anothers(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, alert("u", replaces=("cap:x",), of=B))
    assert not bodies(world)[-1]["replaces"]
    assert publish(publisher, alert("x", of=B), alert("x", of=A)) == [("cap:x", "WITHDRAWN"), ("cap:x", "NEW")]


def test_a_record_whose_sender_is_not_known_is_anybodys_until_its_sender_says_it_again(world: World) -> None:
    publisher = world.publisher()
    publish(publisher, alert("x"), alert("y"), alert("z"))
    for one in world.submitted():
        world.receipt(one, Verdict.ACCEPTED)
    assert publish(publisher, alert("x", of=A), cancel("y", of=A)) == [("cap:x", "UNCHANGED"), ("cap:y", "NEW")]
    assert publish(publisher, cancel("x", name="bc", of=B)) == [("cap:x", "REFUSED")]
    publisher.close()
    for file in world.path.glob("fra.db*"):
        file.unlink()
    again = world.publisher()  # knows them from receipts, which name no senders
    assert publish(again, cancel("z", name="ac", of=A)) == [("cap:z", "NEW")]
