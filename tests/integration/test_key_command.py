"""`tocsin key rotate`, `revoke` and what they refuse: the roster afterwards, and who may still sign."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import Tocsin


def keys(tocsin: Tocsin, holder: str) -> list[dict[str, Any]]:
    return tocsin.items("key", "ls", holder)


def test_a_rotation_lets_the_key_before_end_and_says_how_many_days_it_has(tocsin: Tocsin) -> None:
    done = json.loads(tocsin.ok("key", "rotate", "alpha", "--overlap-days", "10", "--json").out)
    old, new = keys(tocsin, "alpha")
    assert (old["key_id"], new["key_id"]) == (done["old"][0], done["new"][0])
    assert (old["days_left"], new["days_left"]) == (9, None)
    assert new["valid_from"] + 10 * 86_400_000 == old["valid_until"]
    shown = tocsin.ok("key", "ls", "alpha").out
    assert "9 days" in shown
    again = json.loads(tocsin.ok("key", "rotate", "alpha", "--overlap-days", "30", "--json").out)
    assert again["old"] == [old["key_id"], new["key_id"]]
    assert keys(tocsin, "alpha")[0]["valid_until"] == old["valid_until"], "an end is never put off"


def test_each_scope_gets_its_next_key(tocsin: Tocsin) -> None:
    tocsin.ok("agency", "feed", "alpha", "field")
    tocsin.ok("key", "new", "alpha", "--feed", "field")
    tocsin.ok("key", "rotate", "alpha")
    assert [key["feeds"] for key in keys(tocsin, "alpha")] == [["*"], ["field"], ["*"], ["field"]]


@pytest.mark.parametrize("holder", ["authority", "bus"])
def test_the_authority_and_the_bus_go_on_with_their_next_key(tocsin: Tocsin, holder: str) -> None:
    tocsin.ok("key", "rotate", holder, "--overlap-days", "0")
    done = json.loads(tocsin.ok("key", "revoke", holder, "--compromised-since", "2026-01-01", "--json").out)
    assert (len(done["keys"]), len(done["new"]), done["left"]) == (2, 1, done["new"])
    tocsin.ok("run", "--until-idle")
    tocsin.ok("agency", "add", "gamma")
    assert [key["revoked_at"] is None for key in keys(tocsin, holder)] == [False, False, True]


def test_root_keys_follow_each_other_and_both_sign(tocsin: Tocsin) -> None:
    [first] = keys(tocsin, "root")
    tocsin.ok("key", "new", "root", "--threshold", "2")
    assert len(keys(tocsin, "root")) == 2
    tocsin.ok("key", "rotate", "root")
    held = [key["key_id"] for key in keys(tocsin, "root")]
    assert first["key_id"] not in held
    refused = tocsin("key", "revoke", "root")
    assert (refused.code, refused.out) == (1, "")
    assert all(key in refused.err for key in held)
    tocsin.ok("key", "revoke", held[0][:12])
    now = [key["key_id"] for key in keys(tocsin, "root")]
    assert (len(now), held[0] in now) == (2, False), "two signatures are asked for: another key came in"
    assert not {first["key_id"], held[0]}.intersection(now), "what was let go does not come back"
    tocsin.ok("agency", "renew")
    too_many = tocsin("key", "new", "root", "--threshold", "5")
    assert too_many.code == 1
    assert "1 to 3" in too_many.err
    assert len(keys(tocsin, "root")) == 2


def test_a_root_key_that_is_missing_is_named_and_nothing_is_changed(tocsin: Tocsin) -> None:
    tocsin.ok("key", "new", "root", "--threshold", "2")
    gone, _ = sorted((tocsin.home / "keys" / "root").glob("*.key"))
    gone.unlink()
    done = tocsin("key", "rotate", "root")
    assert done.code == 3
    assert "asks for 2 root signatures, this home can give 1" in done.err
    assert len(keys(tocsin, "root")) == 2


def test_a_dry_run_counts_and_changes_nothing(tocsin: Tocsin, tmp_path: Path) -> None:
    tocsin.ok("heartbeat", "--as", "alpha", "--feed", "reports", "--interval-s", "60")
    tocsin.ok("run", "--until-idle")
    before = tocsin.items("agency", "ls"), keys(tocsin, "alpha")
    shown = tocsin.ok("key", "revoke", "alpha", "--compromised-since", "2026-01-01", "--dry-run").out
    assert "would be revoked" in shown
    assert "1 records (1 heartbeat)" in shown
    assert (tocsin.items("agency", "ls"), keys(tocsin, "alpha")) == before
    told = json.loads(tocsin.ok("key", "revoke", "alpha", "--json", "--dry-run").out)
    assert (told["accepted"], told["tainted"], told["left"]) == (1, {}, [])


@pytest.mark.parametrize(
    ("words", "expected", "remedy"),
    [
        (("nobody",), "an agency, or the first 8 digits", "tocsin key ls"),
        (("0123456789",), "an agency, or the first 8 digits", "tocsin key ls"),
        (("alpha", "--compromised-since", "2099-01-01"), "a time that has passed", "stolen"),
    ],
)
def test_what_can_not_be_revoked_is_refused(tocsin: Tocsin, words: tuple[str, ...], expected: str, remedy: str) -> None:
    done = tocsin("key", "revoke", *words)
    assert (done.code, done.out) == (1, "")
    assert expected in done.err
    assert remedy in done.err
    assert keys(tocsin, "alpha")[0]["revoked_at"] is None


def test_a_theft_that_is_known_only_moves_earlier(tocsin: Tocsin) -> None:
    [key] = keys(tocsin, "alpha")
    key_id = key["key_id"][:10]
    tocsin.ok("key", "revoke", key_id)
    again = tocsin("key", "revoke", key_id)
    assert (again.code, "not revoked yet" in again.err) == (1, True)
    named = tocsin("key", "revoke", "alpha")
    assert (named.code, "name the key" in named.err) == (1, True)
    tocsin.ok("key", "revoke", key_id, "--compromised-since", "2026-11-10")
    later = tocsin("key", "revoke", key_id, "--compromised-since", "2026-11-11")
    assert (later.code, "only moves earlier" in later.err) == (1, True)
    tocsin.ok("key", "revoke", key_id, "--compromised-since", "2026-11-09")
    [found] = keys(tocsin, "alpha")
    assert found["compromised_since"] < found["revoked_at"]
    new = tocsin.ok("key", "new", "alpha")
    assert "for all feeds" in new.out


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-11-10 25:00:00Z"])
def test_a_time_that_is_none_is_wrong_usage(tocsin: Tocsin, text: str) -> None:
    done = tocsin("key", "revoke", "alpha", "--compromised-since", text)
    assert (done.code, "2027-01-31T14:30Z" in done.err) == (2, True)


def test_nobody_gets_an_audience_of_a_policy_by_its_name_alone(tocsin: Tocsin) -> None:
    for name in ("gbr", "fvey", "un"):
        done = tocsin("agency", "add", name)
        assert (done.code, done.out) == (1, "")
        assert f"{name.upper()} is an audience of the policy COALITION" in done.err
        assert f"tocsin agency add {name} --audience {name.upper()}" in done.err
        assert not (tocsin.home / "keys" / name).exists()
    tocsin.ok("agency", "add", "gbr", "--audience", "GBR")
    assert "GBR" in tocsin.ok("agency", "show", "gbr").out
