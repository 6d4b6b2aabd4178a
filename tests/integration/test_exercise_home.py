"""An exercise in a real home: it is met there, the real realm does not notice, nothing is left of it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bus.client import Act, Subscriber, open_publisher
from bus.clock import now_ms
from bus.config import Settings
from bus.errors import Refusal
from bus.exercise import Result, Story, play_in, read_story
from bus.exercise.hindrance import HindranceError
from bus.home import Home
from bus.log.sqlite import SqliteLog
from bus.operate import ClearanceTerms, Desk, FeedTerms, found
from bus.operate.keys import HomeKeys
from bus.stages.run import Runner
from schemas.models import Status
from tests.support.command_line import Tocsin

README = Path(__file__).resolve().parents[2] / "bus" / "exercise" / "README.md"
LANTERN = README.read_text("utf-8").split("```toml\n")[1].split("```")[0]
UN = ClearanceTerms(("COALITION RESTRICTED",), (), ("UN",), ("REAL", "LANTERN"))
FIELD = FeedTerms("field", default_label="COALITION RESTRICTED//REL TO UN")
BODY = {
    "nature": "INCIDENT",
    "type": "violence.killing",
    "when": {"start": 1_700_000_000_000, "end": 1_700_003_600_000},
    "where": {"lat": 1.5, "lon": -20.25, "uncertainty_km": 2.0},
    "counts": [{"what": "KILLED", "unit": "PERSON", "basis": "NEW", "best": 6}],
    "source": {"discipline": "FIELD", "reliability": "B", "credibility": 2},
}


class Bus:
    """A home in use, with a real report of the very place and kind that the exercise tells of."""

    def __init__(self, home: Home, log: SqliteLog) -> None:
        self.home = home
        self.log = log
        self.desk = Desk(home, log)

    def run(self) -> None:
        runner(self.home, self.log).run(until_idle=True)

    def play(self, story: Story, **wishes: Any) -> Result:
        return play_in(story, self.home, self.log, Settings(), **wishes)

    def ends(self) -> dict[str, int]:
        """How far each topic goes: nothing was written while these stay."""
        return {topic.name: topic.end for topic in self.log.describe().topics}

    def real(self, agency: str) -> list[tuple[str, bytes | None]]:
        """What an agency was told that does not bear the label of the exercise, in order."""
        told = Subscriber(self.log, agency, self.home.pin()).poll()
        deliveries = [received.delivery for received in told]
        exercise = {one.ref for one in deliveries if one.body is not None and b"//EXERCISE LANTERN" in one.body}
        return [(one.change + one.ref, one.body) for one in deliveries if one.ref not in exercise]


def runner(home: Home, log: SqliteLog, tick_interval_s: int = 60) -> Runner:
    return Runner(
        log, pin=home.pin(), bus_key=HomeKeys(home), settings=Settings(tick_interval_s=tick_interval_s), clock_ms=now_ms
    )


def story(old: str = "", new: str = "") -> Story:
    assert old in LANTERN
    told = read_story(LANTERN.replace(old, new, 1).encode() if old else LANTERN.encode())
    assert isinstance(told, Story)
    return told


@contextmanager
def opened(path: Path) -> Iterator[Bus]:
    home = found(path)
    log = SqliteLog(home.log, now_ms)
    try:
        bus = Bus(home, log)
        for name, feeds, clearance in (
            ("north", (FIELD,), UN),
            ("south", (), UN),
            ("press", (), ClearanceTerms(("COALITION UNCLASSIFIED",), realms=("REAL", "LANTERN"))),
        ):
            admitted = bus.desk.admit(name, feeds, clearance)
            assert not isinstance(admitted, Refusal), admitted
        publisher = open_publisher(home, log, "north", "field")
        assert publisher.publish([Act("event", "real:1", Status.ACTUAL, BODY)], "field").sent == 1
        publisher.close()
        bus.run()
        yield bus
    finally:
        log.close()


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    with opened(tmp_path / "home") as found_bus:
        yield found_bus


def test_it_is_met_and_withdrawn_twice_and_the_real_realm_does_not_notice(bus: Bus) -> None:
    before = {name: bus.real(name) for name in ("north", "south", "press")}
    roster, control = bus.desk.roster.version, bus.log.end("control")
    assert len(before["south"]) == 2  # the real report, and its alert
    for _ in range(2):
        result = bus.play(story())
        assert result.is_good, [one for one in result.findings if not one.met]
        assert result.home == str(bus.home.path)
        kinds = {one.kind for one in result.findings}
        assert kinds == {"receipt", "has", "never", "alerts", "verified", "withdrawn"}
    assert {name: bus.real(name) for name in before} == before
    assert (bus.desk.roster.version, bus.log.end("control")) == (roster, control)
    picture = Subscriber(bus.log, "south", bus.home.pin()).catch_up()
    assert list(picture.events()) == ["north/field/real:1"]
    (alert,) = [picture.alert(ref) for ref in picture.alerts()]
    assert alert is not None
    assert [member.id for member in alert.body.members] == ["real:1"]


def test_the_clearances_of_the_home_are_what_counts(bus: Bus) -> None:
    bus.desk.clear("south", UN._replace(audiences=()))
    result = bus.play(story())
    assert {(one.agency, one.kind) for one in result.findings if not one.met} == {("south", "has"), ("south", "alerts")}


def test_every_record_is_of_the_exercise_and_its_id_says_so(bus: Bus) -> None:
    start = bus.log.end("submissions.north")
    assert bus.play(story()).is_good
    sent = [record.value for record in bus.log.read("submissions.north", start)]
    assert len(sent) == 2  # the report, and its withdrawal
    assert all(b"//EXERCISE LANTERN" in one and b"LANTERN-20" in one for one in sent)


EXPIRY = """
[[step]]
title = "It runs out"

[[step.act]]
do = "wait"
for = "2s"

[[step.expect]]
agencies = ["south"]
gone = { "report-1" = "EXPIRED" }

[[unseen]]"""


def test_a_bus_that_runs_in_the_home_does_the_work_and_time_acts_there(bus: Bus) -> None:
    text = LANTERN.replace('id = "report-1"', 'id = "report-1"\nexpires_in = "2s"').replace("[[unseen]]", EXPIRY)
    told = read_story(text.encode())
    assert isinstance(told, Story)
    stop = threading.Event()
    own = SqliteLog(bus.home.log, now_ms)
    running = threading.Thread(target=lambda: runner(bus.home, own, tick_interval_s=4).run(stop=stop))
    running.start()
    try:
        result = bus.play(told, most_wait_ms=2000)
    finally:
        stop.set()
        running.join()
        own.close()
    assert result.is_good, [one for one in result.findings if not one.met]


def test_what_still_stands_is_withdrawn_where_it_is_interrupted(bus: Bus) -> None:
    text = LANTERN.replace("[[unseen]]", '[[step]]\ntitle = "Later"\nsilent = []\n\n[[unseen]]')
    told = read_story(text.encode())
    assert isinstance(told, Story)
    said: list[str] = []

    def interrupt(line: str) -> None:
        said.append(line)
        if line.startswith("2 of 2"):
            raise KeyboardInterrupt

    later = told.model_copy(update={"step": (told.step[0], told.step[0].model_copy(update={"act": ()}))})
    with pytest.raises(KeyboardInterrupt):
        bus.play(later, progress=interrupt)
    assert said == ["1 of 2  North reports", "2 of 2  North reports"]
    bus.run()
    assert list(Subscriber(bus.log, "south", bus.home.pin()).catch_up().events()) == ["north/field/real:1"]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bus]:
    """A home for those that write nothing."""
    with opened(tmp_path_factory.mktemp("untouched") / "home") as found_bus:
        yield found_bus


WAIT = '[[step.act]]\ndo = "wait"\nfor = "1s"\n\n[[step.expect]]'


def test_a_wait_is_waited_for_where_that_is_allowed(bus: Bus) -> None:
    told = story("[[step.expect]]", WAIT)
    ends = bus.ends()
    with pytest.raises(HindranceError, match="has waited 1 s by then, 0 s are allowed"):
        bus.play(told)
    assert bus.ends() == ends
    began = now_ms()
    assert bus.play(told, most_wait_ms=1000).is_good
    assert now_ms() - began >= 1000


@pytest.mark.parametrize(("old", "new", "said"), [
    ("[[step.expect]]", '[[step.act]]\ndo = "clearance"\nagency = "press"\n\n[[step.expect]]', "clearance"),
    ("[[step.expect]]", '[[step.act]]\ndo = "suspend"\nagency = "press"\n\n[[step.expect]]', "suspend"),
    ("[[step.expect]]", '[[step.act]]\ndo = "heartbeat"\nby = "north"\nfeed = "field"\nevery = "1h"\n\n[[step.expect]]',
     "heartbeat"),
    ('title = "North reports"', 'title = "North reports"\nsilent = []', "late"),
    ('exercise = "LANTERN"', 'exercise = "OTHER"', "no clearance for the realm OTHER"),
    ('name = "south"', 'name = "west"\n\n[[agency]]\nname = "south"', "it has no agency west"),
    ('[{ name = "field"', '[{ name = "more" }, { name = "field"', "north has no feed more"),
])  # fmt: skip
def test_what_stands_against_it_is_said_before_anything_is_written(
    untouched: Bus, old: str, new: str, said: str
) -> None:
    ends = untouched.ends()
    with pytest.raises(HindranceError, match=said):
        untouched.play(story(old, new))
    assert untouched.ends() == ends


def test_a_suspended_agency_and_a_missing_key_stand_against_it(bus: Bus) -> None:
    bus.desk.suspend("south")
    for key in (bus.home.keys / "north").iterdir():
        key.unlink()
    with pytest.raises(HindranceError, match=r"south is suspended; the home holds no key of north"):
        bus.play(story())


def test_the_command_plays_in_the_home_that_is_named_and_says_what_stands_against_it(bus: Bus, tmp_path: Path) -> None:
    file = tmp_path / "lantern.toml"
    file.write_text(LANTERN)
    tocsin = Tocsin(bus.home.path)
    assert json.loads(tocsin.ok("exercise", "check", str(file), "--json").out)["good"]
    told = tocsin.json("exercise", "run", str(file))
    assert (told["good"], told["home"]) == (True, str(bus.home.path))
    file.write_text(LANTERN.replace("[[step.expect]]", WAIT, 1))
    for command in ("check", "run"):
        done = tocsin("exercise", command, str(file))
        assert done.code == 2
        assert "--max-wait" in done.err
    assert tocsin("exercise", "run", str(file), "--max-wait", "1s").code == 0
    assert tocsin("exercise", "run", str(file), "--max-wait", "soon").code == 2
    assert tocsin("exercise", "run", str(file), "--keep", str(tmp_path / "kept")).code == 2
