"""The taxonomy holds what events.md names, and its tables mean what fusion.md says."""

import pytest

from schemas.countries import countries, is_country
from schemas.parameters import starting_values
from schemas.taxonomy import RELATED, SAME_ACROSS, TYPES, gravest, is_indicator, is_type, related, same_across

NAMED = """
violence.killing violence.attack.armed violence.attack.air violence.attack.shelling violence.attack.explosive
violence.assault violence.sexual violence.torture violence.abduction violence.detention violence.threat
clash.armed displacement.forced displacement.flight displacement.return displacement.disaster
destruction.burning destruction.housing destruction.camp destruction.health destruction.education
destruction.infrastructure destruction.cultural intrusion.raid intrusion.occupation looting
incitement.hate_speech incitement.call_to_violence mobilisation.forces mobilisation.militia mobilisation.arms
restriction.movement restriction.aid restriction.medical restriction.communications restriction.expulsion
legal.discrimination legal.emergency protest presence hazard.geo hazard.met hazard.fire hazard.health
hazard.cbrne hazard.transport hazard.infrastructure hazard.other sensor.thermal_anomaly sensor.damage
sensor.disturbance cyber other
"""


def test_every_code_of_the_contract_is_there_and_no_leaf_beyond_it() -> None:
    codes = set(NAMED.split())
    leaves = {code for code in TYPES if not any(other.startswith(f"{code}.") for other in TYPES)}
    assert leaves == codes


def test_every_code_has_its_parents_a_name_a_definition_and_a_gravity_of_its_own() -> None:
    for code, entry in TYPES.items():
        assert "." not in code or is_type(code.rpartition(".")[0])
        assert entry.name
        assert entry.definition.endswith(".")
    assert len({entry.gravity for entry in TYPES.values()}) == len(TYPES)


def test_the_gravest_code_does_not_depend_on_the_order() -> None:
    codes = ["looting", "violence.killing", "violence.threat"]
    assert gravest(codes) == gravest(reversed(codes)) == "violence.killing"


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("clash.armed", "violence.attack.shelling", True),
        ("clash.armed", "violence.attack", True),
        ("clash.armed", "violence.killing", True),
        ("violence.attack.air", "destruction.health", True),
        ("clash.armed", "violence.sexual", False),
        ("violence.killing", "destruction.health", False),
        ("violence.killing", "displacement.forced", False),
        ("other", "other", False),
    ],
)
def test_what_can_be_the_same_across_branches(a: str, b: str, *, same: bool) -> None:
    assert same_across(a, b) is same
    assert same_across(b, a) is same


def test_displacement_beside_killings_is_related() -> None:
    assert related("violence.killing", "displacement.flight")
    assert related("displacement.flight", "violence.killing")
    assert not related("cyber", "hazard.geo")


def test_the_tables_name_known_codes_only() -> None:
    assert all(is_type(code) for pair in (*RELATED, *SAME_ACROSS) for code in pair)


def test_indicators_are_those_of_fourteen_factors() -> None:
    assert is_indicator("7.14")
    assert is_indicator("14.1")
    assert not any(map(is_indicator, ("15.1", "0.1", "7", "7.0", "7.1\n")))


def test_countries_are_the_249_of_iso_3166_and_kosovo() -> None:
    assert len(countries()) == 250
    assert is_country("XKX")
    assert not is_country("XXX")


def test_the_starting_values_speak_of_the_taxonomy() -> None:
    parameters = starting_values()
    roots = {code for code in TYPES if "." not in code}
    assert set(parameters.gate.window_days) == roots - {"other"}
    assert all(is_type(code) for code in parameters.severity.harm)
    assert sum(parameters.score.weights.model_dump().values()) == pytest.approx(1.0)
    lower_bounds = [step.from_probability for step in parameters.confidence.words]
    assert lower_bounds == sorted(lower_bounds)
    assert lower_bounds[0] == 0.0
