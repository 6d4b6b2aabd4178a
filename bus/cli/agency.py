"""`tocsin agency`: who is admitted, with which feeds and clearance."""

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from typing import TYPE_CHECKING, Any

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import Opened, opened
from bus.cli.moments import day
from bus.cli.output import Output, moment, refusal_json, scope_text
from bus.names import IN_WORDS

if TYPE_CHECKING:
    from bus.errors import Refusal
    from bus.operate import ClearanceTerms, FeedTerms
    from schemas.models import AgencyEntry, FeedEntry


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("agency", "The roster: who is admitted, with which feeds and clearance")
    parser = group.add("add", _add, "Admit an agency: make its key, enter its feeds and clearance into the roster")
    _named(parser)
    parser.add_argument(
        "--feed", metavar="FEED", action="append", help="a feed; may be given more than once (default: reports)"
    )
    _feed_flags(parser)
    _clearance_flags(parser)
    group.add("ls", _ls, "List the agencies of the roster in force")
    _named(group.add("show", _show, "Show one agency: its keys, feeds and clearance"))
    parser = group.add("feed", _feed, "Give an agency a feed, or change terms of one: what is not said stays as it is")
    _named(parser)
    parser.add_argument("feed", metavar="FEED")
    _feed_flags(parser)
    parser = group.add("clearance", _clearance, "Give an agency another clearance; what is said is all that holds")
    _named(parser)
    _clearance_flags(parser)
    parser = group.add("suspend", _suspend, "Suspend an agency: its keys are no good and it reads nothing")
    _named(parser)
    parser.add_argument("--end", action="store_true", help="end the suspension")
    group.add("renew", _renew, "Publish the roster once more, unchanged: it is good for another year")


def _named(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=IN_WORDS)


def _feed_flags(parser: ArgumentParser) -> None:
    parser.add_argument("--floor", metavar="LABEL", help="no record may be labelled lower (default: anything goes)")
    parser.add_argument(
        "--default-label",
        metavar="LABEL",
        help="what a record bears that names no label (default: the floor, else COALITION UNCLASSIFIED//PUBLIC)",
    )
    parser.add_argument(
        "--protected-floor", metavar="LABEL", help="the floor where a source needs protection; '': none"
    )
    parser.add_argument(
        "--curated", action=BooleanOptionalAction, help="one record per incident: two of its records never match"
    )
    parser.add_argument("--analyst", action=BooleanOptionalAction, help="its SAME and DIFFERENT links act")
    parser.add_argument(
        "--quota-records-per-day",
        metavar="NUMBER",
        type=int,
        help="what it brings in an ordinary day under one label (default: 20,000)",
    )


def _clearance_flags(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--level",
        metavar="LEVEL",
        action="append",
        default=[],
        help="as in 'COALITION SECRET': this level and all below (default: the lowest of every policy)",
    )
    parser.add_argument(
        "--need", metavar="TAG", action="append", default=[], help="a need tag that it holds, as in HUMINT"
    )
    parser.add_argument(
        "--audience", metavar="NAME", action="append", default=[], help="what it is, besides its own name in capitals"
    )
    parser.add_argument(
        "--realm", metavar="REALM", action="append", help="REAL, TEST or an exercise (default: REAL); may be repeated"
    )
    parser.add_argument("--not-after", metavar="DATE", help="when the clearance ends, as in 2027-01-31 (UTC)")


def _feed_terms(args: Namespace, name: str, known: "FeedEntry | None" = None) -> "FeedTerms":
    """What was said of a feed; of one that is known, what was not said stays as it is."""
    from bus.operate import FeedTerms

    given = vars(args)
    terms = {
        one: getattr(known, one, None) if given[one] is None else given[one]
        for one in ("floor", "default_label", "protected_floor", "curated", "analyst", "quota_records_per_day")
    }
    terms["protected_floor"] = terms["protected_floor"] or None
    return FeedTerms(name, **{one: value for one, value in terms.items() if value is not None})


def _clearance_terms(args: Namespace) -> "ClearanceTerms":
    from bus.operate import ClearanceTerms

    return ClearanceTerms(
        levels=tuple(args.level),
        need=tuple(args.need),
        audiences=tuple(args.audience),
        realms=tuple(args.realm or ["REAL"]),
        not_after=None if args.not_after is None else day("--not-after", args.not_after),
    )


def _add(args: Namespace, output: Output) -> int:
    from bus.errors import Refusal
    from bus.operate import Desk

    feeds = tuple(_feed_terms(args, name) for name in dict.fromkeys(args.feed or ["reports"]))
    with opened(args, writing=True) as bus:
        entry = Desk(bus.home, bus.log, settings=bus.settings).admit(args.name, feeds, _clearance_terms(args))
        status = _changed(output, bus, args.name, "is not admitted", entry)
    if not isinstance(entry, Refusal) and any(feed.default_label.endswith("//PUBLIC") for feed in entry.feeds):
        output.note("What it publishes without a label of its own is public: whoever holds that level reads it.")
        output.note(f"  `tocsin agency feed {args.name} FEED --default-label LABEL` changes that.")
    return status


def _feed(args: Namespace, output: Output) -> int:
    from bus.operate import Desk

    with opened(args, writing=True) as bus:
        desk = Desk(bus.home, bus.log, settings=bus.settings)
        feeds = getattr(desk.agency(args.name), "feeds", ())
        known = next((one for one in feeds if one.name == args.feed), None)
        entry = desk.feed(args.name, _feed_terms(args, args.feed, known))
        return _changed(output, bus, args.name, "keeps its feeds", entry)


def _clearance(args: Namespace, output: Output) -> int:
    from bus.errors import Refusal
    from bus.operate import Desk

    with opened(args, writing=True) as bus:
        desk = Desk(bus.home, bus.log, settings=bus.settings)
        lost = _rights(desk.agency(args.name))
        entry = desk.clear(args.name, _clearance_terms(args))
        lost -= _rights(entry)
        if lost and not isinstance(entry, Refusal):
            output.note(f"{args.name} loses {', '.join(sorted(lost))}: this command replaces the whole clearance")
            output.note("  To keep something, say it again: `tocsin agency show` tells what it holds now.")
        return _changed(output, bus, args.name, "keeps its clearance", entry)


def _suspend(args: Namespace, output: Output) -> int:
    from bus.operate import Desk

    with opened(args, writing=True) as bus:
        entry = Desk(bus.home, bus.log, settings=bus.settings).suspend(args.name, suspended=not args.end)
        return _changed(output, bus, args.name, "stays as it is", entry)


def _renew(args: Namespace, output: Output) -> int:
    from bus.errors import Refusal
    from bus.operate import Desk

    with opened(args, writing=True) as bus:
        roster = Desk(bus.home, bus.log, settings=bus.settings).renew()
    if isinstance(roster, Refusal):
        output.refused("the roster stays as it is", roster)
        if output.as_json:
            output.document({"refused": refusal_json(roster)})
        return NO
    if output.as_json:
        output.document({"version": roster.version, "expires_at": roster.expires_at})
    else:
        output.line(f"roster {roster.version} holds, until {moment(roster.expires_at)}")
    return DONE


def _show(args: Namespace, output: Output) -> int:
    from bus.operate import Desk

    with opened(args) as bus:
        return _changed(output, bus, args.name, "is not here", Desk(bus.home, bus.log).agency(args.name))


def _ls(args: Namespace, output: Output) -> int:
    from bus.operate import Desk

    with opened(args) as bus:
        agencies = Desk(bus.home, bus.log).roster.agencies
    if output.as_json:
        for one in agencies:
            output.item(_json(one))
        return DONE
    rows = [
        (one.name, one.suspended, tuple(feed.name for feed in one.feeds), len(one.keys), _levels(one))
        for one in agencies
    ]
    output.table(["AGENCY", "SUSPENDED", "FEEDS", "KEYS", "READS"], rows)
    return DONE


def _changed(output: Output, bus: Opened, name: str, failed: str, entry: Any) -> int:  # noqa: ANN401 - AgencyEntry | Refusal
    """Print an agency, or why nothing changed."""
    from bus.errors import Refusal

    if isinstance(entry, Refusal):
        output.refused(f"{name} {failed}", entry)
        bus.explain(output, entry)
        if output.as_json:
            output.document({"agency": name, "refused": refusal_json(entry)})
        return NO
    if output.as_json:
        output.document(_json(entry))
        return DONE
    _print(output, entry)
    return DONE


def _print(output: Output, entry: "AgencyEntry") -> None:
    cleared = entry.clearance
    output.line(f"agency     {entry.name}" + (" (suspended)" if entry.suspended else ""))
    for key in entry.keys:
        state = f"revoked {moment(key.revoked_at)}" if key.revoked_at is not None else f"since {moment(key.valid_from)}"
        output.line(f"key        {key.key_id} for {scope_text(key.feeds)}, {state}")
    for feed in entry.feeds:
        output.line(f"feed       {feed.name}{_flags(feed)}")
        output.line(f"             default label  {feed.default_label}")
        output.line(f"             floor          {feed.floor}")
        if feed.protected_floor is not None:
            output.line(f"             protected      {feed.protected_floor}")
        if feed.quota_records_per_day is not None:
            output.line(f"             quota          {feed.quota_records_per_day:,} records a day under one label")
    output.line(f"reads      {_levels(entry) or 'nothing'}")
    output.line(f"audiences  {', '.join(cleared.audiences) or '-'}")
    output.line(f"realms     {', '.join(cleared.realms) or '-'}")
    if cleared.not_after is not None:
        output.line(f"until      {moment(cleared.not_after)}")


def _flags(feed: "FeedEntry") -> str:
    flags = [name for name, is_set in (("curated", feed.curated), ("analyst", feed.analyst)) if is_set]
    return f" ({', '.join(flags)})" if flags else ""


def _levels(entry: "AgencyEntry") -> str:
    """The highest level under each policy, with the need tags."""
    held = []
    for one in entry.clearance.policies:
        need = f" NEED {'/'.join(one.need)}" if one.need else ""
        held.append(f"{one.policy} {one.levels[-1] if one.levels else 'nothing'}{need}")
    return ", ".join(held)


def _rights(entry: "AgencyEntry | Refusal") -> set[str]:
    """All that a clearance holds, word by word."""
    from bus.errors import Refusal

    if isinstance(entry, Refusal):
        return set()
    cleared = entry.clearance
    held = {f"{one.policy} {word}" for one in cleared.policies for word in (*one.levels, *one.need)}
    return {*held, *(f"audience {one}" for one in cleared.audiences), *(f"realm {one}" for one in cleared.realms)}


def _json(entry: "AgencyEntry") -> dict[str, Any]:
    return entry.model_dump()
