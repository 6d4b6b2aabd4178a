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
