"""`tocsin resync`: a reader's fresh start, where what it has yet to read is past the outbox's retention."""

from argparse import Namespace

from bus.cli.bar import bar
from bus.cli.commands import Commands, as_agency
from bus.cli.exits import DONE, NO
from bus.cli.home import opened
from bus.cli.output import Output
from bus.cli.picture import KEPT


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add(
        "resync", _resync, "Give a reader its present picture anew, as the bus remembers it, every signature checked"
    )
    as_agency(parser, "the agency whose reader it is")
    parser.add_argument(
        "--reader",
        metavar="NAME",
        default=KEPT,
        help=f"its name: {KEPT} (the default), which the commands show; watch, of `alerts watch`; or a program's own",
    )


def _resync(args: Namespace, output: Output) -> int:
    from bus.client import Authority, Subscriber
    from bus.client.kept import fresh
    from bus.client.verify import verify_held
    from bus.log.topics import topic

    with opened(args, writing=True) as bus:
        bus.log.end(topic("outbox", args.agency))  # only an agency of this bus has one: nobody else's folder is made
        pin = bus.home.pin()
        kept = fresh(bus.home.reader(args.agency, args.reader), args.agency, pin)
        subscriber = Subscriber(bus.log, args.agency, pin, kept=kept)
        try:
            found = subscriber.resync()
            picture, authority = subscriber.picture, Authority(bus.log, pin)
            signatures, bad = 0, []
            with bar(output) as show:
                for number, ((kind, ref), held) in enumerate(picture.held.items(), 1):
                    checked, _ = verify_held(picture, authority, held)
                    signatures += len(checked.findings)
                    if not checked.good:
                        bad.append(f"{kind}/{ref}")
                    show("signatures", number, len(picture.held))
            counts = {"events": len(picture.events()), "alerts": len(picture.alerts())}
        finally:
            subscriber.close()
    said = {**counts, "sequence": found.head.sequence, "signatures": signatures, "bad": bad, "missing": found.missing}
    if output.as_json:
        output.document(said)
        return NO if bad else DONE
    for one in bad:
        output.note(f"NOT VERIFIED: {one}; `tocsin verify` says why")
    for one in found.missing:
        output.note(f"alert {one[:12]} is closed, and its bytes are past every retention: it is left out")
    output.line(
        f"{args.agency} has {counts['events']} events and {counts['alerts']} alerts, as of delivery"
        f" {found.head.sequence}; {signatures} signatures checked, {len(bad)} bad"
    )
    return NO if bad else DONE
