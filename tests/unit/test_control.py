"""What the authority has said: what comes into force, what does not, and what follows from it."""

import tracemalloc
from typing import Any

import pytest

from bus.errors import Reason, Refusal
from bus.labels import Label
from bus.stages.control import Control
from bus.trust import frame
from bus.trust.keys import SigningKey
from schemas.codec import payload_type, to_wire
from schemas.models import MESSAGE_OF_KIND, Message
from schemas.parameters import starting_values
from tests.support.submissions import NOW, POLICY, PUBLIC, RESTRICTED, Office, feed, header

LEVELS = ("UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL")


def message(kind: str, body: dict[str, Any], agency: str = "authority", feed_: str = "control") -> Message:
    head = header(agency, feed_, kind, label=PUBLIC)
    return MESSAGE_OF_KIND[kind].model_validate({"header": head, "body": body})


def applied(control: Control, office: Office, said: Message, key: SigningKey | None = None) -> Control | Refusal:
    kind = next(name for name, model in MESSAGE_OF_KIND.items() if isinstance(said, model))
    signer = key or (office.root if kind == "roster" else office.keys["authority"])
    envelope = frame.sign(payload_type(kind, "control"), to_wire(said), signer)
    return control.apply(envelope, said, NOW)


def roster_of(office: Office, version: int, **changed: Any) -> Message:
    root = office.root.public
    body = {
        "version": version,
        "expires_at": office.expires_at,
        "roots": {"keys": [{"key_id": root.key_id, "public": root.raw}], "threshold": 1},
        "agencies": list(office.entries.values()),
        **changed,
    }
    return message("roster", body)


def policy_of(version: int, toml: str = POLICY, policy: str = "COALITION") -> Message:
    return message("policy", {"policy": policy, "version": version, "toml": toml})


def parameters_of(version: int, **changed: Any) -> Message:
    return message("parameters", {**starting_values().model_dump(), "version": version, **changed})


def reason_and_place(found: Control | Refusal) -> tuple[Reason, str]:
    assert isinstance(found, Refusal), found
    assert found.remedy
    assert found.expected
    return found.reason, found.place


@pytest.fixture
def office() -> Office:
    return Office()


def test_before_the_first_record_nothing_holds_but_the_pin_and_the_starting_values() -> None:
    control = Control.start(bytes(32))
    assert (control.version, control.roster_version, dict(control.policies)) == (0, 0, {})
    assert control.parameters is starting_values()
    assert isinstance(control.label(RESTRICTED), Refusal)


def test_each_record_gives_the_next_value_and_leaves_the_old_one_as_it_was(office: Office) -> None:
    first = office.control()
    office.admit("ita")
    after = applied(first, office, roster_of(office, 2))
    assert isinstance(after, Control)
    assert (first.version, first.roster_version, "ita" in first.clearances) == (2, 1, False)
    assert (after.version, after.roster_version, "ita" in after.clearances) == (3, 2, True)


def test_readers_are_the_agencies_that_are_not_suspended_and_not_the_bus(office: Office) -> None:
    office.entries["deu"]["suspended"] = True
    assert set(office.control().clearances) == {"authority", "fra"}


def test_a_clearance_is_compiled_when_its_policy_comes_into_force(office: Office) -> None:
    office.entries["fra"]["clearance"]["policies"] = [{"policy": "COALITION", "levels": LEVELS, "need": ("HUMINT",)}]
    held = office.control().clearances["fra"].grants["COALITION"]
    assert held.levels == set(LEVELS)


@pytest.mark.parametrize("levels", [("CONFIDENTIAL",), ("UNCLASSIFIED", "NONE-SUCH")])
def test_a_roster_whose_clearance_does_not_compile_never_comes_into_force(
    office: Office, levels: tuple[str, ...]
) -> None:
    control = office.control()
    office.entries["fra"]["clearance"]["policies"] = [{"policy": "COALITION", "levels": levels, "need": ()}]
    found = applied(control, office, roster_of(office, 2))
    assert reason_and_place(found) == (Reason.BAD_FIELD, "clearance.policies.levels")


@pytest.mark.parametrize(
    ("agency", "changed", "place"),
    [
        ("fra", {"clearance": {"subject": "fra", "audiences": ("DEU",)}}, "clearance.audiences"),
        ("bus", {"suspended": True}, "suspended"),
        ("authority", {"suspended": True}, "suspended"),
    ],
)
def test_a_roster_whose_agencies_do_not_go_together_never_comes_into_force(
    office: Office, agency: str, changed: dict[str, Any], place: str
) -> None:
    control = office.control()
    office.entries[agency].update(changed)
    number = list(office.entries).index(agency)
    found = applied(control, office, roster_of(office, 2))
    assert reason_and_place(found) == (Reason.BAD_FIELD, f"body.agencies[{number}].{place}")


def test_a_policy_under_which_a_clearance_does_not_compile_never_comes_into_force(office: Office) -> None:
    office.entries["fra"]["clearance"]["policies"] = [{"policy": "COALITION", "levels": LEVELS, "need": ("HUMINT",)}]
    toml = POLICY.replace('HUMINT = "RESTRICTIVE"', 'HUMINT = "INFORMATIVE"')
    found = applied(office.control(), office, policy_of(2, toml))
    assert reason_and_place(found) == (Reason.BAD_FIELD, "clearance.policies.need")


@pytest.mark.parametrize(
    ("feed_entry", "place"),
    [
        (feed("main", floor="COALITION RESTRICTED//REL TO FRA, DEU"), "floor"),
        (feed("main", floor="COALITION RESTRICTED//REL TO ECOWAS"), "floor"),
        (feed("main", protected_floor="COALITION NONE-SUCH//PUBLIC"), "protected_floor"),
        (feed("main", default_label="secret"), "default_label"),
        (feed("control"), "name"),
    ],
)
def test_a_roster_with_a_feed_that_nobody_could_use_is_refused(
    office: Office, feed_entry: dict[str, Any], place: str
) -> None:
    control = office.control()
    office.entries["fra"]["feeds"].insert(0, feed_entry)
    office.entries["fra"]["feeds"][1]["name"] = "other"
    found = applied(control, office, roster_of(office, 2))
    assert reason_and_place(found) == (Reason.BAD_FIELD, f"body.agencies[2].feeds[0].{place}")


@pytest.mark.parametrize("version", [1, 3])
def test_versions_rise_by_exactly_one(office: Office, version: int) -> None:
    control = office.control()
    for said in (roster_of(office, version), policy_of(version), parameters_of(version + 2)):
        assert reason_and_place(applied(control, office, said)) == (Reason.VERSION_GAP, "body.version")


def test_a_policy_of_another_name_begins_its_own_count_and_must_be_what_it_says(office: Office) -> None:
    control = office.control()
    other = POLICY.replace('id = "COALITION"', 'id = "OTHER"')
    assert reason_and_place(applied(control, office, policy_of(2, other))) == (Reason.BAD_FIELD, "body.policy")
    after = applied(control, office, policy_of(1, other, "OTHER"))
    assert isinstance(after, Control)
    assert dict(after.policy_versions) == {"COALITION": 1, "OTHER": 1}
    assert reason_and_place(applied(control, office, policy_of(2, "id = ")))[0] is Reason.BAD_FIELD


def test_parameters_follow_the_starting_values_which_may_be_said_once(office: Office) -> None:
    control = office.control()
    said = applied(control, office, parameters_of(1))
    assert isinstance(said, Control)
    assert said.version == 3
    assert reason_and_place(applied(said, office, parameters_of(1))) == (Reason.VERSION_GAP, "body.version")
    changed = applied(said, office, parameters_of(2, alert={"origins": 3, "severity": 4}))
    assert isinstance(changed, Control)
    assert changed.parameters.alert.origins == 3
    skipping = parameters_of(3, alert={"origins": 3, "severity": 4})
    assert reason_and_place(applied(control, office, skipping)) == (Reason.VERSION_GAP, "body.version")


def test_a_bus_founded_by_a_version_with_other_starting_values_is_read_as_it_was_founded(office: Office) -> None:
    first = applied(office.control(), office, parameters_of(1, alert={"origins": 3, "severity": 4}))
    assert isinstance(first, Control)
    assert first.parameters.alert.origins == 3


def test_the_closing_window_is_never_lengthened(office: Office) -> None:
    def closing(version: int, days: float) -> Message:
        cluster = starting_values().cluster.model_dump() | {"closing_days": days}
        return parameters_of(version, cluster=cluster)

    def refused(control: Control, said: Message) -> bool:
        return reason_and_place(applied(control, office, said)) == (Reason.BAD_FIELD, "body.cluster.closing_days")

    control = office.control()
    assert refused(control, closing(1, 301.0)), "no story is open for longer than 300 days"
    control = in_force(applied(control, office, closing(1, 20.0)))
    control = in_force(applied(control, office, closing(2, 20.0)))
    control = in_force(applied(control, office, closing(3, 6.0)))
    assert control.parameters.cluster.closing_days == 6.0
    assert refused(control, closing(4, 7.0))


def in_force(control: Control | Refusal) -> Control:
    assert isinstance(control, Control)
    return control


def test_nobody_but_the_authority_changes_what_holds(office: Office) -> None:
    control = office.control()
    policy = policy_of(2)
    assert reason_and_place(applied(control, office, policy, office.keys["fra"])) == (
        Reason.NOT_AUTHORITY,
        "signatures[0]",
    )
    found = applied(control, office, policy, SigningKey.generate())
    assert reason_and_place(found)[0] is Reason.UNKNOWN_KEY
    pretended = message("policy", {"policy": "COALITION", "version": 2, "toml": POLICY}, agency="fra")
    assert reason_and_place(applied(control, office, pretended)) == (Reason.NOT_AUTHORITY, "header.agency")
    elsewhere = message("policy", {"policy": "COALITION", "version": 2, "toml": POLICY}, feed_="main")
    assert reason_and_place(applied(control, office, elsewhere)) == (Reason.NOT_AUTHORITY, "header.agency")
    stranger = roster_of(office, 2)
    found = applied(control, office, stranger, SigningKey.generate())
    assert reason_and_place(found) == (Reason.THRESHOLD_NOT_MET, "signatures")


def test_a_signature_is_verified_here_too(office: Office) -> None:
    control, said = office.control(), policy_of(2)
    good = frame.sign(payload_type("policy", "control"), to_wire(said), office.keys["authority"])
    forged = frame.Envelope(good.payload_type, good.payload + b"x", good.signatures)
    assert reason_and_place(control.apply(forged, said, NOW)) == (Reason.BAD_SIGNATURE, "signatures[0]")
    twice = frame.Envelope(good.payload_type, good.payload, good.signatures * 2)
    assert reason_and_place(control.apply(twice, said, NOW)) == (Reason.BAD_FRAME, "signatures")


def test_other_kinds_change_nothing(office: Office) -> None:
    beat = message("heartbeat", {"interval_s": 60})
    assert reason_and_place(applied(office.control(), office, beat)) == (Reason.UNKNOWN_TYPE, "payload type")


def test_labels_without_end_fill_no_memory(office: Office) -> None:
    control = office.control()
    low = control.label(RESTRICTED)
    assert isinstance(low, Label)
    tracemalloc.start()
    try:
        for number in range(400):
            assert isinstance(control.label("X" * 100_000 + str(number)), Refusal)
            one = control.label("COALITION SECRET//" + " & ".join(f"REL TO A{number:03d}{at:03d}" for at in range(20)))
            assert isinstance(one, Label)
            assert control.join(low, one) is not None
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 8_000_000
    assert control.label(RESTRICTED) == low


def test_labels_and_joins_are_those_of_the_policies_in_force(office: Office) -> None:
    control = office.control()
    low, high = control.label(RESTRICTED), control.label("COALITION SECRET//REL TO FRA")
    assert not isinstance(low, Refusal)
    assert not isinstance(high, Refusal)
    joined = control.join(low, high)
    assert joined is not None
    assert joined.level == "SECRET"
    assert control.join(high, low) is joined
    assert control.label(RESTRICTED) is low
    text = POLICY.replace('name = "SECRET"', 'name = "VERY-SECRET"')
    renamed = applied(control, office, policy_of(2, text))
    assert isinstance(renamed, Control)
    assert isinstance(renamed.label(high.text), Refusal)
    assert renamed.join(low, high) is None
    assert control.join(low, high) is joined
