"""Messages that take others back name all that they refer to, and nothing else is taken for one."""

import pytest

from adapters.cap import ADAPTER
from adapters.cap.act import takes_back
from adapters.refusals import Code
from tests.support.samples import DATA

GOOD = (DATA / "cap_rules" / "good.cap").read_text("utf-8")
SCOPE = "<scope>Public</scope>"
SENT = "2024-05-17T15:00:00-00:00"


def message(kind: str, references: str, note: str = "", status: str = "Actual") -> bytes:
    said = f"<note>{note}</note>" * bool(note)
    text = GOOD.replace("<msgType>Alert", f"<msgType>{kind}").replace("<status>Actual", f"<status>{status}")
    return text.replace(SCOPE, f"{SCOPE}{said}<references>{references}</references>").encode()


def test_a_cancel_takes_back_all_that_it_refers_to() -> None:
    named = f"warnings@example.org,rule-0,{SENT} warnings@example.org,rule-00,{SENT} W,rule-0,{SENT}"
    found = ADAPTER.translate(message("Cancel", named, note="All over"))
    (draft,) = found.drafts
    assert (draft.kind, draft.id, draft.status) == ("retraction", "cap:rule-1", "ACTUAL")
    assert draft.modified_at == 1_715_961_900_000
    assert draft.body == {
        "retracts": [{"kind": "event", "id": "cap:rule-0"}, {"kind": "event", "id": "cap:rule-00"}],
        "reason": "WITHDRAWN",
        "note": "All over",
    }
    assert found.loss.rows == 1
    # Its info is no event: what it says is left behind, and the account says so.
    headline = next(column for column in found.loss.columns if column.name == "info.headline")
    assert headline.dropped == 1


@pytest.mark.parametrize(("status", "realm"), [("Exercise", "EXERCISE"), ("Test", "TEST")])
def test_a_cancel_stays_in_its_realm(status: str, realm: str) -> None:
    (draft,) = ADAPTER.translate(message("Cancel", f"a,rule-0,{SENT}", status=status)).drafts
    assert draft.status == realm


def test_an_error_takes_back_its_own_senders_messages_alone() -> None:
    named = f"warnings@example.org,rule-0,{SENT} other@example.org,x,{SENT}"
    (draft,) = ADAPTER.translate(message("Error", named, note="Sent in error: please disregard")).drafts
    assert draft.body["reason"] == "ERROR"
    assert draft.body["retracts"] == [{"kind": "event", "id": "cap:rule-0"}]


@pytest.mark.parametrize("kind", ["Error", "Ack"])
def test_what_takes_nothing_back_is_no_event_and_nothing_to_mend(kind: str) -> None:
    found = ADAPTER.translate(message(kind, f"warnings@example.org,rule-0,{SENT}", note="Could not be parsed"))
    assert not found.drafts
    assert [one.code for one in found.refused] == [Code.OUT_OF_SCOPE]


@pytest.mark.parametrize(
    "note",
    [
        "This alert is cancelled.",
        "CANCELLED",
        "We retract the alert sent at 8:07.",
        "There is no missile threat. False alarm.",
        "Issued in error",
        "Veuillez ne pas tenir compte de cette alerte",
        "Mensaje emitido por error",
        "Se anula la alerta",
    ],
)
def test_a_note_that_takes_back(note: str) -> None:
    assert takes_back(note)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "Invalid signature",
        "The alert was not cancelled",
        "This was never withdrawn",
        "Don't disregard this",
        "L'alerte n'est pas annulée",
        "The area element has no geocode",
    ],
)
def test_a_note_that_does_not(note: str) -> None:
    assert not takes_back(note)


def test_an_alert_and_its_cancel_may_stand_in_one_file_in_either_order() -> None:
    alert, cancel = (
        (DATA / "cap_world" / name).read_text("utf-8").partition("?>")[2]
        for name in ("protection_alert.cap", "protection_cancel.cap")
    )
    for parts in ((alert, cancel), (cancel, alert)):
        found = ADAPTER.translate(f"<alerts>{''.join(parts)}</alerts>".encode())
        assert not found.refused
        assert sorted((draft.kind, draft.id) for draft in found.drafts) == [
            ("event", "cap:PC-1"),
            ("event", "cap:PC-1:2"),
            ("retraction", "cap:PC-9"),
        ]
