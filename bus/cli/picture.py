"""One agency's picture, as the commands that look at it need it: read, and things found in it by what a user types."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bus.cli.exits import DONE, NO
from bus.cli.home import Opened, opened
from bus.cli.output import Output, moment
from bus.errors import NotFoundError, UsageError
from bus.units import MINUTE_MS

if TYPE_CHECKING:
    from bus.client import Picture, Subscriber
    from bus.client.picture import Held
    from schemas.models import AlertMessage, Count, When, Where

KEPT = "picture"
"""`bus.client.kept.DEFAULT`, which is heavy to import."""
_SHORTEST = 6
"""Digits of an alert's id that are enough, where only one begins so."""


@contextmanager
def looked_at(args: Namespace) -> Iterator[tuple[Opened, "Picture"]]:
    """The picture of the agency that is named: all its deliveries, each checked against the chain.

    It is kept in the home, so that a command reads only what is new.
    """
    with opened(args) as bus, subscribed(bus, args.agency, KEPT) as subscriber:
        yield bus, subscriber.catch_up()


@contextmanager
def subscribed(bus: Opened, agency: str, name: str | None, *, verify: bool = True) -> "Iterator[Subscriber]":
    """The agency's reader of this name; in a home that can't be written to, one that begins anew and keeps nothing."""
    from bus.client import open_subscriber
    from bus.home import DiskFullError, HomeReadOnlyError
    from bus.log.faults import NoTopicError

    try:
        try:
            subscriber = open_subscriber(bus.home, bus.log, agency, name=name, verify=verify)
        except (DiskFullError, HomeReadOnlyError):
            subscriber = open_subscriber(bus.home, bus.log, agency, verify=verify)
    except NoTopicError as none:
        raise NotFoundError(f"this bus has no agency {agency}", "`tocsin agency ls` lists the agencies.") from none
    try:
        yield subscriber
    finally:
        subscriber.close()


def show(
    args: Namespace,
    output: Output,
    find: "Callable[[Picture], str]",
    as_json: "Callable[[Held, Any], dict[str, Any]]",
    as_text: "Callable[[Picture, Held, Any], None]",
) -> int:
    """One alert or event of the picture, whole: what `find` says is meant."""
    with looked_at(args) as (_, picture):
        ref = find(picture)
        held = picture.events().get(ref) or picture.alerts()[ref]
        message = picture.event(ref) or picture.alert(ref)
        if message is None:
            note_unreadable(output, ref)
            return NO
        if output.as_json:
            output.document(as_json(held, message))
        else:
            as_text(picture, held, message)
        return DONE


def note_unreadable(output: Output, ref: str) -> None:
    """Say that an alert or event is there, and what asks why it can't be shown."""
    output.note(f"{ref}: its bytes can't be read; `tocsin verify` says why")


def find_alert(picture: "Picture", typed: str) -> str:
    """The id of the alert that is meant; the beginning of an id is enough."""
    alerts = picture.alerts()
    if typed in alerts:
        return typed
    found = [one for one in alerts if len(typed) >= _SHORTEST and one.startswith(typed)]
    if len(found) > 1:
        raise UsageError(f"more than one alert begins with {typed}", "Give more of its id.")
    if not found:
        raise NotFoundError("no such alert in this agency's picture", "`tocsin alerts ls` lists what is there.")
    return found[0]


def find_event(picture: "Picture", typed: str) -> str:
    """The reference of the event that is meant: agency/feed/id, or the id alone where one event has it."""
    events = picture.events()
    if typed in events:
        return typed
    found = [ref for ref in events if ref.split("/", 2)[2] == typed]
    if len(found) > 1:
        raise UsageError(f"more than one event has the id {typed}", f"Name one of {', '.join(sorted(found))}.")
    if not found:
        raise NotFoundError("no such event in this agency's picture", "`tocsin events ls` lists what is there.")
    return found[0]


def when_text(when: "When | None") -> str:
    """The time of an event, UTC."""
    if when is None:
        return "unknown"
    start = _minute(when.start)
    if when.end is None:
        return f"since {start}"
    return start if when.end - when.start < MINUTE_MS else f"{start} to {_minute(when.end)}"


def _minute(ms: int) -> str:
    """To the second only where it says more than the minute; a midnight is a date."""
    text = moment(ms)
    return text.removesuffix(" 00:00:00Z") if text.endswith(" 00:00:00Z") else text.replace(":00Z", "Z")


def where_text(where: "Where") -> str:
    """The place of an event, with its uncertainty."""
    parts = [where.name or "", ", ".join(where.countries)]
    text = ", ".join(part for part in parts if part)
    if where.lat is not None and where.lon is not None:
        near = "" if where.uncertainty_km is None else f" ± {where.uncertainty_km:g} km"
        text += f" ({where.lat:.3f}, {where.lon:.3f}{near})"
    return text.strip() or "unknown"


def counts_text(counts: "Iterable[Count]") -> str:
    """Counts in one line: `KILLED CIVILIAN 3-8 (best 5), INJURED 2`."""
    return ", ".join(_count(one) for one in counts if (one.low, one.best, one.high) != (None, None, None))


def _count(one: "Count") -> str:
    of = "" if one.of is None else f" {one.of.value}"
    if one.low == one.high:
        return f"{one.what.value}{of} {_figure(one.best if one.low is None else one.low)}"
    best = "" if one.best is None else f" (best {one.best})"
    return f"{one.what.value}{of} {_figure(one.low)}-{_figure(one.high)}{best}"


def _figure(value: int | None) -> str:
    return "?" if value is None else str(value)


def alert_json(held: "Held", message: "AlertMessage") -> dict[str, Any]:
    """The alert's fields, with `id` and `label` spelled out."""
    fields = {"id": held.ref, "label": message.header.label, "revision": held.revision, "closed": held.closed}
    return {**fields, "variant": message.header.id, "delivered_at": held.delivered_at, **message.body.model_dump()}
