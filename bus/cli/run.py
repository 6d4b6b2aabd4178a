"""`tocsin run`: the bus itself, ingest and correlate, until it is stopped or nothing is left to do."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bus.cli.bar import bar
from bus.cli.commands import Commands
from bus.cli.exits import DONE
from bus.cli.home import Opened, opened
from bus.cli.output import Output
from bus.cli.stopping import until_signalled

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from bus.metrics import Metrics

PORT_HELP: Final = "serve /metrics, /health and /ready on this port of 127.0.0.1"


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add("run", _run, "Run the bus until it is stopped")
    parser.add_argument("--until-idle", action="store_true", help="stop when nothing is left to do")
    parser.add_argument(
        "--stage",
        action="append",
        choices=("ingest", "correlate"),
        help="this stage only, in this one process (default: both, in as many processes as pay)",
    )
    parser.add_argument("--metrics-port", metavar="PORT", type=int, help=PORT_HELP)


def _run(args: Namespace, output: Output) -> int:
    from importlib.metadata import version

    from prometheus_client import CollectorRegistry

    from bus.clock import now_ms
    from bus.metrics import Metrics
    from bus.operate.keys import HomeKeys
    from bus.stages.run import STAGES, Runner
    from bus.stages.shards import RestingError

    registry = CollectorRegistry()
    metrics = Metrics(registry, version("tocsin"))
    resting: RestingError | None = None
    with opened(args, writing=True) as bus, until_signalled() as stop, bar(output) as progress:
        key = HomeKeys(bus.home)
        runner = Runner(
            bus.log,
            pin=bus.home.pin(),
            bus_key=key,
            settings=bus.settings,
            clock_ms=now_ms,
            metrics=metrics,
            stages=args.stage or STAGES,
            home=bus.home.path,
            progress=progress,
        )
        with _served(bus, registry, metrics, args.metrics_port):
            if not args.until_idle:
                output.note("starting; Ctrl-C or SIGTERM stops it")
            try:
                runner.run(until_idle=args.until_idle, stop=stop)
            except RestingError as fault:
                resting = fault
        stopped = stop.is_set()
    _report(output, registry, stopped=stopped, resting=() if resting is None else resting.agencies)
    if resting is not None:
        raise resting
    return DONE


@contextmanager
def _served(bus: Opened, registry: "CollectorRegistry", metrics: "Metrics", port: int | None) -> Iterator[None]:
    """Serve metrics, health and readiness to this machine while the bus runs."""
    if port is None:
        yield
        return
    from importlib.metadata import version

    from bus.operate.measures import Measures
    from bus.operate.serving import application, served

    measures = Measures(bus.home, bus.log, metrics, bus.settings)
    with served(application(registry, measures, version("tocsin")), port):
        yield


def _report(output: Output, registry: "CollectorRegistry", *, stopped: bool, resting: tuple[str, ...]) -> None:
    """What this run has done, by its own metrics; `resting`: the agencies whose shards failed."""
    totals: dict[str, int] = {"submissions": 0, "accepted": 0, "rejected": 0, "deliveries": 0}
    for metric in registry.collect():
        name = metric.name.removeprefix("tocsin_")
        if name in totals:
            totals[name] = sum(int(sample.value) for sample in metric.samples if sample.name.endswith("_total"))
    repeated = totals["submissions"] - totals["accepted"] - totals["rejected"]
    if output.as_json:
        output.document({**totals, "repeated": repeated, "stopped": stopped, "resting": resting})
        return
    end = "stopped" if stopped else "nothing is left to do"
    output.line(
        f"{totals['submissions']} submissions judged: {totals['accepted']} accepted, {totals['rejected']} refused"
        + (f", {repeated} known already" if repeated else "")
        + f"; {totals['deliveries']} deliveries made; "
        + (f"at rest after a fault: {', '.join(resting)}" if resting else end)
    )
