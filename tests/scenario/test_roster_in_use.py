"""A week of the authority: a stolen key, rights raised and lowered, a suspension; what each agency holds after each."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bus.client import open_subscriber
from bus.client.opened import Opened, open_signed
from bus.clock import now_ms
from bus.home import Home, load_keys
from bus.log.protocol import NewRecord
from bus.trust import frame
from schemas.codec import payload_type, to_wire
from tests.support.command_line import Tocsin
from tests.support.samples import UCDP

DATA = Path(__file__).resolve().parents[1] / "data"
SHEET = DATA / "insecurity_insight" / "education_2023-11-20.json"
FIELD = DATA / "insecurity_insight" / "protection_2023-11-20.json"
FAR = "COALITION RESTRICTED//REL TO ALPHA, BETA"
SHARED = "alpha/field/ii-protection:41700"
"""Of which beta reports too."""
READS = ("--level", "COALITION RESTRICTED")
Told = list[tuple[str, str, str | None]]


class Bus(Tocsin):
    """alpha and beta share what is public, and alpha a restricted feed with beta."""

    def run(self) -> None:
        self.ok("run", "--until-idle")

    def refs(self, agency: str) -> dict[str, dict[str, Any]]:
        """The agency's events by reference; when they were delivered is no part of a picture."""
        return {one["ref"]: one | {"delivered_at": 0} for one in self.items("events", "ls", "--as", agency)}

    def alerts(self, agency: str) -> dict[str, dict[str, Any]]:
        return {
            one["id"]: one | {"delivered_at": 0, "revision": 0} for one in self.items("alerts", "ls", "--as", agency)
        }

    def told(self, agency: str) -> Told:
        """All deliveries to an agency: change, reference, reason."""
        with self.log() as log:
            received = open_subscriber(Home.open(self.home), log, agency).poll()
            return [(one.delivery.change, one.delivery.ref, one.delivery.reason) for one in received]

    def good(self, agency: str) -> bool:
        return self("verify", "--as", agency).code == 0

    def steal(self, ref: str, **changes: Any) -> None:
        """Whoever has alpha's key signs an event as they like and puts it into alpha's topic."""
        home = Home.open(self.home)
        with self.log() as log:
            received = open_subscriber(home, log, "beta").poll()
            body = next(one.delivery.body for one in received if one.delivery.ref == ref)
        assert body is not None
        opened = open_signed(body)
        assert isinstance(opened, Opened)
        header = opened.message.header.model_copy(update={"created_at": now_ms(), **changes})
        message = opened.message.model_copy(update={"header": header})
        signed = frame.sign(payload_type("event", "field"), to_wire(message), load_keys(home, "alpha")[0])
        with self.log() as log:
            log.append("submissions.alpha", [NewRecord("submissions.alpha", b"field", signed.encode())])


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Bus:
    bus = Bus(tmp_path_factory.mktemp("roster") / "home")
    bus.ok("init")
    bus.ok("agency", "add", "alpha", *READS)
    bus.ok("agency", "feed", "alpha", "field", "--default-label", FAR)
    bus.ok("agency", "add", "beta", "--feed", "incidents", *READS)
    bus.ok("publish", str(UCDP), "--as", "alpha", "--feed", "reports")
    bus.ok("publish", str(FIELD), "--as", "alpha", "--feed", "field")
    bus.ok("publish", str(SHEET), "--as", "beta", "--feed", "incidents")
    bus.run()
    return bus


@pytest.fixture
def bus(founded: Bus, tmp_path: Path) -> Bus:
    founded.copy(tmp_path)
    return Bus(tmp_path / "home")


def next_second() -> str:
    """A second later, as the command line takes it: all before it was accepted before it."""
    time.sleep(1.01 - time.time() % 1)
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_stolen_key(bus: Bus, tmp_path: Path) -> None:
    before, alerts = bus.refs("beta"), bus.alerts("beta")
    assert any(
        {"/".join((one["agency"], one["feed"], one["id"])) for one in alert["members"]} > {SHARED}
        for alert in alerts.values()
    )
    since = next_second()
    # A thief amends a member of an alert to a revision that nobody reaches, and makes an event of its own.
    bus.steal(SHARED, revision=1_000_000, sequence=900)
    bus.steal(SHARED, id="thief:1", sequence=901)
    bus.run()
    stolen = bus.refs("beta")
    assert stolen[SHARED]["header"]["revision"] == 1_000_000
    assert "alpha/field/thief:1" in stolen
    assert bus.alerts("beta") != alerts

    # Looked at, then done: the thief's records leave, the earlier revision and the alerts are as they were.
    shown = bus.ok("key", "revoke", "alpha", "--compromised-since", since, "--dry-run").out
    assert "2 records (2 event)" in shown
    assert bus.refs("beta") == stolen
    done = bus.json("key", "revoke", "alpha", "--compromised-since", since)
    assert done["tainted"] == {"event": 2}
    bus.run()
    assert bus.refs("beta") == before
    assert bus.alerts("beta") == alerts
    assert ("RETRACTED", "alpha/field/thief:1", "TAINTED") in bus.told("beta")
    assert bus.good("beta")

    # What the thief signs from now on is refused; so is alpha, until it has its next key.
    bus.steal(SHARED, revision=2_000_000, sequence=902)
    bus.run()
    assert "KEY_REVOKED" in bus.ok("quarantine", "ls").out
    changed = tmp_path / "changed.json"
    rows = json.loads(FIELD.read_text("utf-8"))
    for row in rows:
        row["People Associated with Protection Programme Killed"] = "5"
    changed.write_text(json.dumps(rows), "utf-8")
    publish = ("publish", str(changed), "--as", "alpha", "--feed", "field")
    assert bus(*publish).code == 1
    bus.ok("key", "new", "alpha")
    assert bus.json(*publish)["outcomes"]["amended"] == len(rows)
    bus.run()
    mine = bus.refs("beta")[SHARED]
    assert mine["header"]["revision"] > 1, "no revision of the thief's locks the author out"
    assert any(one["best"] == 5 for one in mine["body"]["counts"])
    assert bus.good("beta")

    # It turns out that the key was stolen before anything was published: all that it signed goes.
    key = bus.items("key", "ls", "alpha")[0]["key_id"]
    bus.ok("key", "revoke", key[:12], "--compromised-since", "2026-01-01")
    bus.run()
    left = {ref: one["header"]["revision"] for ref, one in bus.refs("beta").items() if ref.startswith("alpha/")}
    assert len(left) == len(rows), "what alpha signed with its next key stands"
    assert min(left.values()) > 1
    assert bus.good("beta")


def test_rights_lowered_raised_and_ended(bus: Bus) -> None:
    before, alerts = bus.refs("beta"), bus.alerts("beta")
    restricted = {ref for ref in before if ref.startswith("alpha/field/")}
    assert restricted
    lowered = bus.ok("agency", "clearance", "beta", "--level", "COALITION UNCLASSIFIED")
    assert "COALITION RESTRICTED" in lowered.err
    bus.run()
    assert bus.refs("beta").keys() == before.keys() - restricted
    assert {(change, ref, reason) for change, ref, reason in bus.told("beta") if ref in restricted} == {
        (change, ref, reason) for ref in restricted for change, reason in (("NEW", None), ("RETRACTED", "RIGHT_LOST"))
    }
    assert bus.refs("alpha").keys() >= restricted, "alpha's picture is as it was"

    bus.ok("agency", "clearance", "beta", *READS)
    bus.run()
    assert bus.refs("beta") == before, "what was accepted within fourteen days comes back"
    assert bus.alerts("beta") == alerts

    past = bus.told("beta")
    bus.ok("agency", "clearance", "beta", *READS, "--not-after", "2026-01-01")
    bus.run()
    assert bus.refs("beta") == {}
    assert {reason for _, _, reason in bus.told("beta")[len(past) :]} == {"RIGHT_LOST"}
    assert bus.good("alpha")


def test_suspended_and_back_is_a_new_admission(bus: Bus) -> None:
    before, past = bus.refs("beta"), bus.told("beta")
    bus.ok("agency", "suspend", "beta")
    bus.run()
    assert bus.refs("beta") == {}
    assert bus.alerts("beta") == {}
    assert {(change, reason) for change, _, reason in bus.told("beta")[len(past) :]} == {("RETRACTED", "RIGHT_LOST")}
    assert bus.refs("alpha").keys() >= {ref for ref in before if ref.startswith("beta/")}, "its reports stand"
    assert bus("heartbeat", "--as", "beta", "--feed", "incidents").code == 1

    bus.ok("agency", "suspend", "beta", "--end")
    bus.ok("agency", "add", "gamma", *READS, "--audience", "BETA-FRIEND")
    bus.run()
    assert bus.refs("beta") == before
    public = {ref for ref in before if not ref.startswith("alpha/field/")}
    assert bus.refs("gamma").keys() == public
    bus.ok("heartbeat", "--as", "beta", "--feed", "incidents")
    bus.run()
    assert bus.items("receipts", "ls", "--as", "beta")[-1]["verdict"] == "ACCEPTED"
    assert all(bus.good(name) for name in ("alpha", "beta", "gamma"))


def test_the_bus_and_the_authority_change_their_keys_and_everything_verifies(bus: Bus, tmp_path: Path) -> None:
    old = {one["id"] for one in bus.items("alerts", "ls", "--as", "alpha")}
    bus.ok("key", "rotate", "bus", "--overlap-days", "0")
    bus.ok("key", "rotate", "authority", "--overlap-days", "0")
    bus.ok("key", "rotate", "root")
    rows = json.loads(SHEET.read_text("utf-8"))
    rows[0]["Educators Killed"] = "7"
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(rows), "utf-8")
    bus.ok("publish", str(changed), "--as", "beta", "--feed", "incidents")
    bus.run()
    assert old & {one["id"] for one in bus.items("alerts", "ls", "--as", "alpha")}
    verified = bus.json("verify", "--as", "alpha")
    assert verified["good"]
    findings = [one for checked in verified["checked"] for one in checked["findings"]]
    signers = {one["key_id"] for one in findings if one["checked"] == "alert"}
    assert len(signers) == 2, "an alert is signed once: those from before bear the old key"

    # The key that signed them turns out to be stolen: nobody trusts an alert until it is signed anew, by itself.
    bus.ok("key", "revoke", "bus", "--compromised-since", "2026-01-01")
    assert not bus.good("alpha")
    past, held = len(bus.told("alpha")), bus.alerts("alpha")
    bus.run()
    assert {(change, ref) for change, ref, _ in bus.told("alpha")[past:]} == {("UPDATE", ref) for ref in held}
    assert bus.alerts("alpha") == held
    assert bus.good("alpha")
