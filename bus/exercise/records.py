"""From a report as a story tells it to the event that its author signs."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from bus.exercise.story import Amend, Link, Publish, Report, Story
from schemas.models import EventRef, Nature

_TOLD: Final = frozenset({"when", "where", "says", "source", "replaces"})
"""What a story tells in its own way; all else is the event's own."""
_LANGUAGE: Final = "en"


class Named(NamedTuple):
    """What a story calls by an id: an event or a link, whose it is, and under which id it is signed."""

    kind: str
    by: str
    feed: str
    id: str

    @property
    def ref(self) -> str:
        """`agency/feed/id`."""
        return f"{self.by}/{self.feed}/{self.id}"

    @property
    def event_ref(self) -> EventRef:
        """As a record refers to an event."""
        return EventRef(agency=self.by, feed=self.feed, id=self.id)


def names(story: Story, run: str) -> dict[str, Named]:
    """Everything that the story publishes, by the id that it has there.

    `run` comes before each id, so that an exercise can be played twice in one home.
    """
    acts = (act for step in story.step for act in step.act)
    return {
        act.id: Named("event" if isinstance(act, Publish) else "link", act.by, act.feed, f"{run}:{act.id}")
        for act in acts
        if isinstance(act, Publish | Link)
    }


class Bodies:
    """The events of one playing, each as it was last published: an amendment changes what it names."""

    def __init__(self, story: Story, named: Mapping[str, Named]) -> None:
        """Nothing was published yet."""
        self._story = story
        self._named = named
        self._last: dict[str, dict[str, Any]] = {}

    def next(self, act: Publish | Amend, moment_ms: int) -> dict[str, Any]:
        """The body that this act publishes, in a step that begins at `moment_ms` (UTC)."""
        told = self._fields(act.event, moment_ms)
        before = {"nature": Nature.INCIDENT.value} if isinstance(act, Publish) else self._last[act.id]
        self._last[act.id] = {**before, **told}
        return self._last[act.id]

    def _fields(self, report: Report, moment_ms: int) -> dict[str, Any]:
        fields: dict[str, Any] = dict(report.model_extra or {})
        told = report.model_fields_set & _TOLD
        if "when" in told:
            fields["when"] = None if report.when is None else report.when.at(moment_ms)
        if report.where is not None:
            fields["where"] = self._story.places[report.where].model_dump()
        if report.says is not None:
            fields["texts"] = [{"language": _LANGUAGE, "headline": report.says}]
        if report.source is not None:
            about = [self._named[one].event_ref.model_dump() for one in report.source.get("about", ())]
            fields["source"] = {**report.source, **({"about": about} if about else {})}
        if "replaces" in told:
            own = [self._named[one] for one in report.replaces]
            fields["replaces"] = [{"feed": one.feed, "id": one.id} for one in own]
        return fields
