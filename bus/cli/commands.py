"""How a group of commands is declared: every command gets the same flags, and one function that runs it."""

import argparse
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from bus.cli.output import Output
from bus.errors import UsageError

COMMAND: Final = "COMMAND"
"""What stands for a command's name in a usage."""

Body = Callable[[argparse.Namespace, Output], int]


class Parser(argparse.ArgumentParser):
    """One that raises what is wrong with a command line, so that it is told like every other fault."""

    def error(self, message: str) -> NoReturn:
        """Raise it, with the command's usage as advice."""
        raise UsageError(message, " ".join(self.format_usage().split()))

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 - as its base has it
        """What the words say; a word that no command takes is told with the usage of the command that it was given."""
        found, left = self.parse_known_args(args, namespace)
        if left:
            getattr(found, "shows", self).error(f"unrecognized arguments: {' '.join(left)}")
        return found

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401 - as its base has it
        """A mistyped command is answered with those that look like it, not with all."""
        if action.metavar != COMMAND or not action.choices or value in action.choices:
            super()._check_value(action, value)
            return
        near = get_close_matches(value, list(action.choices), n=3)
        meant = f"Did you mean {' or '.join(f'`{self.prog} {one}`' for one in near)}? " if near else ""
        raise UsageError(f"there is no command `{self.prog} {value}`", f"{meant}`{self.prog} --help` lists them.")


class Commands:
    """The commands of one level: of `tocsin`, or of a group such as `tocsin agency`."""

    def __init__(self, parser: argparse.ArgumentParser, title: str = "commands") -> None:
        """Hang commands on a parser."""
        self._under = parser.add_subparsers(title=title, metavar=COMMAND, required=False)
        self._parser = parser
        parser.set_defaults(run=None, shows=parser)

    def add(self, name: str, body: Body, help_text: str) -> argparse.ArgumentParser:
        """A command that `body` runs."""
        parser = self._under.add_parser(name, help=help_text, description=f"{help_text}.", allow_abbrev=False)
        common_flags(parser, argparse.SUPPRESS)
        parser.set_defaults(run=body, shows=parser)
        return parser

    def group(self, name: str, help_text: str) -> "Commands":
        """A group of commands."""
        parser = self._under.add_parser(name, help=help_text, description=f"{help_text}.", allow_abbrev=False)
        return Commands(parser)


def common_flags(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """What every command takes; a command that is not told lets stand what `tocsin` was told before it."""
    parser.add_argument(
        "--home", metavar="DIR", default=default, help="the home (default: $TOCSIN_HOME, else ./.tocsin)"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        default=default or False,
        help="print JSON: one document, or one per line for lists",
    )


def as_agency(parser: argparse.ArgumentParser, help_text: str = "the agency whose view this is") -> None:
    """Every command that acts or looks for one agency says for which."""
    parser.add_argument("--as", dest="agency", metavar="AGENCY", required=True, help=help_text)
