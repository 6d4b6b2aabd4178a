"""`tocsin key`: the keys of agencies, of the bus, and the roots that sign rosters."""

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import opened
from bus.cli.moments import day_or_moment
from bus.cli.output import Output, moment, refusal_json, scope_text
from bus.names import AUTHORITY, BUS, ROOT

if TYPE_CHECKING:
    from bus.errors import Refusal
    from bus.operate.keydesk import Revocation, Rotation
    from schemas.models import KeyEntry

_WHOSE = "an agency, `authority`, `bus`, or `root` for the keys that sign rosters"


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("key", "Keys, as the roster has them: new, rotated, revoked")
    parser = group.add("new", _new, "Make an agency, or the root, one more key and enter it into the roster")
    parser.add_argument("name", metavar="AGENCY", help="an agency, `authority`, or `root`")
    parser.add_argument(
        "--feed", metavar="FEED", action="append", help="for this feed only (default: all of the agency's)"
    )
    parser.add_argument(
        "--threshold",
        metavar="NUMBER",
        type=int,
        help="with `root`: how many root signatures a roster needs from then on",
    )
    parser = group.add("rotate", _rotate, "Give a holder the next key; those before are good for a while still")
    parser.add_argument("name", metavar="AGENCY", help=_WHOSE)
    parser.add_argument(
        "--overlap-days",
        metavar="DAYS",
        type=int,
        default=14,
        help="how long the keys before are good still, for what is signed and not yet sent (default: 14)",
    )
    parser = group.add("revoke", _revoke, "Revoke a key, or all of a holder: nothing that it signs is accepted again")
    parser.add_argument("key", metavar="KEY", help=f"the first 8 digits or more of a key's id, or all keys of {_WHOSE}")
    parser.add_argument(
        "--compromised-since",
        metavar="TIME",
        help="what the bus accepted under it since (as in 2027-01-31T14:30Z) is a thief's: it leaves all pictures",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what it would do, and do nothing")
    parser = group.add(
        "ls", _ls, "List keys: whose, for which feeds, from when to when, and whether this home holds it"
    )
    parser.add_argument("name", metavar="AGENCY", nargs="?")


def _new(args: Namespace, output: Output) -> int:
    from bus.errors import Refusal, UsageError
    from bus.operate import Desk
    from bus.operate.keydesk import KeyDesk

    if args.threshold is not None and args.name != ROOT:
        raise UsageError("--threshold is of root keys", f"Leave it out, or make a key of `{ROOT}`.")
    with opened(args, writing=True) as bus:
        desk = Desk(bus.home, bus.log, settings=bus.settings)
        if args.name == ROOT:
            return _rotated(output, args.name, KeyDesk(desk, bus.log).new_root(args.threshold))
        key = desk.new_key(args.name, tuple(args.feed or ["*"]))
    if isinstance(key, Refusal):
        return _refused(output, args.name, f"{args.name} gets no key", key)
    if output.as_json:
        output.document({"agency": args.name, **key.model_dump()})
    else:
        output.line(f"{args.name} has the key {key.key_id} for {scope_text(key.feeds)}, since {moment(key.valid_from)}")
    return DONE


def _rotate(args: Namespace, output: Output) -> int:
    from bus.errors import UsageError
    from bus.operate import Desk
    from bus.operate.keydesk import KeyDesk
    from bus.units import DAY_MS

    if args.overlap_days < 0:
        raise UsageError("--overlap-days: days can't be negative", "0 ends the keys before at once.")
    with opened(args, writing=True) as bus:
        keys = KeyDesk(Desk(bus.home, bus.log, settings=bus.settings), bus.log)
        return _rotated(output, args.name, keys.rotate(args.name, args.overlap_days * DAY_MS))


def _rotated(output: Output, name: str, done: "Rotation | Refusal") -> int:
    from bus.errors import Refusal

    if isinstance(done, Refusal):
        return _refused(output, name, f"{name} keeps its keys", done)
    if output.as_json:
        output.document({"agency": name, "new": done.new, "old": done.old, "old_until": done.ends_at})
        return DONE
    for key_id in done.new:
        output.line(f"{name} has the key {key_id}")
    until = "is out" if done.ends_at is None else f"is good until {moment(done.ends_at)}"
    for key_id in done.old:
        output.line(f"  {key_id} {until}")
    if name == ROOT:
        output.note("Keep a copy of the folder keys/root elsewhere: without these keys no roster can follow.")
    return DONE


def _revoke(args: Namespace, output: Output) -> int:
    from bus.errors import Refusal
    from bus.operate import Desk
    from bus.operate.keydesk import KeyDesk

    text = args.compromised_since
    since = None if text is None else day_or_moment("--compromised-since", text)
    with opened(args, writing=not args.dry_run) as bus:
        desk = Desk(bus.home, bus.log, settings=bus.settings)
        done = KeyDesk(desk, bus.log).revoke(args.key, since, dry_run=args.dry_run)
        agencies = [one.name for one in desk.roster.agencies]
    if isinstance(done, Refusal):
        return _refused(output, args.key, "nothing is revoked", done)
    if output.as_json:
        output.document({"dry_run": args.dry_run, **_json(done)})
        return DONE
    _tell(output, done, dry_run=args.dry_run)
    if done.holder in agencies and not done.left and done.holder != BUS:
        output.note(f"{done.holder} has no key in force {'then' if args.dry_run else 'now'}:")
        output.note(f"  `tocsin key new {done.holder}` gives it one to go on with.")
    return DONE


def _tell(output: Output, done: "Revocation", *, dry_run: bool) -> None:
    """What a revocation does, or would."""
    signed, tainted = done.signed, done.signed.tainted.total()
    output.line(f"{'would be revoked' if dry_run else 'revoked'}  {', '.join(done.keys)} of {done.holder}")
    if done.holder not in (BUS, ROOT):
        output.line(f"  accepted under it     {signed.records:,} records")
    if done.compromised_since is not None:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(signed.tainted.items()))
        output.line(f"  compromised since     {moment(done.compromised_since)}")
        if done.holder != BUS:
            output.line(f"  tainted               {tainted:,} records{f' ({kinds})' if kinds else ''}")
        if tainted and done.holder == AUTHORITY:
            output.line("  Policies and parameters hold until others follow: publish those that are right anew.")
        elif tainted:
            output.line(f"  the first accepted    {moment(signed.first_tainted_at)}")
            verb = "would leave" if dry_run else "leave"
            output.line(f"  They {verb} all pictures; alerts are made anew, and earlier revisions come back.")
    elif signed.records:
        output.line("  All of it stays; --compromised-since TIME takes away what a thief may have sent.")
    for key_id in done.new:
        output.line(f"  {done.holder} has the key {key_id} instead")
    if done.holder == BUS and done.compromised_since is not None:
        verb = "would be" if dry_run else "are"
        output.line(f"  All alerts that readers have {verb} delivered once more, signed with the next key.")


def _ls(args: Namespace, output: Output) -> int:
    from bus.clock import now_ms
    from bus.errors import Refusal
    from bus.operate import Desk
    from bus.operate.endings import days_left
    from bus.operate.keys import held_keys

    with opened(args) as bus:
        desk = Desk(bus.home, bus.log)
        roster = desk.roster
        entry = None if args.name in (None, ROOT) else desk.agency(args.name)
        if isinstance(entry, Refusal):
            output.refused("no keys", entry)
            return NO
        agencies = () if args.name == ROOT else roster.agencies if entry is None else (entry,)
        names = [ROOT, *(one.name for one in roster.agencies)]
        held = {key.public.key_id for name in names for key in held_keys(bus.home, name)}
    now = now_ms()
    roots = roster.roots.keys if args.name in (None, ROOT) else ()
    if output.as_json:
        for root in roots:
            output.item({"agency": ROOT, **root.model_dump(), "held": root.key_id in held})
        for one in agencies:
            for key in one.keys:
                left = days_left(key, now)
                output.item({"agency": one.name, **key.model_dump(), "days_left": left, "held": key.key_id in held})
        return DONE
    rows: list[tuple[object, ...]] = [
        (ROOT, root.key_id, "rosters", "-", "-", "-", "-", root.key_id in held) for root in roots
    ]
    rows += [(one.name, *_row(key, now), key.key_id in held) for one in agencies for key in one.keys]
    output.table(["AGENCY", "KEY", "FEEDS", "FROM", "UNTIL", "LEFT", "REVOKED", "HERE"], rows)
    if len(roots) > 1:
        output.note(f"a roster needs {roster.roots.threshold} of the {len(roots)} root signatures")
    return DONE


def _row(key: "KeyEntry", now: int) -> tuple[str, ...]:
    from bus.operate.endings import days_left

    left = days_left(key, now)
    revoked = moment(key.revoked_at)
    if key.compromised_since is not None:
        revoked += f", compromised {moment(key.compromised_since)}"
    days = "-" if left is None else f"{left} days"
    if key.revoked_at is None and key.valid_until is not None and key.valid_until <= now:
        days = "over"
    return key.key_id, scope_text(key.feeds), moment(key.valid_from), moment(key.valid_until), days, revoked


def _json(done: "Revocation") -> dict[str, Any]:
    signed = done.signed
    return {
        "agency": done.holder,
        "keys": done.keys,
        "compromised_since": done.compromised_since,
        "accepted": signed.records,
        "tainted": dict(sorted(signed.tainted.items())),
        "first_tainted_at": signed.first_tainted_at,
        "new": done.new,
        "left": done.left,
    }


def _refused(output: Output, name: str, what: str, refusal: "Refusal") -> int:
    output.refused(what, refusal)
    if output.as_json:
        output.document({"agency": name, "refused": refusal_json(refusal)})
    return NO
