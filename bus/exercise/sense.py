"""Whether a story makes sense as a whole: everything that it names is there, and every record and label holds.

Nothing is written or played. What an act says it must be `refused` for is left to the bus to judge.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from bus.errors import Reason, Refusal
from bus.exercise.faults import Fault, Loc, faults_of, place_of
from bus.exercise.records import Bodies, Named, names
from bus.exercise.score import OPERATOR
from bus.exercise.story import (
    Act,
    Agency,
    Amend,
    Clear,
    Cleared,
    Expect,
    Heartbeat,
    Link,
    Publish,
    Retract,
    Story,
    Suspend,
    Wait,
)
from bus.labels import Policy, below_floor, expand, parse_label
from bus.labels.spelling import REAL, read
from bus.operate.admission import agency_name, claimed_silently, clearance_entry, feed_entry
from bus.units import DAY_MS
from schemas.models import Event, FeedEntry
from schemas.models import Link as LinkBody
from schemas.parameters import starting_values

MOST_MS: Final = 300 * DAY_MS
MOST_INTERVAL_MS: Final = 31 * DAY_MS
_ROSTER: Final = "The roster of an exercise's home is good for a year from the last change of it."
_UNKNOWN: Final = "Name one of: {known}."
_KINDS: Final = ("has", "never", "gone", "alerts")


def faults_in(story: Story, policies: Mapping[str, Policy]) -> list[Fault]:
    """Everything that does not fit together, under these policies."""
    return list(_Sense(story, policies).faults())


class _Sense:
    """Walks through a story as it would be played; knows at each act what was published before it."""

    def __init__(self, story: Story, policies: Mapping[str, Policy]) -> None:
        self._story = story
        self._policies = policies
        self._agencies = {one.name: one for one in story.agency}
        self._feeds: dict[tuple[str, str], FeedEntry] = {}
        self._named = names(story, story.exercise)
        self._bodies = Bodies(story, self._named)
        self._there: dict[str, Named] = {}
        self._now_ms = story.starts_at_ms
        self._step_ms = self._now_ms

    def faults(self) -> Iterator[Fault]:
        for number, agency in enumerate(self._story.agency):
            yield from self._agency(("agency", number), agency)
        for number, step in enumerate(self._story.step):
            place: Loc = ("step", number)
            self._step_ms = self._now_ms
            if not step.act and not step.expect and step.silent is None:
                yield Fault(place_of(place), "an act, or something to expect")
            for at, act in enumerate(step.act):
                yield from self._act((*place, "act", at), act)
            taken: set[tuple[str, str]] = set()
            for at, expect in enumerate(step.expect):
                yield from self._expect((*place, "expect", at), expect, taken)
            for feed in step.silent or ():
                yield from self._known((*place, "silent"), feed, [f"{by}/{name}" for by, name in self._feeds])
        for number, unseen in enumerate(self._story.unseen):
            for one in unseen.reports:
                yield from self._known(("unseen", number, "reports"), one, self._named)
            for one in unseen.by:
                yield from self._known(("unseen", number, "by"), one, self._agencies)

    # ---- who takes part ----

    def _agency(self, place: Loc, agency: Agency) -> Iterator[Fault]:
        checked = agency_name(agency.name)
        claimed = claimed_silently(agency.name, agency.audiences, self._policies)
        for refusal in (checked, claimed):
            if isinstance(refusal, Refusal):
                yield Fault(place_of((*place, "name")), refusal.expected, refusal.remedy)
        if agency.name == OPERATOR:
            yield Fault(place_of((*place, "name")), f"another name than {OPERATOR}: who is told of silent feeds")
        if any(one.name == agency.name for one in self._story.agency[: int(place[-1])]):
            yield Fault(place_of((*place, "name")), "a name that no other agency of the story has")
        yield from self._cleared(place, agency, agency.name)
        for number, feed in enumerate(agency.feed):
            entry = feed_entry(agency.name, feed.terms, self._policies, self._now_ms)
            if isinstance(entry, Refusal):
                yield Fault(place_of((*place, "feed", number)), f"{entry.expected} ({entry.place})", entry.remedy)
            elif (agency.name, feed.name) in self._feeds:
                yield Fault(place_of((*place, "feed", number, "name")), "a name that no other feed of it has")
            else:
                self._feeds[agency.name, feed.name] = entry

    def _cleared(self, place: Loc, cleared: Cleared, agency: str) -> Iterator[Fault]:
        entry = clearance_entry(agency, cleared.terms(self._story.exercise), self._policies)
        if isinstance(entry, Refusal):
            yield Fault(place_of(place), f"{entry.expected} ({entry.place})", entry.remedy)

    # ---- what they do ----

    def _act(self, place: Loc, act: Act) -> Iterator[Fault]:
        if isinstance(act, Wait):
            self._now_ms += act.length
            self._step_ms = self._now_ms
            if self._now_ms - self._story.starts_at_ms > MOST_MS:
                yield Fault(place_of((*place, "for")), f"at most {MOST_MS // DAY_MS} days in all", _ROSTER)
        elif isinstance(act, Clear | Suspend):
            yield from self._known((*place, "agency"), act.agency, self._agencies)
            if isinstance(act, Clear) and act.agency in self._agencies:
                yield from self._cleared(place, act, act.agency)
        elif isinstance(act, Retract):
            for one in act.ids:
                yield from self._known((*place, "ids"), one, self._there)
            if len({self._there[one].by for one in act.ids if one in self._there}) > 1:
                yield Fault(place_of((*place, "ids")), "records of one agency: each takes back its own")
        else:
            yield from self._submitted(place, act)
        if isinstance(act, Publish | Amend | Retract | Link | Heartbeat) and act.refused is not None:
            yield from self._known((*place, "refused"), act.refused, list(Reason))

    def _submitted(self, place: Loc, act: Publish | Amend | Link | Heartbeat) -> Iterator[Fault]:
        if isinstance(act, Amend):
            found = [
                *self._known((*place, "id"), act.id, [key for key, one in self._there.items() if one.kind == "event"])
            ]
            yield from found or self._event((*place, "event"), act)
            return
        unknown = [*self._known((*place, "by"), act.by, self._agencies)]
        if not unknown:
            its = [name for by, name in self._feeds if by == act.by]
            unknown = [*self._known((*place, "feed"), act.feed, its)]
        yield from unknown
        if unknown:
            return
        if isinstance(act, Heartbeat):
            if act.every > MOST_INTERVAL_MS:
                yield Fault(place_of((*place, "every")), f"at most {MOST_INTERVAL_MS // DAY_MS} days")
            return
        if act.id in self._there:
            yield Fault(
                place_of((*place, "id")), "an id that the story has not used yet", "Change a report with `amend`."
            )
        if act.refused is None:
            yield from self._label((*place, "label"), act)
        yield from self._event((*place, "event"), act) if isinstance(act, Publish) else self._link(place, act)
        self._there[act.id] = self._named[act.id]

    def _event(self, place: Loc, act: Publish | Amend) -> Iterator[Fault]:
        report = act.event
        unknown = [] if report.where is None else [*self._known((*place, "where"), report.where, self._story.places)]
        about = (report.source or {}).get("about", ())
        for one in about if isinstance(about, list) else ():
            unknown += self._known((*place, "source", "about"), one, self._there)
        for one in report.replaces:
            unknown += self._known((*place, "replaces"), one, self._there)
        yield from unknown
        if not unknown:
            body = self._bodies.next(act, self._step_ms)
            if act.refused is None:
                yield from _breaches(Event, body, place)

    def _link(self, place: Loc, act: Link) -> Iterator[Fault]:
        unknown = [fault for one in act.events for fault in self._known((*place, "events"), one, self._there)]
        yield from unknown
        if not unknown and act.refused is None:
            events = [self._there[one].event_ref.model_dump() for one in act.events]
            yield from _breaches(LinkBody, {"relation": act.relation, "events": events, "note": act.note}, place)

    def _label(self, place: Loc, act: Publish | Link) -> Iterator[Fault]:
        feed = self._feeds[act.by, act.feed]
        text = act.label or feed.default_label
        parts = read(text)
        policy = None if isinstance(parts, Refusal) else self._policies.get(parts.policy)
        if isinstance(parts, Refusal) or policy is None:
            known = ", ".join(sorted(self._policies))
            yield Fault(
                place_of(place), parts.expected if isinstance(parts, Refusal) else f"one of the policies {known}"
            )
            return
        if parts.realm not in (REAL, self._story.exercise):
            yield Fault(place_of(place), f"no realm, for every record of the story is of {self._story.exercise}")
        label = expand(policy, text, self._now_ms, act.by)
        floor = parse_label(feed.floor, self._policies)
        if isinstance(label, Refusal):
            yield Fault(place_of(place), label.expected, label.remedy)
        elif (
            isinstance(floor, Refusal) or floor.policy != policy.id or below_floor(policy, floor, label.in_realm(REAL))
        ):
            yield Fault(place_of(place), f"at least the feed's floor, {feed.floor}", "Raise it, or say `refused`.")

    # ---- what is expected ----

    def _expect(self, place: Loc, expect: Expect, taken: set[tuple[str, str]]) -> Iterator[Fault]:
        kinds = [kind for kind in _KINDS if getattr(expect, kind) is not None]
        if not kinds:
            yield Fault(place_of(place), f"one of {', '.join(_KINDS)}")
        for agency in expect.agencies:
            yield from self._known((*place, "agencies"), agency, self._agencies)
            for kind in kinds:
                if (agency, kind) in taken:
                    yield Fault(place_of(place), f"`{kind}` of {agency} once in a step", "Put both into one.")
                taken.add((agency, kind))
        for kind in ("has", "never", "gone"):
            for one in getattr(expect, kind) or ():
                yield from self._known((*place, kind), one, self._there)
        words = [step.words for step in starting_values().confidence.words]
        for number, alert in enumerate(expect.alerts or ()):
            for one in alert.of:
                yield from self._known((*place, "alerts", number, "of"), one, self._there)
            if alert.confidence is not None:
                yield from self._known((*place, "alerts", number, "confidence"), alert.confidence, words)

    def _known(self, place: Loc, name: str, known: Any) -> Iterator[Fault]:  # noqa: ANN401 - any collection of names
        if name not in known:
            yield Fault(place_of(place), "a name that the story has by then", _UNKNOWN.format(known=_listed(known)))


def _breaches(model: type[Event | LinkBody], body: dict[str, Any], place: Loc) -> Iterator[Fault]:
    try:
        model.model_validate(body)
    except ValidationError as error:
        yield from faults_of(error, model, place)


def _listed(known: Any) -> str:  # noqa: ANN401 - any collection of names
    return ", ".join(f"`{one}`" for one in known) or "none so far"
