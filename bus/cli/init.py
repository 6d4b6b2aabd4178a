"""`tocsin init`: a new home."""

from argparse import Namespace

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO
from bus.cli.home import home_path, opened
from bus.cli.output import Output


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add("init", _init, "Make a home: settings, keys, the log, the first roster, policies, parameters")
    parser.add_argument(
        "--agency",
        metavar="NAME",
        action="append",
        default=[],
        help="also admit this agency, on the terms of `agency add`",
    )


def _init(args: Namespace, output: Output) -> int:
    from bus.errors import Refusal, UsageError
    from bus.operate import Desk, found

    path = home_path(args)
    if (path / "version").exists():
        output.note(f"{path} holds a home already: use it as it is, or name another folder with --home")
        return NO
    within = next(folder for folder in path.absolute().parents if folder.exists())
    if not within.is_dir():
        raise UsageError(f"{within} is no folder", "Name a folder with --home.")
    home = found(path)
    admitted = []
    with opened(args) as bus:
        desk = Desk(bus.home, bus.log, settings=bus.settings)
        for name in args.agency:
            entry = desk.admit(name)
            if isinstance(entry, Refusal):
                output.refused(f"the home is made, but {name} is not admitted", entry)
                return NO
            admitted.append(entry.name)
        policies = sorted(desk.control.policies)
    if output.as_json:
        output.document({"home": str(path), "pin": home.pin().hex(), "policies": policies, "agencies": admitted})
        return DONE
    output.line(f"A home is made at {path}.")
    output.line(f"  pin       {home.pin().hex()}")
    output.line("            the digest of the first roster: give it to partners by another way, they trust only this")
    output.line(f"  policies  {', '.join(policies)}")
    output.line(f"  agencies  {', '.join(admitted) or 'none yet: `tocsin agency add NAME` admits one'}")
    output.line(f"  keys      {path / 'keys'}: keep the folder `root` safe, and a copy of it elsewhere")
    return DONE
