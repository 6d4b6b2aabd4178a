"""An alert is a function of the set of its members, not of the order in which anybody met them."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.fusion.alert import Related, build, payload
from bus.fusion.confidence import weigh
from bus.fusion.node import Node
from bus.fusion.origins import origin_groups
from bus.fusion.severity import ceiling
from bus.fusion.story import tell
from schemas.codec import decode
from schemas.models import AlertMessage
from schemas.registry import newest
from tests.node_sample import DAY_MS, HIGH, LOW, MONDAY, PARAMETERS, join_labels, label, report

FIGURES = st.none() | st.integers(0, 40)
COUNTS = st.lists(
    st.builds(
        lambda what, of, basis, best: {"what": what, "of": of, "unit": "PERSON", "basis": basis, "best": best},
        st.sampled_from(["KILLED", "INJURED", "DISPLACED"]),
        st.sampled_from([None, "CHILD", "CIVILIAN"]),
        st.sampled_from(["NEW", "CUMULATIVE", "STOCK"]),
        FIGURES,
    ),
    max_size=3,
)
CHANGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "nature": st.sampled_from(["INCIDENT", "INCIDENT", "SPAN"]),
        "type": st.sampled_from(["violence.attack.armed", "violence.killing", "clash.armed"]),
        "also": st.lists(st.sampled_from(["looting", "violence.sexual"]), max_size=2),
        "when": st.builds(
            lambda start, days: {
                "start": MONDAY + start * DAY_MS,
                "end": None if days is None else MONDAY + (start + days) * DAY_MS,
            },
            st.integers(-3, 3),
            st.none() | st.integers(1, 4),
        ),
        "counts": COUNTS,
        "discipline": st.sampled_from(["OSINT", "FIELD", "SENSOR"]),
        "reliability": st.none() | st.sampled_from("ABCDEF"),
        "credibility": st.none() | st.integers(1, 6),
        "claims": st.sampled_from(["SUPPORTS", "SUPPORTS", "DENIES"]),
        "origin": st.none() | st.sampled_from(["public:a", "public:b"]),
        "derived_from": st.lists(st.sampled_from(["x:1", "x:2", "x:3", "bus/alerts/1"]), max_size=2, unique=True),
        "reported_at": st.none() | st.integers(MONDAY, MONDAY + 3),
        "part_of": st.lists(st.sampled_from(["glide:1", "glide:2"]), max_size=2, unique=True),
        "attribution": st.none() | st.sampled_from(["UCDP", "ACLED"]),
        "label": st.sampled_from([LOW, HIGH]),
        "uncertainty_km": st.sampled_from([None, 1.0, 50.0]),
        "name": st.none() | st.sampled_from(["Town", "Village"]),
        "texts": st.lists(st.just({"language": "en", "headline": "Shots at the well"}), max_size=1),
    }
)
MEMBERS = st.lists(
    st.tuples(st.sampled_from(["ngo-a", "ngo-b", "un-c"]), st.integers(0, 3), CHANGES), min_size=1, max_size=7
).map(lambda drawn: [report(agency, i, at=MONDAY + at, **changes) for i, (agency, at, changes) in enumerate(drawn)])
RELATED = st.lists(
    st.builds(
        Related, st.sampled_from(["ngo-d/x/y:1", "ngo-d/x/y:2"]), st.tuples(st.sampled_from([label(LOW), label(HIGH)]))
    )
)


@settings(deadline=None)
@given(MEMBERS, RELATED, st.randoms(use_true_random=False))
def test_the_order_of_members_changes_no_byte(
    members: list[Node], related: list[Related], chance: random.Random
) -> None:
    first = build(members, related, PARAMETERS, join_labels)
    chance.shuffle(members)
    chance.shuffle(related)
    again = build(members, related, PARAMETERS, join_labels)
    if first is None or again is None:
        assert first is again
    else:
        assert payload(first) == payload(again)


@settings(deadline=None)
@given(MEMBERS)
def test_an_alert_fits_its_schema_and_its_model(members: list[Node]) -> None:
    found = build(
        members,
        (),
        PARAMETERS.model_copy(update={"alert": PARAMETERS.alert.model_copy(update={"severity": 0})}),
        join_labels,
    )
    assert found is not None
    decoded = decode(newest("alert"), payload(found)[1])
    assert isinstance(decoded, dict)
    AlertMessage.model_validate(decoded)


@settings(deadline=None)
@given(MEMBERS)
def test_an_alert_names_nobody_but_its_members(members: list[Node]) -> None:
    everyone = {"ngo-a", "ngo-b", "un-c"}
    found = build(members, (), PARAMETERS, join_labels)
    if found is not None:
        absent = everyone - {node.key[0] for node in members}
        assert not any(agency in repr(found.body) for agency in absent)


@settings(deadline=None)
@given(MEMBERS)
def test_no_story_is_graver_than_its_ceiling(members: list[Node]) -> None:
    """Else an alert would be missed: what stays below the threshold at most is not looked at any further."""
    belief = weigh(origin_groups(members), PARAMETERS.confidence)
    counts = [count for node in members for count in node.counts]
    most = ceiling({code for node in members for code in node.codes}, counts, PARAMETERS.severity)
    assert tell(members, belief.origins, PARAMETERS.severity).gravity.level <= most
