"""One file on its way: translated piece by piece, planned, signed, sent, and what is gone from it."""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bus.cli.bar import bar
from bus.cli.home import Opened
from bus.cli.output import Output
from bus.cli.translating import has_errors, options, translate, whole_file

if TYPE_CHECKING:
    from adapters import Draft, Loss, Refused, Translation
    from bus.client import Publication, Publisher
    from bus.errors import Refusal

    Plan = dict[str, Any] | Refusal

_BATCH = 500


class Unreadable(Exception):  # noqa: N818 - it is no trouble of ours
    """The file is refused as a whole."""

    def __init__(self, name: str, found: "Translation") -> None:
        """Keep the format that was tried, and its refusal."""
        super().__init__(name)
        self.name = name
        self.found = found


@dataclass
class Result:
    """What became of a file. `plans`: per realm that it speaks of, under which label, and who may read that."""

    name: str
    done: "Publication"
    plans: dict[str, "Plan"] = field(default_factory=dict)
    refused: "list[Refused]" = field(default_factory=list)
    losses: "list[Loss]" = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    standing: int = 0
    flawed: bool = False
    """Whether a row is refused that its partner could mend."""

    @property
    def barred(self) -> bool:
        """Whether its label or its realm is refused, which concerns every record: then nothing is sent."""
        return bool(self.plans) and not any(isinstance(plan, dict) for plan in self.plans.values())

    @property
    def loss(self) -> "Loss":
        """The account of the whole file."""
        from adapters.pieces import added

        return added(iter(self.losses))

    @property
    def translation(self) -> "Translation":
        """What is said of rows and cells, without the drafts."""
        from adapters import Translation

        return Translation((), self.loss, tuple(self.refused))


class Job:
    """One agency's feed and the terms under which its files are published."""

    def __init__(self, args: Namespace, output: Output, bus: Opened, publisher: "Publisher") -> None:
        """Publish under these terms."""
        self._args, self._output, self._bus, self._publisher = args, output, bus, publisher

    def publish(self, data: bytes, *, rehearse: bool = False) -> Result:
        """Send what is new or changed in a file, or with `rehearse` say only what would be sent, and to whom.

        Raises `Unreadable`: the file is refused as a whole; nothing of it is sent.
        """
        from adapters.pieces import PIECE_BYTES
        from bus.client import Publication

        name, parts = self._translated(data)
        result = Result(name, Publication(brief=len(data) > PIECE_BYTES))
        with bar(self._output) as show:
            progress = _Progress(show, len(data))
            for found, end in parts:
                self._plan(result, found)
                result.refused += found.refused
                result.losses.append(found.loss)
                result.flawed = result.flawed or has_errors(found)
                result.ids.update(draft.id for draft in found.drafts if draft.kind == "event")
                if result.barred:
                    break
                if not rehearse:
                    result.done.merge(self._send(progress.watched(found.drafts, end), brief=result.done.brief))
        if self._args.snapshot and not result.barred:
            self._compare(result)
        return result

    def withdraw_missing(self, result: Result) -> "Publication":
        """Withdraw what is gone from the file."""
        from bus.client import Publication
        from bus.client.publisher import MISSING_NOTE

        done = Publication()
        for at in range(0, len(result.missing), _BATCH):
            some = result.missing[at : at + _BATCH]
            done.merge(self._publisher.retract("event", self._args.feed, some, "WITHDRAWN", MISSING_NOTE))
        return done

    def _translated(self, data: bytes) -> "tuple[str, Iterator[tuple[Translation, int]]]":
        """The format, and the file's pieces; of a small one the only piece, which told the format."""
        from adapters import load
        from adapters.pieces import first_piece, translate_pieces

        given = options(self._args)
        first = first_piece(data)
        name, found = translate(first, given, self._args.format)
        if whole_file(found):
            raise Unreadable(name, found)
        if len(first) == len(data):
            return name, iter([(found, len(data))])
        return name, translate_pieces(load(name), data, given)

    def _send(self, drafts: "Iterator[Draft]", *, brief: bool) -> "Publication":
        args = self._args
        return self._publisher.publish(
            drafts, args.feed, args.label, exercise=args.exercise, reinstate=args.reinstate, brief=brief
        )

    def _plan(self, result: Result, found: "Translation") -> None:
        """For each realm of the file: how many records, under which label, and who may read that."""
        statuses = sorted({draft.status for draft in found.drafts}) or ([] if result.plans else ["ACTUAL"])
        for status in statuses:
            if status not in result.plans:
                result.plans[status] = self._planned(status)
            plan = result.plans[status]
            if isinstance(plan, dict):
                kinds = [draft.kind == "event" for draft in found.drafts if draft.status == status]
                plan["records"] += sum(kinds)
                if not all(kinds):
                    plan["retractions"] = plan.get("retractions", 0) + len(kinds) - sum(kinds)

    def _planned(self, status: str) -> "Plan":
        from bus.clock import now_ms
        from bus.errors import Refusal
        from bus.operate import Desk
        from bus.operate.readers import readers_of, under_floor

        args = self._args
        terms = self._publisher.terms(args.feed, args.label, status, args.exercise)
        if isinstance(terms, Refusal):
            return terms
        control, feed = Desk(self._bus.home, self._bus.log).control, self._bus.feed(args.agency, args.feed)
        low = under_floor(control, feed, terms.label)
        readers = readers_of(control, terms.label, now_ms())
        return low or {"records": 0, "label": terms.label.text, "readers": readers}

    def _compare(self, result: Result) -> None:
        """What stands by what was published, of the formats and realms that the file speaks of, and is not in it."""
        from bus.client import Scope
        from bus.client.sealing import Terms

        formats = frozenset(one.partition(":")[0] for one in result.ids)
        for status in sorted(result.plans):
            terms = self._publisher.terms(self._args.feed, self._args.label, status, self._args.exercise)
            if isinstance(terms, Terms):
                scope = Scope(self._args.feed, terms.label.realm, formats)
                result.standing += sum(1 for _ in self._publisher.missing(scope, lambda _: False))
                result.missing += self._publisher.missing(scope, result.ids.__contains__)


class _Progress:
    """How far a file is, how fast it goes, and how long it still takes."""

    def __init__(self, show: Callable[[str, int, int], None], size: int) -> None:
        self._show = show
        self._size = max(size, 1)
        self._started = time.monotonic()
        self._count = 0
        self._done = 0

    def watched(self, drafts: "tuple[Draft, ...]", end: int) -> "Iterator[Draft]":
        """The drafts of a piece that ends at this byte of the file."""
        begun = self._done
        for number, draft in enumerate(drafts, 1):
            self._count += 1
            self._done = begun + (end - begun) * number // len(drafts)
            self._show(self._said(), min(self._done, self._size), self._size)
            yield draft
        self._done = end

    def _said(self) -> str:
        seconds = max(time.monotonic() - self._started, 0.001)
        left_s = seconds * (self._size - self._done) / max(self._done, 1)
        return f"{self._count:,} records, {self._count / seconds:,.0f}/s, {_span(max(left_s, 0.0))} left"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - two minutes
