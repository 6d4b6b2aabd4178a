"""`tocsin status`: the state of a home at a glance."""

from argparse import Namespace
from typing import TYPE_CHECKING

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import home_path, opened
from bus.cli.output import Output, moment

if TYPE_CHECKING:
    from bus.operate.status import Status


def add(commands: Commands) -> None:
    """Declare the command."""
    commands.add("status", _status, "Show the state of the home at a glance; 1 where something must be seen to")


def _status(args: Namespace, output: Output) -> int:
    from dataclasses import asdict

    from bus.clock import now_ms
    from bus.operate import Desk
    from bus.operate.status import status

    with opened(args) as bus:
        found = status(bus.log, Desk(bus.home, bus.log).control, now_ms())
    if output.as_json:
        output.document({"home": str(home_path(args)), "healthy": not found.troubles, **asdict(found)})
        return NO if found.troubles else DONE
    output.line(f"home      {home_path(args)}: {found.engine}, {found.size_bytes / 1e6:.1f} MB")
    output.line(f"pin       {found.pin}")
    output.line(f"roster    version {found.roster_version}, good until {moment(found.roster_expires_at)}")
    policies = ", ".join(f"{name} {version}" for name, version in sorted(found.policies.items()))
    output.line(f"policies  {policies}; parameters {found.parameters_version}")
    output.line()
    output.table(
        ["AGENCY", "FEEDS", "WAITING", "REFUSED", "DELIVERED"],
        [
            (
                f"{one.name} (suspended)" if one.suspended else one.name,
                one.feeds,
                one.waiting,
                one.rejected,
                one.delivered,
            )
            for one in found.agencies
        ],
    )
    output.line()
    output.table(["STAGE", "RUN BY", "TO READ"], [(one.name, one.holder or "nobody", one.lag) for one in found.stages])
    if _stands_still(found):
        output.note("the bus does not run: `tocsin run` takes up what waits")
    for trouble in found.troubles:
        output.note(f"! {trouble}")
    output.line()
    output.line("all is well" if not found.troubles else "something must be seen to")
    return NO if found.troubles else DONE


def _stands_still(found: "Status") -> bool:
    """Whether something waits, and nothing runs that would take it up."""
    waits = any(one.waiting for one in found.agencies) or any(one.lag for one in found.stages)
    return waits and not any(one.holder for one in found.stages)
