"""The laws of succession, on random histories: the valid follows, the spoiled never does, no right comes back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import Reason, Refusal
from bus.trust.roster import Trust
from schemas.models import KeyEntry, Roster
from tests.roster_sample import DAY, NOW, agency_of, entry_of, key_of, roster_of, signed, trusting

ROOTS = "abcde"
AGENCIES = ("fra", "deu", "ita")
NAMES = [f"{agency}{number}" for agency in AGENCIES for number in range(3)]
IDS = {name: key_of(name).public.key_id for name in NAMES}
DAYS = [NOW + days * DAY for days in range(12)]
Fields = dict[str, Any]


class Plan:
    """A valid history as its author plans it: the roots, their threshold, and what became of each key."""

    def __init__(self) -> None:
        """Two of the roots a, b and c must sign; no key is revoked."""
        self.roots, self.threshold = "abc", 2
        self.revoked: dict[str, int] = {}
        self.tainted: dict[str, int] = {}

    def fields(self, version: int) -> Fields:
        """The roster that says all of this."""
        agencies = [agency_of(agency, *[self.entry(n) for n in NAMES if n.startswith(agency)]) for agency in AGENCIES]
        return roster_of(version, *agencies, roots=self.roots, threshold=self.threshold)

    def entry(self, name: str) -> Fields:
        """One key's entry."""
        return entry_of(name, revoked_at=self.revoked.get(name), compromised_since=self.tainted.get(name))

    def revoke(self, name: str, at: int, since: int | None) -> None:
        """Revoke a key, or move what is known of it earlier; a compromise is never later than the revocation."""
        self.revoked[name] = min(at, self.revoked.get(name, at))
        if since is not None or name in self.tainted:
            times = [since, self.tainted.get(name), self.revoked[name]]
            self.tainted[name] = min(time for time in times if time is not None)

    def enter(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> set[str]:
        """Plan the next roster, with other roots or further revocations; who signs it: enough of old and new roots."""
        signers = set(draw(st.permutations(self.roots))[: self.threshold])
        if draw(st.booleans()):
            self.roots = "".join(sorted(draw(st.sets(st.sampled_from(ROOTS), min_size=1, max_size=4))))
            self.threshold = draw(st.integers(1, len(self.roots)))
        for name in draw(st.sets(st.sampled_from(NAMES), max_size=2)):
            self.revoke(name, draw(st.sampled_from(DAYS)), draw(st.none() | st.sampled_from(DAYS)))
        return signers | set(draw(st.permutations(self.roots))[: self.threshold])


@dataclass
class Step:
    """A valid next roster, to be spoiled: the roster in force, the next one's fields, and who signs it."""

    trust: Trust
    fields: Fields
    signers: set[str]

    def take(self) -> Trust | Refusal:
        """What the state machine says."""
        roster = Roster.model_validate(self.fields)
        return self.trust.accept(signed(roster, *self.signers), roster, NOW)

    def revoked(self) -> Iterator[tuple[KeyEntry, Fields]]:
        """Keys that the roster in force calls revoked, with their next entry."""
        old = {key.key_id: key for agency in self.trust.agencies for key in agency.keys if key.revoked_at is not None}
        for agency in self.fields["agencies"]:
            for key in agency["keys"]:
                if key["key_id"] in old:
                    yield old[key["key_id"]], key


# Each of these breaks one rule, or says that this step has nothing to break there.


def older(step: Step) -> bool:
    step.fields["version"] -= 1
    return True


def gap(step: Step) -> bool:
    step.fields["version"] += 1
    return True


def expired(step: Step) -> bool:
    step.fields["expires_at"] = NOW
    return True


def one_old_root_too_few(step: Step) -> bool:
    roots = step.trust.roster.roots if step.trust.roster else None
    assert roots is not None
    names = {name for name in step.signers if key_of(name).public.key_id in {key.key_id for key in roots.keys}}
    step.signers -= set(sorted(names)[roots.threshold - 1 :])
    return bool(step.signers)


def one_new_root_too_few(step: Step) -> bool:
    ids = {key["key_id"] for key in step.fields["roots"]["keys"]}
    names = {name for name in step.signers if key_of(name).public.key_id in ids}
    step.signers -= set(sorted(names)[step.fields["roots"]["threshold"] - 1 :])
    return bool(step.signers)


def stranger(step: Step) -> bool:
    step.signers.add("stranger")
    return True


def unreachable(step: Step) -> bool:
    step.fields["roots"]["threshold"] = len(step.fields["roots"]["keys"]) + 1
    return True


def moved_key(step: Step) -> bool:
    step.fields["agencies"][0]["keys"].append(step.fields["agencies"][1]["keys"].pop())
    return True


def shared_key(step: Step) -> bool:
    step.fields["agencies"][0]["keys"].append(step.fields["agencies"][1]["keys"][0])
    return True


def foreign_clearance(step: Step) -> bool:
    step.fields["agencies"][2]["clearance"] = {"subject": "fra"}
    return True


def revival(step: Step) -> bool:
    for _, key in step.revoked():
        key["revoked_at"] = key["compromised_since"] = None
        return True
    return False


def later_compromise(step: Step) -> bool:
    for old, key in step.revoked():
        if old.compromised_since is not None and old.compromised_since < key["revoked_at"]:
            key["compromised_since"] = old.compromised_since + 1
            return True
    return False


def dropped_revoked_key(step: Step) -> bool:
    for _, key in step.revoked():
        for agency in step.fields["agencies"]:
            agency["keys"] = [one for one in agency["keys"] if one is not key]
        return True
    return False


def dropped_key(step: Step) -> bool:
    """A key that nobody revoked."""
    revoked = [key for _, key in step.revoked()]
    for agency in step.fields["agencies"]:
        for key in agency["keys"]:
            if key not in revoked:
                agency["keys"].remove(key)
                return True
    return False


def dropped_agency(step: Step) -> bool:
    step.fields["agencies"].pop()
    return True


SPOILERS: Final[dict[Callable[[Step], bool], Reason]] = {
    older: Reason.VERSION_GAP,
    gap: Reason.VERSION_GAP,
    expired: Reason.EXPIRED,
    one_old_root_too_few: Reason.THRESHOLD_NOT_MET,
    one_new_root_too_few: Reason.THRESHOLD_NOT_MET,
    stranger: Reason.BAD_SIGNATURE,
    unreachable: Reason.BAD_FIELD,
    moved_key: Reason.BAD_FIELD,
    shared_key: Reason.BAD_FIELD,
    foreign_clearance: Reason.BAD_FIELD,
    revival: Reason.BAD_FIELD,
    later_compromise: Reason.BAD_FIELD,
    dropped_revoked_key: Reason.BAD_FIELD,
    dropped_key: Reason.BAD_FIELD,
    dropped_agency: Reason.BAD_FIELD,
}


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_the_valid_follows_and_the_spoiled_never_does(spoil: Callable[[Step], bool], data: st.DataObject) -> None:
    plan = Plan()
    plan.revoke("fra0", DAYS[5], DAYS[3])  # so that each spoiler finds something to spoil
    trust, version = trusting(plan.fields(1), signers="ab"), 1
    for _ in range(data.draw(st.integers(1, 4))):
        signers, version = plan.enter(data.draw), version + 1
        spoiled = Step(trust, plan.fields(version), set(signers))
        if spoil(spoiled):
            found = spoiled.take()
            assert isinstance(found, Refusal), "a spoiled roster was accepted"
            assert found.reason is SPOILERS[spoil], found
        after = Step(trust, plan.fields(version), signers).take()
        assert isinstance(after, Trust), after
        assert after.version == version
        no_right_comes_back(trust, after)
        trust = after
    says_what_was_planned(plan, trust)


def no_right_comes_back(before: Trust, after: Trust) -> None:
    """A key that was revoked stays refused, and what was tainted stays so."""
    for key_id in IDS.values():
        for at in DAYS:
            assert is_revoked(after, key_id, at) >= is_revoked(before, key_id, at)
            assert after.is_tainted(key_id, at) >= before.is_tainted(key_id, at)


def is_revoked(trust: Trust, key_id: str, at: int) -> bool:
    found = trust.judge_key(key_id, "main", at)
    return isinstance(found, Refusal) and found.reason is Reason.KEY_REVOKED


def says_what_was_planned(plan: Plan, trust: Trust) -> None:
    """The last roster judges each key at each time as its author's own plan does."""
    for name, key_id in IDS.items():
        for at in DAYS:
            tainted = name in plan.tainted and at >= plan.tainted[name]
            revoked = tainted or (name in plan.revoked and at >= plan.revoked[name])
            found = trust.judge_key(key_id, "main", at)
            assert isinstance(found, Refusal) == revoked
            assert isinstance(found, Refusal) or found.agency == name[:3]
            assert trust.is_tainted(key_id, at) == tainted
