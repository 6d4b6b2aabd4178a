"""One playing of a story on a ground: act by act, each judged by the bus before the next, then a look at every reader.

What is left out (`without`) takes its time all the same, so that two playings differ by nothing else.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

from bus.client import Act as Draft
from bus.client import Publication, Publisher, open_publisher, read_receipts
from bus.errors import Refusal
from bus.exercise.ground import Ground
from bus.exercise.records import Bodies, Named, names
from bus.exercise.score import NOTHING, Finding, StepResult, judge, judge_silence
from bus.exercise.story import (
    Act,
    Amend,
    Clear,
    Heartbeat,
    Link,
    Publish,
    Retract,
    Step,
    Story,
    Submitted,
    Suspend,
    Wait,
)
from bus.exercise.view import Onlooker
from bus.log.topics import topic
from bus.operate import Desk
from bus.operate.silence import feed_silence
from schemas.models import RetractionReason, Status, Verdict

ACCEPTED: Final = str(Verdict.ACCEPTED)
_END: Final = "end of exercise"


class _Signed(NamedTuple):
    """Records that an author signed in one act: whose, and the digest of each; or why it could not sign them."""

    by: str
    digests: tuple[str, ...]
    refused: str | None = None


class Player:
    """Plays a story once."""

    def __init__(self, ground: Ground, story: Story, run: str, without: frozenset[str] = frozenset()) -> None:
        """`run` comes before each id of a record; reports of `without` are neither published nor spoken of."""
        self._ground = ground
        self._story = story
        self._without = without
        self._named = names(story, run)
        self._bodies = Bodies(story, self._named)
        pin = ground.home.pin()
        self._onlookers = {one.name: Onlooker(ground.log, one.name, pin, self._named) for one in story.agency}
        self._desk = Desk(ground.home, ground.log, clock_ms=ground.now_ms)
        self._publishers: dict[str, Publisher] = {}
        self._latest: dict[str, str] = {}
        self._standing: dict[str, Named] = {}
        self._labels: dict[str, str] = {}
        self._expires_at: dict[str, int | None] = {}
        self._step_ms = 0

    def open(self) -> None:
        """Open a publisher for everyone who signs something, before anybody may be suspended."""
        for by, feed in signing(self._story):
            if by not in self._publishers:
                self._publishers[by] = open_publisher(
                    self._ground.home, self._ground.log, by, feed, clock_ms=self._ground.now_ms
                )

    def close(self) -> None:
        """Let go of publishers and readers."""
        for publisher in self._publishers.values():
            publisher.close()
        for onlooker in self._onlookers.values():
            onlooker.close()

    def step(self, number: int) -> StepResult:
        """Play a step, counted from 1, after those before it."""
        step = self._story.step[number - 1]
        self._step_ms = self._ground.now_ms()
        findings = [found for act in step.act for found in self._act(number, act)]
        findings += self._look(number, step)
        return StepResult(number, step.title, step.tells, self._step_ms, tuple(findings))

    def outbox(self, agency: str) -> list[tuple[bytes, bytes]]:
        """Everything that an agency was told, byte for byte."""
        return [(record.key, record.value) for record in self._onlookers[agency].outbox()]

    def verified(self) -> Iterator[Finding]:
        """Whether each agency could verify all that it was told, down to the authors' bytes."""
        for agency, onlooker in self._onlookers.items():
            checked, failed = onlooker.signatures
            seen = f"{failed} do NOT hold" if failed else "all good"
            yield Finding(0, agency, "verified", "verified every signature", f"{checked} good", seen, not failed)

    def withdraw(self) -> None:
        """Take back all that still stands: the exercise is over."""
        for named in self._standing.values():
            publisher = self._publishers[named.by]
            publisher.retract(named.kind, named.feed, [named.id], RetractionReason.WITHDRAWN, _END)
        self._standing.clear()

    def left(self) -> Iterator[Finding]:
        """Whether anything is left of the exercise, once it was withdrawn."""
        self._ground.settle()
        for agency, onlooker in self._onlookers.items():
            view = onlooker.look(self._latest)
            left = [*view.held, *(" + ".join(sorted(alert.of)) for alert in view.alerts if not alert.closed)]
            seen = ", ".join(left) or NOTHING
            yield Finding(0, agency, "withdrawn", "is left with nothing of the exercise", NOTHING, seen, not left)

    def _act(self, number: int, act: Act) -> Iterator[Finding]:
        self._ground.turn()
        if isinstance(act, Wait):
            self._ground.wait(act.length)
            self._step_ms = self._ground.now_ms()
            self._ground.settle()
        elif isinstance(act, Clear | Suspend):
            yield self._decree(number, act)
            self._ground.settle()
        else:
            starts = {by: self._ground.log.end(topic("receipts", by)) for by in self._publishers}
            signed = self._sign(act)
            self._ground.settle()
            if signed is not None:
                yield self._judged(number, act, signed, starts[signed.by])

    def _decree(self, number: int, act: Clear | Suspend) -> Finding:
        """What the authority does."""
        if isinstance(act, Clear):
            done = self._desk.clear(act.agency, act.terms(self._story.exercise))
            what = f"gives {act.agency} another clearance"
        else:
            done = self._desk.suspend(act.agency, suspended=not act.end)
            what = f"{'ends the suspension of' if act.end else 'suspends'} {act.agency}"
        seen = str(done.reason) if isinstance(done, Refusal) else ACCEPTED
        return Finding(number, "authority", "receipt", what, ACCEPTED, seen, seen == ACCEPTED)

    def _sign(self, act: Submitted) -> _Signed | None:
        """Do what an author does; None where it is left out."""
        by, work = self._work(act)
        if work is None:
            return None
        done = work(self._publishers[by])
        refused = next((str(line.refusal.reason) for line in done.lines if line.refusal is not None), None)
        unsent = next((str(line.outcome) for line in done.lines if line.digest is None), None)
        return _Signed(by, tuple(line.digest for line in done.lines if line.digest is not None), refused or unsent)

    def _work(self, act: Submitted) -> tuple[str, "_Work | None"]:
        match act:
            case Publish() | Amend():
                return self._publishing(act)
            case Retract():
                return self._retracting(act)
            case Link():
                return act.by, self._linking(act)
            case Heartbeat():
                label = self._label(act.by, act.feed, None)
                return act.by, lambda publisher: publisher.heartbeat(act.feed, act.every // 1000, label)

    def _publishing(self, act: Publish | Amend) -> tuple[str, "_Work | None"]:
        named = self._named[act.id]
        draft = Draft(named.kind, named.id, Status.ACTUAL, self._bodies.next(act, self._step_ms))
        if isinstance(act, Publish):
            self._labels[act.id] = self._label(act.by, act.feed, act.label)
            self._expires_at[act.id] = None if act.expires_in is None else self._step_ms + act.expires_in
        if act.id in self._without:
            return named.by, None
        label, expires_at = self._labels[act.id], self._expires_at[act.id]
        # An author amends on purpose, also back to what it said before.
        again = isinstance(act, Amend)
        return named.by, lambda publisher: publisher.publish(
            [draft], named.feed, label, expires_at=expires_at, reinstate=again
        )

    def _retracting(self, act: Retract) -> tuple[str, "_Work | None"]:
        kept = [self._named[one] for one in act.ids if one not in self._without]

        def retract(publisher: Publisher) -> Publication:
            lines = Publication()
            for one in kept:
                lines.lines += publisher.retract(one.kind, one.feed, [one.id], act.reason, act.note).lines
            return lines

        return self._named[act.ids[0]].by, retract if kept else None

    def _linking(self, act: Link) -> "_Work | None":
        if not self._without.isdisjoint((act.id, *act.events)):
            return None
        named = self._named[act.id]
        events = [self._named[one].event_ref.model_dump() for one in act.events]
        draft = Draft("link", named.id, Status.ACTUAL, {"relation": act.relation, "events": events, "note": act.note})
        label = self._label(act.by, act.feed, act.label)
        return lambda publisher: publisher.publish([draft], act.feed, label)

    def _judged(self, number: int, act: Submitted, signed: _Signed, start: int) -> Finding:
        """What ingest said, held against what the story says that it must."""
        said = {receipt.digest: receipt for _, receipt in read_receipts(self._ground.log, signed.by, start)}
        reasons = [str(said[one].reason or ACCEPTED) if one in said else "no receipt" for one in signed.digests]
        seen = signed.refused or next((one for one in reasons if one != ACCEPTED), ACCEPTED)
        if seen == ACCEPTED:
            self._remember(act, signed)
        expected = act.refused or ACCEPTED
        return Finding(number, signed.by, "receipt", _told(act), expected, seen, seen == expected)

    def _remember(self, act: Submitted, signed: _Signed) -> None:
        if isinstance(act, Publish | Amend | Link):
            self._standing[act.id] = self._named[act.id]
            self._latest[act.id] = signed.digests[-1]
        elif isinstance(act, Retract):
            for one in act.ids:
                self._standing.pop(one, None)

    def _look(self, number: int, step: Step) -> Iterator[Finding]:
        """What everyone sees, held against what they must see."""
        for expect in step.expect:
            for agency in expect.agencies:
                yield from judge(number, expect, agency, self._onlookers[agency].look(self._latest))
        if step.silent is not None:
            found = feed_silence(self._desk.control, self._ground.log.describe(), self._ground.now_ms())
            yield judge_silence(number, step.silent, [f"{one.agency}/{one.feed}" for one in found if one.late])

    def _label(self, by: str, feed: str, label: str | None) -> str:
        """The label with the realm of the exercise: nothing of it ever bears a real one."""
        entry = next(one for one in self._desk.roster.agencies if one.name == by)
        text = label or next(one.default_label for one in entry.feeds if one.name == feed)
        realm = f"//EXERCISE {self._story.exercise}"
        return text if text.endswith(realm) else text + realm


_Work: TypeAlias = Callable[[Publisher], Publication]


def signing(story: Story) -> list[tuple[str, str]]:
    """Who signs something, each with the feeds for which it does, in the order of the story."""
    acts = (act for step in story.step for act in step.act)
    return list(dict.fromkeys((act.by, act.feed) for act in acts if isinstance(act, Publish | Link | Heartbeat)))


def _told(act: Submitted) -> str:
    """An act in words."""
    match act:
        case Publish():
            return f"publishes {act.id} in {act.feed}"
        case Amend():
            return f"amends {act.id}"
        case Retract():
            return f"takes back {', '.join(act.ids)}"
        case Link():
            return f"says that {', '.join(act.events)} are {act.relation}"
        case Heartbeat():
            return f"shows that {act.feed} is alive"
