"""`tocsin label`: what a label means, what two make together, and who may read it."""

from argparse import Namespace
from typing import TYPE_CHECKING

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import Opened, opened
from bus.cli.output import Output, refusal_json
from bus.errors import NotFoundError

if TYPE_CHECKING:
    from bus.errors import Refusal
    from bus.labels import Label


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("label", "What a label means, what two make together, and who may read it")
    parser = group.add("show", _show, "Complete a label, spell it as it is signed, and list who may read it")
    parser.add_argument("label", metavar="LABEL")
    parser.add_argument("--author", metavar="AGENCY", help="who signs it: what says nothing of release stays there")
    parser = group.add("join", _join, "Make the least label that nobody reads who could not read both")
    parser.add_argument("a", metavar="LABEL")
    parser.add_argument("b", metavar="LABEL")
    parser = group.add("permits", _permits, "Say whether an agency may read a label now")
    parser.add_argument("label", metavar="LABEL")
    parser.add_argument("name", metavar="AGENCY")


def _show(args: Namespace, output: Output) -> int:
    from bus.clock import now_ms
    from bus.errors import Refusal
    from bus.operate import Desk
    from bus.operate.readers import complete, readers_of

    with opened(args) as bus:
        control = Desk(bus.home, bus.log).control
        label = complete(control, args.label, args.author, now_ms())
        if isinstance(label, Refusal):
            return _refused(output, bus, label)
    return _print(output, label, readers_of(control, label, now_ms()))


def _join(args: Namespace, output: Output) -> int:
    from bus.clock import now_ms
    from bus.errors import Refusal
    from bus.operate import Desk
    from bus.operate.readers import complete, readers_of

    with opened(args) as bus:
        control = Desk(bus.home, bus.log).control
        a, b = (complete(control, text, None, now_ms()) for text in (args.a, args.b))
        for one in (a, b):
            if isinstance(one, Refusal):
                return _refused(output, bus, one)
    if isinstance(a, Refusal) or isinstance(b, Refusal):
        return NO
    label = control.join(a, b)
    if label is None:
        output.note("nothing: labels of two policies or realms never make one, nor do two that no label can hold")
        if output.as_json:
            output.document({"label": None, "readers": []})
        return NO
    return _print(output, label, readers_of(control, label, now_ms()))


def _permits(args: Namespace, output: Output) -> int:
    from bus.clock import now_ms
    from bus.errors import Refusal
    from bus.operate import Desk
    from bus.operate.readers import complete, readers_of

    with opened(args) as bus:
        control = Desk(bus.home, bus.log).control
        label = complete(control, args.label, None, now_ms())
        if isinstance(label, Refusal):
            return _refused(output, bus, label)
    if args.name not in control.clearances:
        raise NotFoundError(f"the roster has no agency {args.name}", "`tocsin agency ls` lists the agencies.")
    permitted = args.name in readers_of(control, label, now_ms())
    if output.as_json:
        output.document({"label": label.text, "agency": args.name, "permitted": permitted})
    else:
        output.line(f"{'yes' if permitted else 'no'}: {args.name} {'may' if permitted else 'may not'} read {label}")
    return DONE if permitted else NO


def _print(output: Output, label: "Label", readers: list[str]) -> int:
    if output.as_json:
        output.document({"label": label.text, "readers": readers})
    else:
        output.line(label.text)
        output.line(f"  readers: {', '.join(readers) or 'none'}")
        if label.text.endswith("//NO RELEASE"):
            output.note("  It names nobody: add //PUBLIC, //REL TO NAME, or with `label show` its --author AGENCY.")
    return DONE


def _refused(output: Output, bus: Opened, refusal: "Refusal") -> int:
    output.refused("no label", refusal)
    bus.explain(output, refusal)
    if output.as_json:
        output.document({"label": None, "refused": refusal_json(refusal)})
    return NO
