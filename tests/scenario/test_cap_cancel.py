"""A warning in CAP and its end, through the real bus: whoever had it loses it and is told, whatever came first."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bus.client import Subscriber
from tests.support.command_line import Tocsin
from tests.support.samples import DATA

WORLD = DATA / "cap_world"
STORY = ("alert", "update", "cancel", "all_clear")
TIME = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+-][0-9:]{5}")
LAST = datetime.fromisoformat("2024-06-07T09:00:00+02:00")
"""When the story's last message was sent: here that is a minute ago, since forecasts of long ago have expired."""
READERS = ("alpha", "beta", "gamma")
FIRST, SECOND = "alpha/reports/cap:PC-1", "alpha/reports/cap:PC-1:2"


class Story(NamedTuple):
    """The files of one warning, from its alert to its end."""

    alert: Path
    update: Path
    cancel: Path
    all_clear: Path


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The story's files, moved to the days before now."""
    folder = tmp_path_factory.mktemp("story")
    moved = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1) - LAST
    for name in STORY:
        text = (WORLD / f"protection_{name}.cap").read_text("utf-8")
        text = TIME.sub(lambda time: (datetime.fromisoformat(time[0]) + moved).isoformat(), text)
        (folder / f"{name}.cap").write_text(text, "utf-8")
    return Story(*(folder / f"{name}.cap" for name in STORY))


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    """A bus with three agencies, of which nobody has published anything."""
    bus = Tocsin(tmp_path_factory.mktemp("cap") / "home")
    bus.ok("init")
    for name in READERS:
        bus.ok("agency", "add", name)
    bus.ok("run", "--until-idle")
    return bus


@pytest.fixture
def tocsin(founded: Tocsin, tmp_path: Path) -> Tocsin:
    """A copy of that bus, for one test alone."""
    return founded.copy(tmp_path)


def publish(bus: Tocsin, file: Path, agency: str = "alpha", *more: str) -> dict[str, int]:
    done = bus("publish", str(file), "--as", agency, "--feed", "reports", *more, "--json")
    assert done.code == 0, done
    bus.ok("run", "--until-idle")
    assert done.document["format"] == "cap"
    outcomes: dict[str, int] = done.document["outcomes"]
    return {name: count for name, count in outcomes.items() if count}


def held(bus: Tocsin, agency: str) -> dict[str, dict[str, Any]]:
    """What an agency has now, by reference."""
    return {one["ref"]: one for one in bus.items("events", "ls", "--as", agency)}


def told(bus: Tocsin, agency: str, reader: str) -> list[tuple[str, str]]:
    """What came to one reader of an agency since it last asked: what changed, and of what."""
    with Subscriber.open(bus.home, agency, name=reader) as subscriber:
        return sorted((str(one.delivery.change), str(one.delivery.kind)) for one in subscriber.poll())


def test_everybody_who_had_an_alert_loses_it_with_its_cancel_and_is_told(
    tocsin: Tocsin, story: Story, tmp_path: Path
) -> None:
    seen = story.alert.read_text("utf-8").replace("cell@example.org", "watch@example.net").replace("PC-1", "W-1")
    seen = seen.replace("Shooting since dawn.", "Shooting since dawn, as seen from the ferry landing.")
    (tmp_path / "seen.cap").write_text(seen, "utf-8")
    publish(tocsin, tmp_path / "seen.cap", "beta")
    assert publish(tocsin, story.alert) == {"new": 2}
    for name in READERS:
        assert held(tocsin, name).keys() >= {FIRST, SECOND}
        fused = tocsin.items("alerts", "ls", "--as", name)
        assert {member["agency"] for one in fused for member in one["members"]} == {"alpha", "beta"}
        assert told(tocsin, name, "duty").count(("NEW", "event")) == 4
    assert publish(tocsin, story.cancel) == {"retracted": 2}
    for name in READERS:
        came = told(tocsin, name, "duty")
        assert came.count(("RETRACTED", "event")) == 2
        assert ("RETRACTED", "alert") in came
        assert held(tocsin, name).keys() == {"beta/reports/cap:W-1", "beta/reports/cap:W-1:2"}
        assert not tocsin.items("alerts", "ls", "--as", name)


def test_a_cancel_that_comes_twice_says_nothing_new(tocsin: Tocsin, story: Story) -> None:
    publish(tocsin, story.alert)
    publish(tocsin, story.cancel)
    told(tocsin, "beta", "duty")
    assert publish(tocsin, story.cancel) == {"unchanged": 1}
    assert publish(tocsin, story.alert) == {"withdrawn": 2}
    assert told(tocsin, "beta", "duty") == []
    assert not held(tocsin, "beta")


def test_an_alert_that_comes_after_its_cancel_reaches_nobody(tocsin: Tocsin, story: Story) -> None:
    assert publish(tocsin, story.cancel) == {"awaited": 1}
    assert publish(tocsin, story.alert) == {"withdrawn": 2}
    for name in READERS:
        assert told(tocsin, name, "duty") == []
        assert not held(tocsin, name)


def test_a_cancel_takes_back_what_only_its_readers_had_under_its_own_label(tocsin: Tocsin, story: Story) -> None:
    label = "COALITION CONFIDENTIAL//REL TO BETA"
    tocsin.ok("agency", "clearance", "beta", "--level", "COALITION SECRET")
    tocsin.ok("agency", "clearance", "alpha", "--level", "COALITION SECRET")
    tocsin.ok("run", "--until-idle")
    publish(tocsin, story.alert, "alpha", "--label", label)
    assert held(tocsin, "beta").keys() == {FIRST, SECOND}
    assert told(tocsin, "gamma", "duty") == []
    publish(tocsin, story.cancel)  # under the feed's default label: what is taken back keeps its own
    assert not held(tocsin, "beta")
    assert told(tocsin, "gamma", "duty") == []


def test_another_agency_can_not_cancel_it(tocsin: Tocsin, story: Story) -> None:
    publish(tocsin, story.alert)
    assert publish(tocsin, story.cancel, "beta") == {"awaited": 1}
    for name in READERS:
        assert held(tocsin, name).keys() == {FIRST, SECOND}
        assert ("RETRACTED", "event") not in told(tocsin, name, "duty")


def test_another_sender_of_the_feed_can_not_cancel_or_amend_it(tocsin: Tocsin, story: Story, tmp_path: Path) -> None:
    publish(tocsin, story.alert)
    before = held(tocsin, "gamma")
    for file, changed in ((story.cancel, "PC-9"), (story.alert, "PC-1")):
        text = file.read_text("utf-8").replace("<sender>cell@example.org", "<sender>desk@example.net")
        text = re.sub("<identifier>[^<]*", f"<identifier>{changed}", text)
        (tmp_path / "another.cap").write_text(text.replace("Shooting", "No shooting"), "utf-8")
        done = tocsin("publish", str(tmp_path / "another.cap"), "--as", "alpha", "--feed", "reports")
        assert (done.code, "a feed of its own" in done.err, "0 sent" in done.out) == (1, True, True)
    tocsin.ok("run", "--until-idle")
    assert held(tocsin, "gamma") == before
    assert publish(tocsin, story.cancel) == {"retracted": 2}


def test_a_cancel_of_an_exercise_leaves_the_real_alert_alone(tocsin: Tocsin, story: Story, tmp_path: Path) -> None:
    tocsin.ok("agency", "clearance", "beta", "--realm", "REAL", "--realm", "VIGIL")
    publish(tocsin, story.alert)
    played = tmp_path / "played.cap"
    played.write_text(story.cancel.read_text("utf-8").replace(">Actual<", ">Exercise<"), "utf-8")
    assert publish(tocsin, played, "alpha", "--exercise", "VIGIL") == {"awaited": 1}
    assert held(tocsin, "gamma").keys() == {FIRST, SECOND}


def test_an_update_takes_the_place_of_all_that_the_alert_became_and_an_all_clear_ends_it(
    tocsin: Tocsin, story: Story
) -> None:
    publish(tocsin, story.alert)
    publish(tocsin, story.update)
    assert held(tocsin, "gamma").keys() == {"alpha/reports/cap:PC-2"}
    publish(tocsin, story.all_clear)
    (ended,) = held(tocsin, "gamma").values()
    assert ended["ref"] == "alpha/reports/cap:PC-3"
    assert publish(tocsin, story.alert) == {"withdrawn": 2}
    assert publish(tocsin, story.update) == {"withdrawn": 1}


def test_a_cancel_in_one_file_with_its_alert_leaves_nothing_in_either_order(
    tocsin: Tocsin, story: Story, tmp_path: Path
) -> None:
    parts = [path.read_text("utf-8").partition("?>")[2] for path in (story.cancel, story.alert)]
    file = tmp_path / "both.xml"
    file.write_text(f"<alerts>{''.join(parts)}</alerts>", "utf-8")
    assert publish(tocsin, file) == {"awaited": 1, "withdrawn": 2}
    assert not held(tocsin, "gamma")
    file.write_text(f"<alerts>{''.join(reversed(parts))}</alerts>", "utf-8")
    assert publish(tocsin, file, "beta") == {"new": 2, "retracted": 2}
    assert not held(tocsin, "gamma")


def test_a_file_without_a_warning_in_it_publishes_nothing_and_says_why(tocsin: Tocsin) -> None:
    done = tocsin("publish", str(DATA / "cap" / "ny_index.rss"), "--as", "alpha", "--feed", "reports")
    assert (done.code, done.err.count("fetch what it links to")) == (0, 1)
    hostile = tocsin("publish", str(DATA / "cap" / "xee.cap"), "--as", "alpha", "--feed", "reports")
    assert hostile.code == 2
    assert "without a DOCTYPE" in hostile.err
