"""`tocsin metrics`: what the log tells of a bus, in Prometheus' format, whether it runs or not."""

from argparse import Namespace
from typing import Final

from bus.cli.commands import Commands
from bus.cli.exits import DONE
from bus.cli.home import opened
from bus.cli.output import Output
from bus.cli.run import PORT_HELP
from bus.cli.stopping import until_signalled
from bus.errors import UsageError

PORT: Final = 9464


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add("metrics", _metrics, "Serve what the log tells of the bus, whether it runs or not")
    parser.add_argument("--port", metavar="PORT", type=int, default=PORT, help=f"{PORT_HELP} (default: {PORT})")
    parser.add_argument("--once", action="store_true", help="print the metrics and stop")


def _metrics(args: Namespace, output: Output) -> int:
    from importlib.metadata import version

    from prometheus_client import CollectorRegistry, generate_latest

    from bus.metrics import Metrics
    from bus.operate.measures import FROM_THE_LOG, Measures
    from bus.operate.serving import application, served

    if args.json and not args.once:
        raise UsageError("--json prints the metrics as one document: it goes with --once", "Add --once.")
    registry = CollectorRegistry()
    metrics = Metrics(registry, version("tocsin"), FROM_THE_LOG)
    with opened(args) as bus:
        measures = Measures(bus.home, bus.log, metrics, bus.settings, alone=True)
        measures.refresh()
        if args.once:
            if args.json:
                samples = [sample for metric in registry.collect() for sample in metric.samples]
                output.document({"samples": [[one.name, one.labels, one.value] for one in samples]})
            else:
                output.page(generate_latest(registry).decode())
            return DONE
        with until_signalled() as stop, served(application(registry, measures, version("tocsin")), args.port) as port:
            output.note(f"serving http://127.0.0.1:{port}/metrics; Ctrl-C or SIGTERM stops it")
            stop.wait()
    return DONE
