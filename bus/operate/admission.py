"""From what an operator says of an agency to its entry in the roster, completed and checked by the policies in force.

Nothing here widens what was said: a clearance of which nothing is said is the least.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from bus.errors import Reason, Refusal, refuse
from bus.labels import Clearance as Compiled
from bus.labels import Label, Policy, below_floor, expand
from bus.labels.spelling import PUBLIC, REAL, Parts, read
from bus.names import IN_WORDS, NAME, RESERVED
from schemas.models import Clearance, FeedEntry, validate

OPEN_LABEL: Final = "COALITION UNCLASSIFIED//PUBLIC"
"""What a feed's records bear where nobody says otherwise: two agencies that are just admitted can share."""
AGAIN: Final = "Correct it and run the command again."
DEFAULT_FEED: Final = "reports"
_NAME: Final = re.compile(NAME)


class FeedTerms(NamedTuple):
    """A feed as an operator names it.

    Labels may hold groups and leave out their release. `floor` None: whatever the policy of the default label allows;
    `default_label` None: the floor, or else the open label. `quota_records_per_day` None: the bus's own default.
    """

    name: str = DEFAULT_FEED
    floor: str | None = None
    default_label: str | None = None
    protected_floor: str | None = None
    curated: bool = False
    analyst: bool = False
    quota_records_per_day: int | None = None


class ClearanceTerms(NamedTuple):
    """A clearance as an operator names it; what is said is all that holds.

    `levels`: `POLICY LEVEL`, which stands for it and all below; none: the lowest of every policy. `need`: tags, held
    under each of these policies that knows them. `audiences`: besides the agency's own name in capitals. `realms`:
    REAL, TEST, names of exercises. `not_after`: UTC ms, exclusive.
    """

    levels: tuple[str, ...] = ()
    need: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    realms: tuple[str, ...] = (REAL,)
    not_after: int | None = None


REPORTS: Final = FeedTerms()
LEAST: Final = ClearanceTerms()


def agency_name(name: str) -> str | Refusal:
    """The name, if an agency may have it."""
    if not _NAME.fullmatch(name) or name in RESERVED:
        expected = f"{IN_WORDS}, other than {', '.join(sorted(RESERVED))}"
        return Refusal(Reason.BAD_FIELD, "agency.name", expected, AGAIN)
    return name


def claimed_silently(agency: str, audiences: tuple[str, ...], policies: Mapping[str, Policy]) -> Refusal | None:
    """Why an agency may not have this name unsaid: its own audience is one that labels of others release to.

    What is released to FVEY names GBR: an agency that is called gbr would read it, whoever it is.
    """
    own = agency.upper()
    for policy in policies.values():
        if own in policy.named | policy.groups.keys() and own not in audiences:
            return Refusal(
                Reason.BAD_FIELD,
                "agency.name",
                f"another name: {own} is an audience of the policy {policy.id}, and what is released to it would be"
                " this agency's to read",
                f"Take another name; or, if this agency is {own}, say so:"
                f" `tocsin agency add {agency} --audience {own}`.",
            )
    return None


def feed_entry(agency: str, terms: FeedTerms, policies: Mapping[str, Policy], at: int) -> FeedEntry | Refusal:
    """The roster's entry of a feed, its labels expanded at `at` (UTC ms)."""
    spelled = terms.default_label or terms.floor or OPEN_LABEL
    named = "floor" if terms.floor and not terms.default_label else "default_label"
    default = _label(named, agency, spelled, policies, at)
    if isinstance(default, Refusal):
        return default
    policy = policies[default.policy]
    floor = _label("floor", agency, terms.floor or _lowest(policy), policies, at)
    if isinstance(floor, Refusal):
        return floor
    if below_floor(policy, floor, default):
        return refuse(Reason.LABEL_BELOW_FLOOR, f"feeds.{terms.name}.default_label", f"at least {floor}")
    protected = terms.protected_floor
    if protected is not None:
        found = _label("protected_floor", agency, protected, policies, at)
        if isinstance(found, Refusal):
            return found
        protected = found.text
    fields = {
        "name": terms.name,
        "floor": floor.text,
        "protected_floor": protected,
        "default_label": default.text,
        "curated": terms.curated,
        "analyst": terms.analyst,
        "quota_records_per_day": terms.quota_records_per_day,
    }
    return validate(FeedEntry, fields)


def clearance_entry(agency: str, terms: ClearanceTerms, policies: Mapping[str, Policy]) -> Clearance | Refusal:
    """The roster's entry of a clearance; refused where it does not hold under the policies in force."""
    spelled = terms.levels or tuple(f"{policy.id} {next(iter(policy.levels))}" for policy in policies.values())
    held: list[dict[str, object]] = []
    for one in spelled:
        policy_id, _, level = one.partition(" ")
        policy = policies.get(policy_id)
        if policy is None or level not in policy.levels:
            known = ", ".join(f"{policy.id} {name}" for policy in policies.values() for name in policy.levels)
            return Refusal(Reason.BAD_FIELD, "clearance.level", f"one of {known}", AGAIN)
        names = list(policy.levels)
        need = sorted(policy.need.intersection(terms.need))
        held.append({"policy": policy_id, "levels": names[: names.index(level) + 1], "need": need})
    unknown = set(terms.need).difference(*(policies[one.partition(" ")[0]].need for one in spelled))
    if unknown:
        known = ", ".join(sorted({tag for one in spelled for tag in policies[one.partition(" ")[0]].need}))
        expected = f"one of {known}" if known else "none: these policies have no such tags"
        return Refusal(Reason.BAD_FIELD, "clearance.need", expected, AGAIN)
    fields = {
        "subject": agency,
        "policies": held,
        "audiences": sorted({agency.upper(), *terms.audiences}),
        "realms": sorted(set(terms.realms)),
        "not_after": terms.not_after,
    }
    entry = validate(Clearance, fields)
    if isinstance(entry, Refusal):
        return entry
    compiled = Compiled.compile(entry, policies)
    return compiled if isinstance(compiled, Refusal) else entry


def _label(place: str, agency: str, text: str, policies: Mapping[str, Policy], at: int) -> Label | Refusal:
    parts = read(text)
    if isinstance(parts, Refusal):
        return _at(place, parts)
    policy = policies.get(parts.policy)
    if policy is None:
        return refuse(Reason.BAD_LABEL, place, f"one of the policies in force: {', '.join(policies)}")
    found = expand(policy, text, at, agency)
    return _at(place, found) if isinstance(found, Refusal) else found


def _at(place: str, refusal: Refusal) -> Refusal:
    return Refusal(refusal.reason, place, refusal.expected, refusal.remedy)


def _lowest(policy: Policy) -> str:
    return Label.of(Parts(policy.id, next(iter(policy.levels)), release=PUBLIC)).text
