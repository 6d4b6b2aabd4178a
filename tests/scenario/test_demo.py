"""`tocsin demo`, played once for real: its figures hold together, and its screen says them."""

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bus.demo import acts, play, screen
from bus.demo.cast import cast
from bus.demo.tally import Tally, figures
from bus.errors import Reason
from bus.exercise.paint import WIDTH
from schemas.models import Status

ONES_OWN = {
    "conflict-data": 600,
    "education": 94,
    "aid-security": 37,
    "explosives": 243,
    "health": 332,
    "protection": 26,
}
FREE_TEXT = ("description", "headline", "article", "narrative", "summary", "notes")


class Played(NamedTuple):
    """One demo: its exit code, its JSON, what it counted, and the acts as they were announced."""

    code: int
    json: dict[str, Any]
    tally: Tally
    said: list[str]


@pytest.fixture(scope="module")
def demo() -> Played:
    out = io.StringIO()
    said: list[str] = []
    kept: list[Tally] = []
    perform = acts.perform

    def keeping(home: Path | None, progress: acts.Progress) -> Tally:
        kept.append(perform(home, progress))
        return kept[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acts, "perform", keeping)
        code = play(None, out, as_json=True, progress=said.append)
    return Played(code, json.loads(out.getvalue()), kept[0], said)


def test_it_succeeds_within_a_minute_and_announces_its_acts(demo: Played) -> None:
    assert demo.code == 0
    assert demo.json["seconds"] < 60
    assert [act[:6] for act in demo.said] == [f"{number} of 8" for number in range(1, 9)] + [""]


def test_more_than_a_thousand_real_events_are_accepted_and_every_submission_has_a_verdict(demo: Played) -> None:
    events = demo.json["events"]
    assert events["submitted"] == events["accepted"] + events["rejected"]
    real = {sent.agency: sent.records for sent in demo.tally.sent if not sent.sheet.is_made_up}
    assert real == ONES_OWN
    assert sum(real.values()) >= 1000
    assert events["accepted"] == sum(sent.records for sent in demo.tally.sent) + 2  # one amended, one withdrawn
    assert {sent.sheet.format for sent in demo.tally.sent} == {"table", "ucdp_ged"}


def test_every_attack_is_refused_and_by_its_own_reason(demo: Played) -> None:
    reasons = demo.json["rejected_by_reason"]
    assert sum(reasons.values()) == demo.json["events"]["rejected"] == len(demo.tally.ledger.tried)
    assert set(reasons) <= set(Reason)
    assert {one.attack.title: one.reason for one in demo.tally.ledger.tried} == {
        "figures changed on the way": "BAD_SIGNATURE",
        "a key that nobody knows": "UNKNOWN_KEY",
        "another agency's key": "AGENCY_MISMATCH",
        "a new roster, self-made": "NOT_AUTHORITY",
        "Avro with bytes after its end": "NOT_CANONICAL",
        "Avro enum of -1": "UNDECODABLE",
        "recursive schema of one's own": "UNKNOWN_SCHEMA",
        "a feed that it does not have": "FEED_MISMATCH",
        "a label below the feed's floor": "LABEL_BELOW_FLOOR",
        "a megabyte": "TOO_LARGE",
        "signed next year": "FROM_THE_FUTURE",
        "another body under an old id": "ID_CONFLICT",
        "exercise under a real label": "REALM_MISMATCH",
        "a source that refused consent": "NO_CONSENT",
        "no frame at all": "BAD_FRAME",
    }


def test_alerts_are_fused_from_different_agencies_and_one_has_two_origins(demo: Played) -> None:
    alerts = demo.tally.alerts.values()
    assert demo.json["alerts"] == {
        "total": len(alerts),
        "fused": sum(len(alert.members) > 1 for alert in alerts),
    }
    real = [alert for alert in alerts if not any(member.id.startswith("vigil-") for member in alert.members)]
    assert any(len({member.agency for member in alert.members}) > 1 for alert in real)
    assert any(alert.origins > 1 and len({member.agency for member in alert.members}) > 1 for alert in alerts)


def test_each_agency_sees_what_its_clearance_allows_and_the_rest_is_withheld(demo: Played) -> None:
    agencies = demo.json["agencies"]
    live = len(demo.tally.ledger.live)
    assert all(one["events"] + one["withheld"] == live for one in agencies.values())
    assert agencies["fusion-cell"]["withheld"] == 0
    held = {reading.agency: Counter(ref.split("/")[0] for ref in reading.events) for reading in demo.tally.readings}
    assert held["newsroom"] == {"conflict-data": 600, "education": 94, "newsroom": 2, "observers": 1}
    assert held["conflict-data"] == {"conflict-data": 600, "education": 94}
    assert "protection" not in held["health"]
    assert "health" not in held["protection"]
    assert "health" not in held["education"]
    assert [agency for agency, refs in held.items() if "imagery" in refs] == ["imagery", "fusion-cell"]


def test_agencies_have_different_pictures_of_one_place(demo: Played) -> None:
    place = demo.json["places"][0]
    assert set(place["agencies"]) == set(demo.json["agencies"])
    assert len({tuple(ids) for ids in place["agencies"].values()}) > 2
    for agency, ids in place["agencies"].items():
        reading = next(one for one in demo.tally.readings if one.agency == agency)
        assert set(ids) <= set(reading.alerts)


def test_every_signature_holds_down_to_the_authors(demo: Played) -> None:
    verified = demo.json["verified"]
    alerts = [alert for reading in demo.tally.readings for alert in reading.alerts.values()]
    assert verified["failed"] == 0
    assert verified["alerts"] == len(alerts) == sum(one["alerts"] for one in demo.json["agencies"].values())
    assert verified["signatures"] == len(alerts) + sum(len(alert.members) for alert in alerts)


def test_what_was_amended_or_withdrawn_reaches_who_had_it_and_nobody_else(demo: Played) -> None:
    readers = tuple(one.agency for one in demo.tally.readings if one.agency not in {"newsroom", "conflict-data"})
    assert demo.tally.amended.told == readers
    assert demo.tally.withdrawn.told == readers
    assert demo.tally.amended.ref in demo.tally.ledger.live
    assert demo.tally.withdrawn.ref not in demo.tally.ledger.live


def test_the_screen_fits_a_terminal_and_says_the_figures(demo: Played) -> None:
    page = screen.page(demo.tally, coloured=False)
    lines = page.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) <= 74
    assert all(character == "\n" or character.isprintable() for character in page)
    for told in (
        "WHO PUBLISHED WHAT",
        "WHAT STAYS HIDDEN",
        "WHAT WAS REFUSED",
        "ONE ALERT, EXPLAINED",
        "EXERCISE",
        "VERIFIED",
    ):
        assert told in page
    for agency, seen in demo.json["agencies"].items():
        assert any(
            line.strip().startswith(agency) and f"{seen['events']:,}" in line and f"{seen['withheld']:,}" in line
            for line in lines
        )
    assert all(f"{one.attack.title}" in page and str(one.reason) in page for one in demo.tally.ledger.tried)
    assert "made up" in page
    assert f"{demo.json['verified']['signatures']:,} signatures: all good" in page


def test_colour_is_for_terminals_that_want_it(demo: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def shown(out: io.StringIO) -> str:
        screen.show(demo.tally, out, as_json=False)
        return out.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[" not in shown(io.StringIO())
    assert "\x1b[" in shown(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in shown(Terminal())


def test_an_attack_that_gets_through_or_a_bad_signature_is_no_success(demo: Played) -> None:
    tried = demo.tally.ledger.tried
    let_in = demo.tally.ledger._replace(tried=(tried[0]._replace(reason=None), *tried[1:]))
    exercise = demo.tally.exercise
    assert exercise is not None
    reading = demo.tally.readings[0]._replace(failed=1)
    wrong = demo.tally._replace(readings=(reading, *demo.tally.readings[1:]))
    assert demo.tally.is_good
    assert not demo.tally._replace(ledger=let_in).is_good
    assert not wrong.is_good
    missed = exercise._replace(whole=(exercise.whole[0]._replace(met=False), *exercise.whole[1:]))
    assert not demo.tally._replace(exercise=missed).is_good
    assert "NOT all met" in screen.page(demo.tally._replace(exercise=missed), coloured=False)
    assert figures(wrong)["verified"]["failed"] == 1
    assert "1 do NOT hold" in screen.page(wrong, coloured=False)
    assert "ACCEPTED" in screen.page(demo.tally._replace(ledger=let_in), coloured=False)


def test_the_exercise_is_played_and_its_score_told(demo: Played) -> None:
    score = demo.json["exercise"]
    assert score["good"]
    assert score["met"] == score["expectations"] > 100
    assert sum(step["met"] for step in score["steps"]) + len(score["whole"]) == score["met"]
    page = screen.page(demo.tally, coloured=False)
    assert f"{score['met']} of {score['expectations']} expectations: all met" in page
    for step in score["steps"]:
        assert f"✓ {step['met']} of {step['expectations']} " in page
        assert step["title"] in page


def test_made_up_records_are_of_the_exercise_and_real_ones_are_not(demo: Played) -> None:
    picture = next(one.picture for one in demo.tally.readings if one.agency == "fusion-cell")
    for ref in picture.events():
        event = picture.event(ref)
        assert event is not None
        made_up = event.header.id.startswith("vigil-")
        assert event.header.status is (Status.EXERCISE if made_up else Status.ACTUAL)
        assert event.header.label.endswith("//EXERCISE VIGIL") is made_up


def test_shipped_files_hold_no_free_text_and_say_where_they_are_from() -> None:
    folder = Path(acts.__file__).parent / "data"
    for player in cast().agency:
        for sheet in player.sheet:
            path = folder / sheet.file
            columns = next(csv.reader([path.read_text("utf-8").splitlines()[0]])) if path.suffix == ".csv" else []
            rows = json.loads(path.read_text("utf-8")) if path.suffix == ".json" else []
            names = {name.lower() for name in columns}.union(*({key.lower() for key in row} for row in rows))
            assert not [name for name in names if any(word in name for word in FREE_TEXT)]
            assert len(names) > 5
            source = (path.parent / "SOURCE.md").read_text("utf-8")
            assert "Licence: CC" in source
            assert path.name in source
