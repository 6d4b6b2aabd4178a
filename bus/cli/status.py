"""`tocsin status`: the state of a home at a glance."""

from argparse import Namespace
from typing import TYPE_CHECKING

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import home_path, opened
from bus.cli.output import Output, moment
from bus.units import lasting

if TYPE_CHECKING:
    from bus.operate.doctor import Finding
    from bus.operate.progress import StageState
    from bus.operate.silence import FeedSilence
    from bus.operate.status import Status


def add(commands: Commands) -> None:
    """Declare the command."""
    commands.add("status", _status, "Show the state of the home at a glance; 1 where something must be seen to")


def _status(args: Namespace, output: Output) -> int:
    from dataclasses import asdict

    from bus.clock import now_ms
    from bus.operate import Desk
    from bus.operate.disk import disk_of
    from bus.operate.doctor import Place, look
    from bus.operate.status import status

    path = home_path(args)
    with opened(args) as bus:
        place = Place(path, now_ms(), disk_of(path), args.home or "")
        patient = look(place, bus.home, bus.log, Desk(bus.home, bus.log).control, bus.settings)
        found = status(patient)
    if output.as_json:
        output.document({"home": str(path), "healthy": not found.troubles, **asdict(found)})
        return NO if found.troubles else DONE
    _say(output, found, str(path), place.now)
    if patient.stands_still:
        output.note("the bus does not run: `tocsin run` takes up what waits")
    for trouble in found.troubles:
        say_trouble(output, trouble)
    output.line()
    output.line("all is well" if not found.troubles else "something must be seen to: `tocsin doctor` looks closer")
    return NO if found.troubles else DONE


def say_trouble(output: Output, finding: "Finding") -> None:
    """What is wrong, and what mends it."""
    output.note(f"! {finding.what}")
    if finding.mend:
        output.note(f"    {finding.mend}")
    if finding.advice:
        output.note(f"    {finding.advice}")


def _say(output: Output, found: "Status", home: str, now: int) -> None:
    free = f", {found.disk.free_bytes / 1e9:.1f} GB free on the disk"
    output.line(f"home      {home}: {found.engine}, {found.size_bytes / 1e6:.1f} MB{free}")
    output.line(f"pin       {found.pin}")
    output.line(f"roster    version {found.roster_version}, good until {moment(found.roster_expires_at)}")
    policies = ", ".join(f"{name} {version}" for name, version in sorted(found.policies.items()))
    output.line(f"policies  {policies}; parameters {found.parameters_version}")
    output.line()
    boxes = {one.agency: one for one in found.outboxes}
    output.table(
        ["AGENCY", "WAITING", "REFUSED", "DELIVERED", "UNREAD", "OLDEST"],
        [
            (
                f"{one.name} (suspended)" if one.suspended else one.name,
                one.waiting,
                one.rejected,
                one.delivered,
                box.unread if (box := boxes.get(one.name)) else None,
                _ago(None if box is None else box.oldest_at, now),
            )
            for one in found.agencies
        ],
    )
    output.line()
    if found.feeds:
        heads = ["FEED", "HEARD", "PROMISED EVERY", "LATE"]
        output.table(heads, [_feed_row(one, now) for one in found.feeds])
        output.line()
    heads = ["STAGE", "RUN BY", "TO READ", "OLDEST", "LAST PROGRESS"]
    output.table(heads, [_stage_row(one, now) for one in found.stages])


def _feed_row(one: "FeedSilence", now: int) -> tuple[object, ...]:
    promised = None if one.interval_s is None else lasting(one.interval_s)
    return f"{one.agency}/{one.feed}", _ago(one.heard_at, now), promised, one.late


def _stage_row(one: "StageState", now: int) -> tuple[object, ...]:
    waiting, progress = _ago(one.waiting_since, now), _ago(one.progress_at, now)
    return one.name, one.holder or "nobody", one.lag_records, waiting, progress


def _ago(ms: int | None, now: int) -> str:
    """How long ago that was."""
    return "-" if ms is None else f"{lasting((now - ms) / 1000)} ago"
