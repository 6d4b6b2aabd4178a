"""By hand, as README tells it: two agencies share reports, one sees the other's change and withdrawal."""

import json
from pathlib import Path
from typing import Any

import pytest

from bus.client import open_subscriber
from bus.clock import now_ms
from bus.home import Home
from bus.log.sqlite import SqliteLog
from tests.support.command_line import Tocsin
from tests.support.samples import UCDP

DATA = Path(__file__).resolve().parents[1] / "data"
SHEET = DATA / "insecurity_insight" / "education_2023-11-20.json"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    """The home of a bus with two agencies, each of which has published a file."""
    bus = Tocsin(tmp_path_factory.mktemp("by-hand") / "home")
    bus.ok("init")
    bus.ok("agency", "add", "alpha")
    bus.ok("agency", "add", "beta", "--feed", "incidents")
    bus.ok("publish", str(UCDP), "--as", "alpha", "--feed", "reports")
    bus.ok("publish", str(SHEET), "--as", "beta", "--feed", "incidents")
    bus.ok("run", "--until-idle")
    return bus


def refs(bus: Tocsin, agency: str) -> dict[str, dict[str, Any]]:
    return {one["ref"]: one for one in bus.items("events", "ls", "--as", agency)}


def test_what_both_published_is_fused_explained_and_verified(tocsin: Tocsin) -> None:
    mine, theirs = refs(tocsin, "alpha"), refs(tocsin, "beta")
    assert mine.keys() == theirs.keys()
    assert {ref.split("/")[0] for ref in mine} == {"alpha", "beta"}
    alerts = tocsin.items("alerts", "ls", "--as", "beta")
    ranks = [(-one["severity"]["level"], -one["confidence"]["probability"], -one["when"]["end"]) for one in alerts]
    assert ranks == sorted(ranks)
    first = alerts[0]
    shown = tocsin.ok("alerts", "show", first["id"][:12], "--as", "beta").out
    for member in first["members"]:
        assert f"{member['agency']}/{member['feed']}/{member['id']}, revision {member['revision']}" in shown
    for term in first["explanation"]:
        assert term["reason"] in shown
    verified = tocsin.json("verify", first["id"], "--as", "beta")
    assert verified["good"]
    assert verified["signatures"] == 1 + len(first["members"])
    everything = tocsin.json("verify", "--as", "beta")
    assert everything["good"]
    assert len(everything["checked"]) == len(alerts) + len(theirs)


def test_publishing_the_same_file_again_sends_nothing(tocsin: Tocsin) -> None:
    done = tocsin.json("publish", str(UCDP), "--as", "alpha", "--feed", "reports")
    assert done["sent"] == 0
    assert done["outcomes"]["unchanged"] == len([ref for ref in refs(tocsin, "alpha") if ref.startswith("alpha/")])
    assert tocsin.json("run", "--until-idle")["submissions"] == 0


def test_a_changed_row_becomes_revision_two_and_the_reader_gets_an_update(tocsin: Tocsin, tmp_path: Path) -> None:
    rows = json.loads(SHEET.read_text("utf-8"))
    rows[0]["Educators Killed"] = "7"
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(rows), "utf-8")
    before = refs(tocsin, "alpha")
    done = tocsin.json("publish", str(changed), "--as", "beta", "--feed", "incidents")
    assert (done["sent"], done["outcomes"]["amended"]) == (1, 1)
    assert tocsin.json("run", "--until-idle")["accepted"] == 1
    after = refs(tocsin, "alpha")
    moved = {ref for ref in after if after[ref]["header"]["revision"] != before[ref]["header"]["revision"]}
    assert len(moved) == 1
    (ref,) = moved
    assert after[ref]["header"]["revision"] == 2
    assert any(one["best"] == 7 for one in after[ref]["body"]["counts"])
    assert changes(tocsin, "alpha", ref) == ["NEW", "UPDATE"]


def test_a_retraction_reaches_who_had_the_event(tocsin: Tocsin) -> None:
    ref = next(ref for ref in refs(tocsin, "alpha") if ref.startswith("beta/"))
    tocsin.ok("retract", ref, "--as", "beta", "--reason", "ERROR")
    tocsin.ok("run", "--until-idle")
    assert ref not in refs(tocsin, "alpha")
    assert tocsin("events", "show", ref, "--as", "alpha").code == 1
    assert changes(tocsin, "alpha", ref) == ["NEW", "RETRACTED"]
    assert all(ref not in member_refs(alert) for alert in tocsin.items("alerts", "ls", "--as", "alpha"))


def test_absent_and_not_allowed_are_the_same_answer(tocsin: Tocsin) -> None:
    """An event under a label that alpha has no right to answers as one that never was, to the byte."""
    tocsin.ok("agency", "feed", "beta", "own", "--default-label", "COALITION UNCLASSIFIED//REL TO BETA")
    tocsin.ok(
        "publish", str(DATA / "insecurity_insight" / "protection_2023-11-20.json"), "--as", "beta", "--feed", "own"
    )
    tocsin.ok("run", "--until-idle")
    hidden = next(ref for ref in refs(tocsin, "beta") if ref.startswith("beta/own/"))
    assert hidden not in refs(tocsin, "alpha")
    absent = hidden[:-1] + ("1" if hidden[-1] != "1" else "2")
    for command in (("events", "show"), ("verify",)):
        no, never = (tocsin(*command, ref, "--as", "alpha") for ref in (hidden, absent))
        assert no.code == 1
        assert no == never


def changes(bus: Tocsin, agency: str, ref: str) -> list[str]:
    """What the agency was told of a record, in order: read from the outbox itself."""
    home = Home.open(bus.home)
    log = SqliteLog(home.log, now_ms)
    try:
        received = open_subscriber(home, log, agency).poll()
        return [one.delivery.change.value for one in received if one.delivery.ref == ref]
    finally:
        log.close()


def member_refs(alert: dict[str, Any]) -> set[str]:
    return {f"{one['agency']}/{one['feed']}/{one['id']}" for one in alert["members"]}
