"""`tocsin retract`, `link`, `heartbeat`: an author's acts besides publishing."""

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bus.cli.commands import Commands, as_agency
from bus.cli.exits import DONE, NO
from bus.cli.home import Opened, opened
from bus.cli.output import Output, refusal_json
from bus.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from bus.client import Publication

REASONS = ("ERROR", "DUPLICATE", "SUPERSEDED", "WITHDRAWN", "SOURCE_AT_RISK", "LEGAL")
RELATIONS = ("SAME", "DIFFERENT", "RELATED")
"""VERSION_OF is a word of the format that this bus refuses yet."""


def add(commands: Commands) -> None:
    """Declare the commands."""
    parser = commands.add("retract", _retract, "Withdraw own records from everyone who has them")
    parser.add_argument("ids", metavar="ID", nargs="+", help="an id, or agency/feed/id")
    as_agency(parser, "their author")
    parser.add_argument("--reason", required=True, choices=REASONS, help="why, in one word of the list")
    parser.add_argument("--feed", metavar="FEED", help="the feed that they are in (default: the one that has them)")
    parser.add_argument("--kind", choices=("event", "link"), default="event", help="what they are (default: event)")
    parser.add_argument("--note", metavar="TEXT", help="a word to those who have them")
    parser = commands.add("link", _link, "Say that events are the same, different, or related")
    parser.add_argument("relation", metavar="RELATION", choices=RELATIONS, help=" | ".join(RELATIONS))
    parser.add_argument("events", metavar="ID", nargs="+", help="agency/feed/id, at least two")
    as_agency(parser, "who says so")
    parser.add_argument(
        "--feed", metavar="FEED", required=True, help="SAME and DIFFERENT act from analysts' feeds only"
    )
    parser.add_argument("--label", metavar="LABEL", help="who may read it (default: the feed's default label)")
    parser.add_argument("--exercise", metavar="NAME", help="it belongs to this exercise, as the events do")
    parser.add_argument("--note", metavar="TEXT", help="why")
    parser = commands.add("heartbeat", _heartbeat, "Show that a feed is alive")
    as_agency(parser, "the feed's agency")
    parser.add_argument("--feed", metavar="FEED", required=True, help="the feed that is alive")
    parser.add_argument(
        "--interval-s", metavar="S", type=int, default=3600, help="the next comes within (default: 3600)"
    )
    parser.add_argument("--label", metavar="LABEL", help="of this label's records (default: the feed's default label)")


def _retract(args: Namespace, output: Output) -> int:
    from bus.client import Publication

    with opened(args, writing=True) as bus:
        by_feed: dict[str, list[str]] = {}
        for named in args.ids:
            feed, record_id = _own(args, bus, named)
            by_feed.setdefault(feed, []).append(record_id)
        done = Publication()
        for feed, ids in by_feed.items():
            with bus.publisher(args.agency, feed) as publisher:
                done.lines += publisher.retract(args.kind, feed, ids, args.reason, args.note).lines
    return _report(output, done, "retracted", [one for ids in by_feed.values() for one in ids])


def _own(args: Namespace, bus: Opened, named: str) -> tuple[str, str]:
    """The feed and id that are meant, of this agency's own records."""
    agency, slash, rest = named.partition("/")
    feed, _, record_id = rest.partition("/")
    if slash and (agency != args.agency or not record_id):
        raise UsageError(f"{named} is no record of {args.agency}", "An agency retracts what is its own.")
    record_id = record_id or named
    wanted = feed or args.feed
    if wanted:
        return wanted, record_id
    feeds = _feeds_with(bus, args.agency, args.kind, record_id)
    if not feeds:
        raise NotFoundError(
            f"{args.agency} has published no {args.kind} with the id {record_id}",
            f"`tocsin receipts ls --as {args.agency}` lists what it has published.",
        )
    if len(feeds) > 1:
        raise UsageError(f"{record_id} is in more than one feed", f"Name one with --feed: {', '.join(sorted(feeds))}.")
    return feeds.pop(), record_id


def _feeds_with(bus: Opened, agency: str, kind: str, record_id: str) -> set[str]:
    """Where this id was published: by the publisher's memory, and by receipts where that was lost."""
    from bus.client import read_receipts
    from bus.client.memory import Memory

    # First the receipts, which only an agency of this bus has: nobody else's memory is made.
    receipts = (receipt for _, receipt in read_receipts(bus.log, agency))
    feeds = {one.feed for one in receipts if (one.kind, one.id) == (kind, record_id) and one.feed is not None}
    memory = Memory(bus.home.publisher(agency), agency, bus.home.pin())
    try:
        return feeds.union(memory.feeds_of(kind, record_id))
    finally:
        memory.close()


def _link(args: Namespace, output: Output) -> int:
    from schemas.models import EventRef

    if len(set(args.events)) < 2:  # noqa: PLR2004 - a link has two ends
        raise UsageError("a link needs two different events", "Name each as agency/feed/id.")
    refs = []
    for named in args.events:
        agency, feed, record_id = (*named.split("/", 2), "", "")[:3]
        if not record_id:
            raise UsageError(f"{named} names no event", "Write it as agency/feed/id.")
        refs.append(EventRef.model_construct(agency=agency, feed=feed, id=record_id))
    with opened(args, writing=True) as bus, bus.publisher(args.agency, args.feed) as publisher:
        bus.exercise(args.exercise)
        acts = bus.feed(args.agency, args.feed).analyst or args.relation not in {"SAME", "DIFFERENT"}
        done = publisher.link(args.relation, refs, args.feed, args.label, args.note, exercise=args.exercise)
    if not acts:
        output.note(f"{args.agency}/{args.feed} is no analyst's feed: this link is read, but nothing is matched by it.")
        output.note(f"  `tocsin agency feed {args.agency} {args.feed} --analyst` would change that.")
    return _report(output, done, "said")


def _heartbeat(args: Namespace, output: Output) -> int:
    with opened(args, writing=True) as bus, bus.publisher(args.agency, args.feed) as publisher:
        bus.feed(args.agency, args.feed)
        done = publisher.heartbeat(args.feed, args.interval_s, args.label)
    return _report(output, done, "sent")


def _report(output: Output, done: "Publication", verb: str, about: Sequence[str] = ()) -> int:
    """What became of each act, under the id that the user typed, if it is about a record: `about`, in its order."""
    from bus.client import Outcome

    names = about or [line.id for line in done.lines]

    status = NO if done.refused else DONE
    if output.as_json:
        lines: list[dict[str, Any]] = [
            {
                **({"record": name} if about else {}),
                "id": line.id,
                "outcome": line.outcome,
                "revision": line.revision,
                "digest": line.digest,
                "refused": None if line.refusal is None else refusal_json(line.refusal),
            }
            for name, line in zip(names, done.lines, strict=True)
        ]
        output.document({"sent": done.sent, "records": lines})
        return status
    for name, line in zip(names, done.lines, strict=True):
        if line.refusal is not None:
            output.refused(name, line.refusal)
        elif line.outcome in (Outcome.NEW, Outcome.AMENDED):
            output.line(f"{name}: {verb}; it takes effect when the bus has run")
        else:
            output.line(f"{name}: {verb} before; nothing was sent")
    return status
