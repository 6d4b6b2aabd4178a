"""The laws of labels.md: join is a semilattice that never leaks, permits is monotone, the spelling is one."""

import tomllib
from datetime import date, timedelta
from importlib import resources
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bus.errors import Refusal
from bus.labels import Clearance, Label, Permit, Policy, below_floor, display, expand, join, parse_label, permits
from bus.labels.label import flaw
from bus.labels.spelling import MAX_CHARS, Parts, minimal
from schemas.models import Header, validate

LAWFUL = """
id = "LAW"
title = "Every kind of rule at once"
version = 1
open_audiences = true
single = [["RED", "BLUE"]]
[[levels]]
name = "LOW"
default_release = "NONE"
excludes = ["SEALED"]
[[levels]]
name = "MIDDLE"
default_release = "ORIGIN"
[[levels]]
name = "HIGH"
default_release = "ORIGIN"
requires = ["AUDIENCE", "SEALED"]
[tags]
RED = "RESTRICTIVE"
BLUE = "RESTRICTIVE"
GREY = "RESTRICTIVE"
SEALED = "INFORMATIVE"
OPEN = "INFORMATIVE"
[groups.BAND]
AA = {}
BB = { from = 2020-01-01 }
CC = { until = 2020-01-01 }
"""


def policy_of(text: str) -> Policy:
    policy = Policy.from_toml(text)
    assert isinstance(policy, Policy), policy
    return policy


POLICY = policy_of(LAWFUL)
POLICIES = {POLICY.id: POLICY}
AUDIENCES = ["AA", "BB", "CC", "DD"]
SUBJECTS = ["fra", "deu", "gbr"]
REALMS = ["REAL", "TEST", "VIGIL"]
NOW = 1_700_000_000_000

subsets = st.frozensets(st.sampled_from(AUDIENCES), max_size=3)
parts = st.builds(
    Parts,
    policy=st.just("LAW"),
    level=st.sampled_from(["LOW", "MIDDLE", "HIGH"]),
    need=st.frozensets(st.sampled_from(["RED", "BLUE", "GREY"])),
    release=st.frozensets(subsets, max_size=3),
    recipients=st.none() | st.frozensets(st.sampled_from(SUBJECTS)),
    controls=st.frozensets(st.sampled_from(["SEALED", "OPEN"])),
    origin=st.frozensets(st.sampled_from(SUBJECTS)),
    realm=st.sampled_from(REALMS),
    review_after=st.none() | st.integers(0, 9).map(lambda days: date(2030, 1, 1) + timedelta(days=days)),
)
any_labels = parts.map(Label.of)
labels = any_labels.filter(lambda label: flaw(POLICY, label) is None)
one_realm = labels.map(lambda label: label.in_realm("REAL"))


def clearance_of(
    levels: int, need: frozenset[str], audiences: frozenset[str], realms: frozenset[str], subject: str
) -> Clearance:
    grant = SimpleNamespace(policy="LAW", levels=["LOW", "MIDDLE", "HIGH"][:levels], need=sorted(need))
    entry: Any = SimpleNamespace(
        subject=subject, policies=[grant], audiences=sorted(audiences), realms=sorted(realms), not_after=None
    )
    compiled = Clearance.compile(entry, POLICIES)
    assert isinstance(compiled, Clearance)
    return compiled


def held_of(labels_held: tuple[Any, ...]) -> Clearance:
    return clearance_of(*labels_held)


clearance_args = st.tuples(
    st.integers(0, 3),
    st.frozensets(st.sampled_from(["RED", "BLUE", "GREY"])),
    subsets,
    st.frozensets(st.sampled_from(REALMS)),
    st.sampled_from(SUBJECTS),
)
clearances = clearance_args.map(held_of)


def may(clearance: Clearance, label: Label, now: int = NOW) -> bool:
    return isinstance(permits(POLICY, clearance, label, now, roster_version=1, policy_version=1), Permit)


@given(labels, labels, labels)
def test_join_is_a_semilattice_wherever_it_exists(a: Label, b: Label, c: Label) -> None:
    assert join(POLICY, a, a) == a
    ab = join(POLICY, a, b)
    assert ab == join(POLICY, b, a)
    bc = join(POLICY, b, c)
    left = join(POLICY, ab, c) if ab else None
    right = join(POLICY, a, bc) if bc else None
    # Also the existence does not depend on the order: fusion folds over many labels.
    assert left == right


@given(one_realm, one_realm, clearances)
def test_who_reads_the_join_reads_both_and_who_reads_both_reads_the_join(a: Label, b: Label, c: Clearance) -> None:
    ab = join(POLICY, a, b)
    assume(ab is not None)
    assert ab is not None
    assert may(c, ab) == (may(c, a) and may(c, b))


@given(one_realm, one_realm, one_realm)
def test_join_is_the_least_upper_bound(a: Label, b: Label, upper: Label) -> None:
    ab = join(POLICY, a, b)
    assume(ab is not None)
    assert ab is not None
    assert join(POLICY, a, ab) == ab
    assert join(POLICY, b, ab) == ab
    if join(POLICY, a, upper) == upper and join(POLICY, b, upper) == upper:
        assert join(POLICY, ab, upper) == upper


@given(labels, labels)
def test_realms_and_policies_never_join(a: Label, b: Label) -> None:
    assume(a.realm != b.realm)
    assert join(POLICY, a, b) is None
    assert join(tlp(), a, a) is None


@given(labels, clearance_args, clearance_args)
def test_more_clearance_never_loses_access(label: Label, less: tuple[Any, ...], more: tuple[Any, ...]) -> None:
    both = (max(less[0], more[0]), *(x | y for x, y in zip(less[1:4], more[1:4], strict=True)), less[4])
    assert may(held_of(both), label) >= may(held_of(less), label)


@given(labels, clearances, subsets, st.sampled_from(["RED", "BLUE", "GREY"]), st.sampled_from(["OPEN", "SEALED"]))
def test_a_new_clause_need_or_control_never_adds_a_reader(
    label: Label, c: Clearance, clause: frozenset[str], need: str, control: str
) -> None:
    for narrower in (
        label.parts._replace(release=label.release | {clause}),
        label.parts._replace(need=label.need | {need}),
        label.parts._replace(controls=label.controls | {control}),
    ):
        assert may(c, Label.of(narrower)) <= may(c, label)


@given(labels)
def test_what_is_rendered_parses_to_itself_and_back(label: Label) -> None:
    parsed = parse_label(str(label), POLICIES)
    assert parsed == label
    assert isinstance(parsed, Label)
    assert parsed.parts == label.parts
    assert str(parsed) == str(label)


@given(any_labels)
def test_an_invalid_label_is_neither_parsed_nor_permitted(label: Label) -> None:
    if flaw(POLICY, label) is not None:
        assert isinstance(parse_label(label.text, POLICIES), Refusal)
        everything = clearance_of(3, POLICY.need, frozenset(AUDIENCES), frozenset(REALMS), "fra")
        assert not may(everything, label)


@given(labels, st.randoms(use_true_random=False))
def test_no_other_spelling_of_the_same_label_is_accepted(label: Label, random: Any) -> None:
    text = list(label.text)
    at = random.randrange(len(text))
    text[at : at + random.choice([0, 1])] = random.choice([" ", "/", ",", "A", "", "//TEST", "//PUBLIC", "&"])
    changed = "".join(text)
    parsed = parse_label(changed, POLICIES)
    assert isinstance(parsed, Refusal) or (parsed.text == changed and (parsed == label) == (changed == label.text))


@given(st.text(max_size=80))
def test_parse_never_raises(text: str) -> None:
    assert isinstance(parse_label("LAW LOW" + text, POLICIES), Label | Refusal)
    assert isinstance(expand(POLICY, text, NOW), Label | Refusal)


def test_no_label_is_longer_than_a_header_can_hold() -> None:
    def label(first: int) -> Label:
        names = ", ".join(f"A{at:04d}" for at in range(first, first + 450))
        found = parse_label(f"LAW LOW//REL TO {names}", POLICIES)
        assert isinstance(found, Label)
        return found

    a, b = label(0), label(1000)
    assert join(POLICY, a, a) == a
    assert join(POLICY, a, b) is None
    header = {
        "agency": "aa",
        "feed": "bb",
        "id": "c",
        "revision": 1,
        "sequence": 1,
        "created_at": 0,
        "status": "ACTUAL",
    }
    for chars, fits in ((MAX_CHARS, True), (MAX_CHARS + 1, False)):
        assert isinstance(validate(Header, {**header, "label": "x" * chars}), Header) is fits


@given(st.frozensets(subsets, max_size=5), subsets)
def test_the_normal_form_admits_the_same_readers(clauses: frozenset[frozenset[str]], held: frozenset[str]) -> None:
    assert all(clause & held for clause in clauses) == all(clause & held for clause in minimal(clauses))
    assert minimal(minimal(clauses)) == minimal(clauses)


@given(st.integers(0, 3), st.sampled_from(AUDIENCES), st.integers(0, 2_000_000_000_000), st.integers(0, 10**12))
def test_who_joins_a_group_later_reads_nothing_older(levels: int, audience: str, signed: int, later: int) -> None:
    label = expand(POLICY, "LAW LOW//REL TO BAND", signed)
    assert isinstance(label, Label)
    reader = clearance_of(levels, frozenset(), frozenset({audience}), frozenset({"REAL"}), "fra")
    member = any(one.name == audience and one.is_in(signed) for one in POLICY.groups["BAND"])
    assert may(reader, label, signed + later) == (member and levels > 0)


@given(labels, clearances)
def test_nobody_is_nobody(label: Label, c: Clearance) -> None:
    assert not may(c, Label.of(label.parts._replace(recipients=frozenset())))
    assert not may(c, Label.of(label.parts._replace(release=frozenset({frozenset()}))))


@given(labels, labels, clearances)
def test_a_label_at_its_floor_admits_nobody_whom_the_floor_denies(floor: Label, label: Label, c: Clearance) -> None:
    if not below_floor(POLICY, floor, label):
        assert may(c, label) <= may(c, floor.in_realm(label.realm))


@given(labels)
def test_display_folds_the_group_back_and_is_no_spelling(label: Label) -> None:
    banded = Label.of(label.parts._replace(release=frozenset({frozenset({"AA", "BB", "DD"})})))
    assert "REL TO BAND, DD" in display(POLICY, banded, NOW)
    assert isinstance(parse_label(display(POLICY, banded, NOW), POLICIES), Refusal)


def test_a_clearance_that_is_not_downward_closed_is_refused() -> None:
    for levels in (["HIGH"], ["LOW", "HIGH"], ["MIDDLE"]):
        entry: Any = SimpleNamespace(
            subject="fra",
            policies=[SimpleNamespace(policy="LAW", levels=levels, need=[])],
            audiences=[],
            realms=["REAL"],
            not_after=None,
        )
        assert isinstance(Clearance.compile(entry, POLICIES), Refusal)


def test_an_expired_clearance_denies_from_its_very_end_on() -> None:
    label = parse_label("LAW LOW//PUBLIC", POLICIES)
    assert isinstance(label, Label)
    c = clearance_of(1, frozenset(), frozenset(), frozenset({"REAL"}), "fra")
    dated = Clearance(c.subject, c.grants, c.audiences, c.realms, NOW)
    assert may(dated, label, NOW - 1)
    assert not may(dated, label, NOW)


def test_policies_that_would_break_the_laws_are_refused() -> None:
    doc = tomllib.loads(LAWFUL)
    assert doc["id"] == "LAW"
    for old, new in (
        ('excludes = ["SEALED"]', 'excludes = ["UNHEARD"]'),
        ('name = "MIDDLE"', 'name = "LOW"'),
        ('requires = ["AUDIENCE", "SEALED"]', 'excludes = ["OPEN"]'),
        ("open_audiences = true", "open_audiences = true\nsecret = 1"),
        ("[groups.BAND]", "[groups.RED]"),
        ("BB = {", "BAND = {"),
        ("version = 1", "version = 0"),
        ("[tags]", "[tags"),
    ):
        assert old in LAWFUL
        assert isinstance(Policy.from_toml(LAWFUL.replace(old, new)), Refusal), new
    for text in ("x = " + "9" * 5000, "x = " + "[" * 20_000, "x = " + "{y = " * 20_000):
        assert isinstance(Policy.from_toml(text), Refusal), text[:8]


def shipped(name: str) -> Policy:
    return policy_of((resources.files("schemas") / "policies" / name).read_text(encoding="utf-8"))


def tlp() -> Policy:
    return shipped("tlp-2.0.toml")


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("TLP CLEAR", "TLP CLEAR//PUBLIC"),
        ("TLP GREEN", "TLP GREEN//REL TO COMMUNITY"),
        ("TLP AMBER", "TLP AMBER//REL TO WFP"),
        ("TLP AMBER+STRICT//REL TO WFP, IOM", "TLP AMBER+STRICT//REL TO IOM, WFP"),
        ("TLP RED//FOR wfp, iom", "TLP RED//FOR iom, wfp//CONTROL NO-ONWARD"),
        ("TLP RED", None),
        ("TLP AMBER//PUBLIC", None),
        ("TLP CLEAR//REL TO WFP", None),
        ("TLP WHITE//PUBLIC", None),
        ("COALITION SECRET", "COALITION SECRET//REL TO WFP"),
        ("COALITION SECRET//PUBLIC", None),
        ("COALITION UNCLASSIFIED//PUBLIC", "COALITION UNCLASSIFIED//PUBLIC"),
        (
            "COALITION SECRET//REL TO FRA, DEU, UN//EXERCISE VIGIL",
            "COALITION SECRET//REL TO DEU, FRA, UN//EXERCISE VIGIL",
        ),
        (
            "COALITION SECRET//NEED SIGINT/HUMINT//REL TO UN & REL TO UN, FRA",
            "COALITION SECRET//NEED HUMINT/SIGINT//REL TO UN",
        ),
        ("COALITION SECRET//NEED UNHEARD//REL TO UN", None),
        ("COALITION SECRET//REL TO UN//REL TO FRA", None),
        ("COALITION SECRET//REL TO UN, UN", None),
    ],
)
def test_the_shipped_policies_say_what_their_sources_say(text: str, spelled: str | None) -> None:
    policy = tlp() if text.startswith("TLP") else shipped("coalition.toml")
    label = expand(policy, text, NOW, "wfp")
    assert (label.text if isinstance(label, Label) else None) == spelled
    if isinstance(label, Label):
        assert parse_label(label.text, {policy.id: policy}) == label


def test_a_group_name_in_a_signed_label_is_refused() -> None:
    policy = shipped("coalition.toml")
    assert isinstance(parse_label("COALITION SECRET//REL TO FVEY", {policy.id: policy}), Refusal)


def test_a_refusal_of_a_label_repeats_nothing_of_it() -> None:
    refusal = parse_label("LAW LOW//REL TO canary-7//PUBLIC", POLICIES)
    assert isinstance(refusal, Refusal)
    assert "canary" not in str(refusal)


def test_a_permit_can_not_be_made_copied_or_changed_elsewhere() -> None:
    import copy  # noqa: PLC0415
    import pickle  # noqa: PLC0415

    label = parse_label("LAW LOW//PUBLIC", POLICIES)
    assert isinstance(label, Label)
    c = clearance_of(1, frozenset(), frozenset(), frozenset({"REAL"}), "fra")
    permit = permits(POLICY, c, label, NOW, roster_version=3, policy_version=4)
    assert isinstance(permit, Permit)
    assert permit.covers("fra", label)
    assert not permit.covers("deu", label)
    with pytest.raises(TypeError):
        Permit(object(), "fra", label, 3, 4)
    with pytest.raises(TypeError):
        permit.subject = "deu"
    with pytest.raises(TypeError):
        copy.copy(permit)
    with pytest.raises(TypeError):
        pickle.dumps(permit)
