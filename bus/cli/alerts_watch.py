"""`tocsin alerts watch`: an agency's alerts as they come, change, close and go, each verified down to its authors.

What was told is remembered in the home when the next delivery is read, so a restart goes on where this one stopped; one
that is killed tells the last few again, and leaves none out.
"""

from argparse import Namespace
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from bus.cli.exits import DONE
from bus.cli.home import opened
from bus.cli.output import Output, moment, refusal_json
from bus.cli.picture import alert_json, subscribed, when_text, where_text
from bus.cli.stopping import until_signalled
from bus.errors import UsageError

if TYPE_CHECKING:
    from bus.client import Received
    from schemas.models import AlertMessage

READER = "watch"


def watch(args: Namespace, output: Output) -> int:
    """Tell of each delivery that is about an alert, until stopped."""
    from schemas.models import DeliveredKind

    if args.since is not None and args.since < 0:
        raise UsageError(f"--since {args.since}: deliveries are numbered from 1", "0 begins with the first.")
    with ExitStack() as stack:
        stop, bus = stack.enter_context(until_signalled()), stack.enter_context(opened(args))
        # From a number on, it is read anew and kept nowhere: the place where the other one stopped stays.
        name = READER if args.since is None else None
        subscriber = stack.enter_context(subscribed(bus, args.agency, name, verify=not args.no_verify))
        if not args.once:
            output.note("watching: what comes is told, alerts alone; Ctrl-C or SIGTERM stops it")
        for received in subscriber.poll(stop) if args.once else subscriber.follow(stop):
            delivery = received.delivery
            if delivery.kind is DeliveredKind.ALERT and delivery.sequence > (args.since or 0):
                _tell(args, output, received)
                output.flush()
    return DONE


def _tell(args: Namespace, output: Output, received: "Received") -> None:
    from schemas.models import AlertMessage

    said = received.open() if args.no_verify else received.message
    message = said if isinstance(said, AlertMessage) else None
    if message is not None and message.body.origins < args.origins:
        return
    if output.as_json:
        output.item(_json(args, received, message))
    else:
        output.line(_text(received, message))
        for finding in received.findings:
            if finding.refusal is not None:
                output.note(f"  NOT VERIFIED, {finding.checked} {finding.ref}: {finding.refusal}")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _json(args: Namespace, received: "Received", message: "AlertMessage | None") -> dict[str, Any]:
    from bus.client.picture import Held

    delivery = received.delivery
    body = delivery.body or b""
    held = Held(delivery.kind, delivery.ref, delivery.revision, body, received.delivered_at)
    bad = [one for one in received.findings if one.refusal is not None]
    return {
        "sequence": delivery.sequence,
        "change": delivery.change,
        "reason": delivery.reason,
        "what_changed": delivery.what_changed,
        "id": delivery.ref,
        "revision": delivery.revision,
        "delivered_at": received.delivered_at,
        "replaces": delivery.replaces,
        "superseded_by": delivery.superseded_by,
        "verified": None if args.no_verify or not body else received.good,
        "refused": [{"ref": one.ref, **refusal_json(one.refusal)} for one in bad if one.refusal is not None],
        "alert": None if message is None else alert_json(held, message),
    }


def _text(received: "Received", message: "AlertMessage | None") -> str:
    delivery = received.delivery
    parts = [f"{moment(received.delivered_at)}  {delivery.change.value:9}  {delivery.ref[:12]}"]
    if message is not None:
        body = message.body
        parts.append(f"severity {body.severity.level}, {body.confidence.probability:.2f} {body.confidence.words}")
        parts.append(f"{_many(len(body.members), 'report')} of {_many(body.origins, 'origin')}, {body.type}")
        parts.append(f"{when_text(body.when)}, {where_text(body.where)}")
    if delivery.what_changed:
        parts.append(", ".join(delivery.what_changed))
    if delivery.reason is not None:
        parts.append(delivery.reason.value)
    if delivery.superseded_by is not None:
        parts.append(f"now {delivery.superseded_by[:12]}")
    return "  ".join(parts)
