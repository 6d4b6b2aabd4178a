"""`tocsin tail`: the records of one topic as they come, decoded and made safe to show."""

from argparse import Namespace
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from bus.cli.commands import Commands
from bus.cli.exits import DONE
from bus.cli.home import opened
from bus.cli.output import Output, compact, moment
from bus.cli.stopping import until_signalled
from bus.errors import UsageError

LAST: Final = 10
RATE: Final = 50
_FILTERS: Final = MappingProxyType(
    {
        "agency": "of this agency",
        "feed": "of this feed",
        "kind": "of this kind: event, retraction, link, heartbeat, roster, alert, tick …",
        "reason": "refused, delivered or audited for this reason",
        "verdict": "with this verdict: ACCEPTED, REJECTED",
        "change": "with this change: NEW, UPDATE, RETRACTED, CLOSED",
        "id": "with this id",
    }
)
_PLACE: Final = ("topic", "offset", "at", "content")


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add("tail", _tail, "Show a topic's records as they come: what they are, not what they hold")
    parser.add_argument("topic", metavar="TOPIC", help="such as events, receipts.AGENCY, outbox.AGENCY, audit")
    parser.add_argument("--last", metavar="N", type=int, default=LAST, help=f"begin with the last N (default: {LAST})")
    parser.add_argument("--from", dest="start", metavar="OFFSET", type=int, help="begin at this offset")
    parser.add_argument("--once", action="store_true", help="stop at the end, wait for nothing")
    parser.add_argument(
        "--rate", metavar="N", type=int, default=RATE, help=f"at most N a second; 0: all (default: {RATE})"
    )
    parser.add_argument("--content", action="store_true", help="also show what they hold: handle it by its label")
    parser.add_argument("--as", dest="reader", metavar="AGENCY", help="only a topic that this agency reads")
    for name, meaning in _FILTERS.items():
        parser.add_argument(f"--{name}", metavar=name.upper(), help=f"only records {meaning}")


def _tail(args: Namespace, output: Output) -> int:
    from bus.operate.tail import Skipped, Wanted, backlog, follow

    if min(args.last, args.rate, args.start or 0) < 0:
        raise UsageError("numbers and offsets count from 0", "`--last 20`, `--from 0`, `--rate 10`.")
    filters = {name: value for name in _FILTERS if (value := getattr(args, name)) is not None}
    wanted = Wanted(args.topic, filters, args.content)
    with opened(args) as bus, until_signalled() as stop:
        if args.reader is not None:
            _check_reader(args.reader, args.topic)
        found, following = backlog(bus.log, wanted, last=args.last, start=args.start)
        for fields in found:
            _show(output, fields)
        output.flush()
        if args.once:
            return DONE
        poll_s = bus.settings.poll_timeout_s
        for one in follow(bus.log, wanted, following, most_per_s=args.rate, poll_s=poll_s, is_over=stop.is_set):
            if isinstance(one, Skipped):
                _skipped(output, one.records, args.rate)
            elif one is None:
                output.flush()
            else:
                _show(output, one)
    return DONE


def _check_reader(agency: str, topic: str) -> None:
    """Whether the topic table lets this agency read the topic; if not, it is as if there were none."""
    from bus.log.faults import NoTopicError
    from bus.log.topics import agency_topics, bus_topics

    own = {spec.name for spec in agency_topics(agency) if agency in spec.reads}
    shared = {spec.name for spec in bus_topics() if "agencies" in spec.reads}
    if topic not in own | shared:
        raise NoTopicError(topic)


def _show(output: Output, fields: Mapping[str, Any]) -> None:
    if output.as_json:
        output.item(fields)
        return
    said = "  ".join(f"{name}={_plain(value)}" for name, value in fields.items() if name not in _PLACE)
    output.line(f"{fields['offset']:>8}  {moment(fields['at'])}  {said}")
    if "content" in fields:
        output.line(f"{'':10}{compact(fields['content'])}")


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _skipped(output: Output, records: int, rate: int) -> None:
    if output.as_json:
        output.item({"skipped": records})
        return
    output.note(f"{records} more came than {rate} a second (--rate)")
