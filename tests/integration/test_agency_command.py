"""`tocsin agency` and `tocsin key` refuse what would harm the bus itself, and say what to do instead."""

import pytest

from tests.support.command_line import Tocsin


@pytest.mark.parametrize(
    ("words", "expected", "remedy"),
    [
        (("agency", "clearance", "bus"), "this is the bus's own entry", "tocsin agency add"),
        (("agency", "feed", "bus", "reports"), "this is the bus's own entry", "tocsin agency add"),
        (("key", "new", "bus"), "this is the bus's own entry", "tocsin agency add"),
        (("agency", "suspend", "bus"), "without bus nothing is signed", "tocsin agency ls"),
        (("agency", "suspend", "authority"), "without authority nothing is signed", "tocsin agency ls"),
        (
            ("agency", "clearance", "beta", "--audience", "ALPHA"),
            "own audience of the agency alpha",
            "run the command",
        ),
        (("agency", "add", "gamma", "--audience", "BETA"), "own audience of the agency beta", "run the command"),
        (("agency", "add", "alpha"), "a name that the roster does not hold yet", "tocsin agency show alpha"),
    ],
)
def test_it_is_refused_with_a_remedy_and_nothing_is_changed(
    tocsin: Tocsin, words: tuple[str, ...], expected: str, remedy: str
) -> None:
    before = tocsin.items("agency", "ls"), sorted((tocsin.home / "keys").rglob("*.key"))
    done = tocsin(*words)
    assert (done.code, done.out) == (1, "")
    said, advice = done.err.splitlines()[:2]
    assert expected in said
    assert remedy in advice
    assert "publish the record again" not in done.err
    assert tocsin.items("agency", "ls") == before[0]
    kept = [key for key in sorted((tocsin.home / "keys").rglob("*.key")) if key.parent.name != "gamma"]
    assert kept == before[1]


def test_the_authoritys_key_can_be_followed_by_the_next(tocsin: Tocsin) -> None:
    tocsin.ok("key", "new", "authority")
    tocsin.ok("agency", "add", "gamma")


def test_of_a_feed_that_is_changed_the_terms_that_are_not_said_stay(tocsin: Tocsin) -> None:
    label = "COALITION RESTRICTED//REL TO ALPHA, BETA"
    tocsin.ok("agency", "feed", "alpha", "field", "--floor", label, "--protected-floor", label, "--analyst")
    tocsin.ok("agency", "feed", "alpha", "field", "--quota-records-per-day", "50")
    [field] = [one for one in tocsin.json("agency", "show", "alpha")["feeds"] if one["name"] == "field"]
    assert (field["floor"], field["default_label"], field["protected_floor"]) == (label, label, label)
    assert (field["curated"], field["analyst"], field["quota_records_per_day"]) == (False, True, 50)
    assert "50 records a day under one label" in tocsin.ok("agency", "show", "alpha").out
    tocsin.ok("agency", "feed", "alpha", "field", "--no-analyst", "--curated", "--protected-floor", "")
    [field] = [one for one in tocsin.json("agency", "show", "alpha")["feeds"] if one["name"] == "field"]
    assert (field["floor"], field["protected_floor"], field["curated"], field["analyst"]) == (label, None, True, False)
    refused = tocsin("agency", "feed", "alpha", "field", "--floor", "COALITION SECRET//REL TO ALPHA")
    assert (refused.code, "LABEL_BELOW_FLOOR" in refused.err) == (1, True)
    assert tocsin("agency", "feed", "nobody", "field").code == 1
    assert tocsin("agency", "feed", "alpha", "field", "--quota-records-per-day", "0").code == 1
