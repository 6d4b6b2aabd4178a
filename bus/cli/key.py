"""`tocsin key`: an agency's keys."""

from argparse import Namespace

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import opened
from bus.cli.output import Output, moment, refusal_json, scope_text


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("key", "The agencies' keys, as the roster has them")
    parser = group.add("new", _new, "Make an agency one more key and enter it into the roster")
    parser.add_argument("name", metavar="AGENCY")
    parser.add_argument(
        "--feed", metavar="FEED", action="append", help="for this feed only (default: all of the agency's)"
    )
    parser = group.add(
        "ls", _ls, "List keys: whose, for which feeds, from when to when, and whether this home holds it"
    )
    parser.add_argument("name", metavar="AGENCY", nargs="?")


def _new(args: Namespace, output: Output) -> int:
    from bus.errors import Refusal
    from bus.operate import Desk

    with opened(args, writing=True) as bus:
        key = Desk(bus.home, bus.log, settings=bus.settings).new_key(args.name, tuple(args.feed or ["*"]))
    if isinstance(key, Refusal):
        output.refused(f"{args.name} gets no key", key)
        if output.as_json:
            output.document({"agency": args.name, "refused": refusal_json(key)})
        return NO
    if output.as_json:
        output.document({"agency": args.name, **key.model_dump()})
    else:
        output.line(f"{args.name} has the key {key.key_id} for {scope_text(key.feeds)}, since {moment(key.valid_from)}")
    return DONE


def _ls(args: Namespace, output: Output) -> int:
    from bus.errors import Refusal
    from bus.operate import Desk
    from bus.operate.keys import held_keys

    with opened(args) as bus:
        desk = Desk(bus.home, bus.log)
        entry = None if args.name is None else desk.agency(args.name)
        if isinstance(entry, Refusal):
            output.refused("no keys", entry)
            return NO
        agencies = desk.roster.agencies if entry is None else (entry,)
        held = {key.public.key_id for one in agencies for key in held_keys(bus.home, one.name)}
    rows = [(one.name, key, key.key_id in held) for one in agencies for key in one.keys]
    if output.as_json:
        for name, key, here in rows:
            output.item({"agency": name, **key.model_dump(), "held": here})
        return DONE
    output.table(
        ["AGENCY", "KEY", "FEEDS", "FROM", "UNTIL", "REVOKED", "HERE"],
        [
            (
                name,
                key.key_id,
                scope_text(key.feeds),
                moment(key.valid_from),
                moment(key.valid_until),
                moment(key.revoked_at),
                here,
            )
            for name, key, here in rows
        ],
    )
    return DONE
