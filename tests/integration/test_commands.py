"""Commands on a bus that two agencies use: an author's acts, views, labels, and a bus that runs in another process."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from bus.client import Subscriber
from bus.clock import now_ms
from bus.errors import Refusal
from bus.home import Home
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.operate import Desk
from bus.operate.rosters import entry_of
from schemas.delivery import encode_delivery, encode_middle, next_chain, without_chain
from schemas.models import AgencyEntry, Roster
from tests.support.command_line import Tocsin
from tests.support.running import running, until

ROOT = Path(__file__).resolve().parents[2]
EXERCISE = ROOT / "bus" / "demo" / "data" / "exercise"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    """Two agencies that tell one story of an exercise, and an analyst."""
    bus = Tocsin(tmp_path_factory.mktemp("founded") / "home")
    bus.ok("init")
    for name in ("alpha", "beta", "gamma"):
        bus.ok("agency", "add", name, "--realm", "REAL", "--realm", "VIGIL")
    bus.ok("agency", "feed", "gamma", "desk", "--analyst", "--default-label", "COALITION UNCLASSIFIED//PUBLIC")
    for sheet, agency in (("radio", "alpha"), ("observers", "beta")):
        mapping = str(EXERCISE / f"{sheet}.toml")
        words = ("--mapping", mapping, "--exercise", "VIGIL", "--as", agency, "--feed", "reports")
        bus.ok("publish", str(EXERCISE / f"{sheet}.csv"), *words)
    bus.ok("run", "--until-idle")
    return bus


def fused(bus: Tocsin, agency: str) -> list[dict[str, Any]]:
    return bus.items("alerts", "ls", "--as", agency, "--origins", "2")


def refs(bus: Tocsin, agency: str) -> set[str]:
    return {one["ref"] for one in bus.items("events", "ls", "--as", agency)}


def test_what_is_retracted_takes_its_alert_with_it(tocsin: Tocsin) -> None:
    assert len(fused(tocsin, "gamma")) == 2
    done = tocsin.json("retract", "vigil-radio:A2", "--as", "alpha", "--reason", "ERROR")
    assert (done["sent"], done["records"][0]["outcome"]) == (1, "NEW")
    tocsin.ok("run", "--until-idle")
    assert len(fused(tocsin, "gamma")) == 1
    again = tocsin.json("retract", "vigil-radio:A2", "--as", "alpha", "--reason", "ERROR")
    assert again["sent"] == 0


def test_only_what_is_ones_own_can_be_retracted(tocsin: Tocsin) -> None:
    foreign = tocsin("retract", "beta/reports/vigil-observers:17", "--as", "alpha", "--reason", "ERROR")
    assert foreign.code == 2
    unknown = tocsin("retract", "vigil-radio:A9", "--as", "alpha", "--reason", "ERROR")
    assert (unknown.code, unknown.out) == (1, "")
    assert "receipts ls" in unknown.err
    assert tocsin("retract", "vigil-radio:A1", "--as", "alpha", "--reason", "WHIM").code == 2


def test_a_publisher_that_lost_its_memory_still_retracts(tocsin: Tocsin) -> None:
    shutil.rmtree(tocsin.home / "agencies" / "alpha")
    tocsin.ok("retract", "vigil-radio:A1", "--as", "alpha", "--reason", "WITHDRAWN")
    tocsin.ok("run", "--until-idle")
    assert "alpha/reports/vigil-radio:A1" not in refs(tocsin, "beta")


def test_an_analysts_link_parts_what_was_one_story(tocsin: Tocsin) -> None:
    first = fused(tocsin, "alpha")[0]
    members = [f"{one['agency']}/{one['feed']}/{one['id']}" for one in first["members"]]
    plain = tocsin.json("link", "DIFFERENT", *members, "--as", "gamma", "--feed", "desk")
    assert plain["sent"] == 1
    tocsin.ok("run", "--until-idle")
    assert first["id"] not in {one["id"] for one in fused(tocsin, "alpha")}
    again = tocsin.json("link", "DIFFERENT", *reversed(members), "--as", "gamma", "--feed", "desk")
    assert again["sent"] == 0


def test_a_link_that_matches_nothing_says_so_and_how_it_would(tocsin: Tocsin) -> None:
    members = ("alpha/reports/vigil-radio:A1", "beta/reports/vigil-observers:17")
    done = tocsin.ok("link", "SAME", *members, "--as", "beta", "--feed", "reports")
    assert "tocsin agency feed beta reports --analyst" in done.err
    assert "analyst" not in tocsin.ok("link", "RELATED", *members, "--as", "beta", "--feed", "reports").err
    assert "analyst" not in tocsin.ok("link", "SAME", *members, "--as", "gamma", "--feed", "desk").err


def test_a_retraction_is_told_by_the_name_that_was_typed(tocsin: Tocsin) -> None:
    assert tocsin.ok("retract", "vigil-radio:A2", "--as", "alpha", "--reason", "ERROR").out.startswith(
        "vigil-radio:A2:"
    )
    assert (
        "before; nothing was sent" in tocsin.ok("retract", "vigil-radio:A2", "--as", "alpha", "--reason", "ERROR").out
    )


@pytest.mark.parametrize("words", [("a/b/c", "a/b/c"), ("a/b/c", "a/b"), ("a/b/c",)])
def test_a_link_needs_two_events_spelled_out(tocsin: Tocsin, words: tuple[str, ...]) -> None:
    assert tocsin("link", "SAME", *words, "--as", "gamma", "--feed", "desk").code == 2


def test_a_link_that_the_bus_would_refuse_is_no_choice(tocsin: Tocsin) -> None:
    done = tocsin("link", "VERSION_OF", "a/b/c", "a/b/d", "--as", "gamma", "--feed", "desk")
    assert done.code == 2
    assert "SAME" in done.err


def test_a_link_to_what_no_event_is_called_is_refused_by_its_field(tocsin: Tocsin) -> None:
    done = tocsin("link", "SAME", "No!/b/c", "a/b/d", "--as", "gamma", "--feed", "desk")
    assert done.code == 1
    assert "BAD_FIELD" in done.err


def test_a_heartbeat_ends_in_a_receipt(tocsin: Tocsin) -> None:
    tocsin.ok("heartbeat", "--as", "alpha", "--feed", "reports", "--interval-s", "60")
    tocsin.ok("run", "--until-idle")
    last = tocsin.items("receipts", "ls", "--as", "alpha")[-1]
    assert (last["kind"], last["verdict"]) == ("heartbeat", "ACCEPTED")


def test_a_heartbeat_of_no_interval_is_refused_by_its_field(tocsin: Tocsin) -> None:
    said = tocsin("heartbeat", "--as", "alpha", "--feed", "reports", "--interval-s", "0", "--json")
    assert said.code == 1
    assert said.document["records"][0]["refused"]["reason"] == "BAD_FIELD"


@pytest.mark.parametrize("words", [("receipts", "ls"), ("retract", "x:1", "--reason", "ERROR"), ("alerts", "ls")])
def test_an_agency_that_is_not_here_is_not_found_and_leaves_no_trace(tocsin: Tocsin, words: tuple[str, ...]) -> None:
    said = tocsin(*words, "--as", "nobody")
    assert said.code == 1
    assert "tocsin agency ls" in said.err
    assert not (tocsin.home / "agencies" / "nobody").exists()


def test_an_alert_is_found_by_the_beginning_of_its_id(tocsin: Tocsin) -> None:
    first = fused(tocsin, "alpha")[0]
    assert tocsin.json("alerts", "show", first["id"][:8], "--as", "alpha") == first
    assert tocsin.json("alerts", "show", "--as", "alpha", "--origins", "2") == first
    assert tocsin("alerts", "show", first["id"][:3], "--as", "alpha").code == 1
    assert tocsin("alerts", "show", "0" * 64, "--as", "alpha").code == 1
    assert tocsin("alerts", "ls", "--as", "nobody").code == 1


def test_verify_names_every_signature(tocsin: Tocsin) -> None:
    first = fused(tocsin, "alpha")[0]
    shown = tocsin.ok("verify", first["id"], "--as", "alpha").out
    for member in first["members"]:
        assert member["digest"] in shown
        assert f"signed by {member['agency']}" in shown
    ref = "beta/reports/vigil-observers:17"
    event = tocsin.json("verify", ref, "--as", "alpha")
    assert [one["signer"] for one in event["checked"][0]["findings"]] == ["beta"]
    keys = tocsin.items("key", "ls", "beta")
    assert event["checked"][0]["findings"][0]["key_id"] == keys[0]["key_id"]


def test_a_changed_byte_of_a_delivery_is_found(tocsin: Tocsin) -> None:
    file = apsw.Connection(str(tocsin.home / "bus.db"))
    [(at, value)] = file.execute(
        "SELECT id, value FROM records JOIN topics ON id >> 40 = number WHERE name = 'outbox.alpha' ORDER BY id LIMIT 1"
    ).fetchall()
    assert isinstance(value, bytes)
    changed = bytearray(value)
    changed[len(changed) // 2] ^= 1
    file.execute("UPDATE records SET value = ? WHERE id = ?", (bytes(changed), at))
    file.close()
    for words in (("verify",), ("events", "ls")):
        said = tocsin(*words, "--as", "alpha")
        assert said.code == 3
        assert "outbox.alpha: delivery 1 does not continue the chain" in said.err
        assert said.out == ""


def test_an_alert_that_can_not_be_read_is_not_passed_over_in_silence(tocsin: Tocsin) -> None:
    before = len(tocsin.items("alerts", "ls", "--as", "alpha"))
    home = Home.open(tocsin.home)
    log = SqliteLog(home.log, now_ms)
    reader = Subscriber(log, "alpha", home.pin())
    reader.catch_up()
    middle = encode_middle(change="NEW", reason=None, kind="alert", ref="ab" * 32, body=b"no frame")
    sequence = reader.head.sequence + 1
    chain = next_chain(reader.head.chain, without_chain(sequence, 1, middle))
    log.append("outbox.alpha", [NewRecord("outbox.alpha", b"k", encode_delivery(sequence, 1, middle, chain))])
    log.close()
    said = tocsin.ok("alerts", "ls", "--as", "alpha", "--json")
    assert len(said.items) == before
    assert f"{'ab' * 32}: its bytes can't be read" in said.err
    assert tocsin("alerts", "show", "ab" * 32, "--as", "alpha").code == 1
    assert tocsin("verify", "--as", "alpha").code == 1


def test_a_compromised_key_is_no_longer_good(tocsin: Tocsin) -> None:
    """The roster says so, and readers who verify know it before the bus has taken anything back."""
    home = Home.open(tocsin.home)
    log = SqliteLog(home.log, now_ms)
    desk = Desk(home, log)
    with desk.at_work():
        assert isinstance(desk.publish(compromised("alpha")), Roster)
    log.close()
    everything = tocsin("verify", "--as", "beta", "--json")
    assert everything.code == 1
    assert not everything.document["good"]
    bad = {
        finding["ref"]
        for one in everything.document["checked"]
        for finding in one["findings"]
        if finding["refusal"] is not None and finding["refusal"]["reason"] == "KEY_REVOKED"
    }
    assert bad == {"alpha/reports/vigil-radio:A1", "alpha/reports/vigil-radio:A2"}
    shown = tocsin("verify", "vigil-radio:A1", "--as", "beta")
    assert shown.code == 1
    assert "BAD" in shown.out
    assert "KEY_REVOKED" in shown.out
    tocsin.ok("run", "--until-idle")
    tocsin.ok("verify", "--as", "beta")


def compromised(agency: str) -> Callable[[Roster], Roster | Refusal]:
    """The roster's change that calls an agency's keys compromised from their first day."""

    def change(roster: Roster) -> Roster | Refusal:
        entry = entry_of(roster, agency)
        assert isinstance(entry, AgencyEntry)
        keys = [
            key.model_copy(update={"revoked_at": now_ms(), "compromised_since": key.valid_from}) for key in entry.keys
        ]
        changed = entry.model_copy(update={"keys": tuple(keys)})
        agencies = tuple(changed if one is entry else one for one in roster.agencies)
        return roster.model_copy(update={"agencies": agencies})

    return change


def test_a_roster_that_has_expired_is_unhealthy(tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch) -> None:
    later = now_ms() + 2 * 365 * 86_400_000
    monkeypatch.setattr("bus.clock.now_ms", lambda: later)
    done = tocsin("status", "--json")
    assert done.code == 1
    assert not done.document["healthy"]
    assert "has expired" in done.document["troubles"][0]["what"]
    assert "has expired" in tocsin("status").err


def test_another_roots_pin_is_not_believed(tocsin: Tocsin) -> None:
    """A home whose pin is not of this bus's root: nothing is verified by it."""
    (tocsin.home / "pin").write_text("00" * 32 + "\n")
    for words in (("verify", "--as", "alpha"), ("alerts", "ls", "--as", "alpha"), ("status",), ("run", "--until-idle")):
        done = tocsin(*words)
        assert done.code == 3, words
        assert done.out == ""


def test_labels_are_completed_joined_and_judged(tocsin: Tocsin) -> None:
    tocsin.ok("agency", "clearance", "alpha", "--level", "COALITION SECRET", "--audience", "UN")
    shown = tocsin.json("label", "show", "COALITION SECRET", "--author", "alpha")
    assert shown == {"label": "COALITION SECRET//REL TO ALPHA", "readers": ["alpha"]}
    joined = tocsin.json(
        "label", "join", "COALITION SECRET//REL TO ALPHA, UN", "COALITION UNCLASSIFIED//REL TO BETA, UN"
    )
    assert joined["label"] == "COALITION SECRET//REL TO ALPHA, UN & REL TO BETA, UN"
    assert joined["readers"] == ["alpha"]
    assert tocsin("label", "join", "COALITION SECRET//REL TO UN", "TLP CLEAR").code == 1
    assert tocsin("label", "permits", "COALITION SECRET//REL TO UN", "alpha").code == 0
    assert tocsin("label", "permits", "COALITION SECRET//REL TO UN", "beta").code == 1
    assert "BAD_LABEL" in tocsin("label", "show", "SECRET").err


def test_a_clearance_that_ends_is_written_as_a_date(tocsin: Tocsin) -> None:
    entry = tocsin.json("agency", "clearance", "alpha", "--not-after", "2100-01-31")
    assert entry["clearance"]["not_after"] == 4_105_036_800_000
    assert tocsin("agency", "clearance", "alpha", "--not-after", "soon").code == 2


def test_a_suspended_agency_reads_and_publishes_nothing(tocsin: Tocsin) -> None:
    tocsin.ok("agency", "suspend", "beta")
    done = tocsin("heartbeat", "--as", "beta", "--feed", "reports")
    assert done.code == 1
    assert "KEY_NOT_VALID" in done.err
    tocsin.ok("run", "--until-idle")
    assert refs(tocsin, "beta") == set()
    tocsin.ok("agency", "suspend", "beta", "--end")
    tocsin.ok("heartbeat", "--as", "beta", "--feed", "reports")


def holders(bus: Tocsin) -> set[str]:
    return {one["name"] for one in bus.json("status")["stages"] if one["holder"]}


def test_one_bus_runs_serves_newcomers_and_stops_when_asked(tocsin: Tocsin) -> None:
    with running(tocsin.home, "run", "--json") as process:
        until(lambda: {"ingest-authority", "correlate-0"} <= holders(tocsin), process)
        second = tocsin("run", "--until-idle")
        assert (second.code, second.out) == (1, "")
        assert f"process {process.pid}" in second.err
        tocsin.ok("agency", "add", "delta")
        tocsin.ok("heartbeat", "--as", "delta", "--feed", "reports")
        until(lambda: tocsin.items("receipts", "ls", "--as", "delta") != [], process)
        assert tocsin.items("receipts", "ls", "--as", "delta")[0]["verdict"] == "ACCEPTED"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        counts = {"submissions": 2, "accepted": 2, "rejected": 0, "repeated": 0, "deliveries": 0}
        assert json.loads(out) == {**counts, "stopped": True, "resting": []}
    assert holders(tocsin) == set()


def test_a_suspended_agency_is_told_that_it_is_and_a_bus_that_stands_still_too(tocsin: Tocsin) -> None:
    assert "does not run" not in tocsin.ok("status").err
    tocsin.ok("heartbeat", "--as", "alpha", "--feed", "reports")
    assert "the bus does not run" in tocsin.ok("status").err
    tocsin.ok("agency", "suspend", "alpha")
    done = tocsin("heartbeat", "--as", "alpha", "--feed", "reports")
    assert (done.code, "alpha is suspended" in done.err) == (1, True)


def test_what_a_new_clearance_takes_away_is_said(tocsin: Tocsin) -> None:
    said = tocsin.ok("agency", "clearance", "beta", "--level", "COALITION SECRET").err
    assert "beta loses TLP CLEAR, realm VIGIL: this command replaces the whole clearance" in said
    assert "loses" not in tocsin.ok("agency", "clearance", "beta", "--level", "COALITION SECRET", "--realm", "REAL").err
