"""From a partner's file to drafts: reading it, and finding the format that it has."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bus.cli.output import Output
from bus.errors import TocsinError, UsageError

if TYPE_CHECKING:
    from adapters import Refused, Translation


def translation_flags(parser: ArgumentParser) -> None:
    """What an adapter may be told."""
    parser.add_argument("--mapping", metavar="MAPPING", help="for tables: a shipped mapping's name, or a mapping file")
    parser.add_argument(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="an adapter's option (see `tocsin adapters`)",
    )


def read_input(name: str, most_bytes: int | None = None) -> bytes:
    """The bytes of a file, or of standard input for `-`; of one that is too large a byte more than it may have."""
    from adapters.sheet import MAX_FILE_BYTES

    most = (MAX_FILE_BYTES if most_bytes is None else most_bytes) + 1  # a device never ends
    if name == "-" and sys.stdin is None:
        raise UsageError("standard input is closed", "Name a file, or send one.")
    try:
        if name == "-":
            return sys.stdin.buffer.read(most)
        with Path(name).open("rb") as file:
            return file.read(most)
    except (OSError, ValueError) as fault:
        why = getattr(fault, "strerror", None) or "this is no file's name"
        raise UsageError(f"{name} can't be read: {why}", "Name a file that this user may read.") from fault


def options(args: Namespace) -> dict[str, str | bytes]:
    """The adapter's options, from `--option` and `--mapping`."""
    given: dict[str, str | bytes] = {}
    for one in args.option:
        name, equals, value = one.partition("=")
        if not equals:
            raise UsageError(f"--option {one}: no value", "Write it as NAME=VALUE.")
        if name == "mapping" and not {"=", "\n"} & set(value) and _is_file(value):
            raise UsageError(
                "--option mapping=TEXT takes what a mapping file says", f"Name the file: --mapping {value}."
            )
        given[name] = value
    if args.mapping is not None:
        given["mapping"] = read_input(args.mapping) if _is_file(args.mapping) else args.mapping
    return given


def _is_file(mapping: str) -> bool:
    """Whether a mapping's file is meant; a shipped one's name is no file's."""
    path = Path(mapping)
    return bool(path.suffix) or path.is_file()


def translate(data: bytes, given: dict[str, str | bytes], format_name: str | None) -> tuple[str, "Translation"]:
    """The drafts, by the format that is named or else by the only one that fits."""
    from adapters import available, load

    if format_name is not None:
        return format_name, load(format_name).translate(data, given)
    tried = {name: found for name in available() if (found := _tried(name, data, given)) is not None}
    fits = [(name, found) for name, found in tried.items() if not isinstance(found, str)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise UsageError(
            "the file fits more than one format", f"Name one with --format: {', '.join(name for name, _ in fits)}."
        )
    if not tried:
        raise UsageError(
            f"no format has all of these options: {', '.join(sorted(given))}", "`tocsin adapters` lists each's options."
        )
    why = "; ".join(f"{name}: {why}" for name, why in tried.items())
    if "mapping" in given:
        raise UsageError(
            f"the mapping does not fit the file ({why})",
            "Compare the columns that it names with the sheet's first row.",
        )
    raise UsageError(
        f"the file has no format that is known here ({why})",
        "A sheet of your own needs a mapping file, named with --mapping: adapters/README.md shows how to write one. "
        "For anything else, name the format with --format (`tocsin adapters`) to see what is wrong.",
    )


def _tried(name: str, data: bytes, given: dict[str, str | bytes]) -> "Translation | str | None":
    """What a format makes of the file, or why it makes nothing; None where it has not all of the options.

    One broken adapter stops nobody else's.
    """
    from adapters import load

    try:
        adapter = load(name)
    except TocsinError as fault:
        return str(fault)
    if not adapter.reads or not given.keys() <= adapter.options.keys():
        return None
    try:
        found = adapter.translate(data, given)
    except TocsinError:
        raise
    except Exception as fault:  # noqa: BLE001 - a partner's may raise anything
        return f"broken, {type(fault).__name__}"
    if whole_file(found):
        return f"{found.refused[0].code}, expected {_short(found.refused[0].expected)}"
    return found


def _short(expected: str) -> str:
    """Without the names in brackets: `tocsin adapters` lists them."""
    return expected.partition(" (")[0]


def whole_file(found: "Translation") -> bool:
    """Whether the file is refused as a whole."""
    return any(one.row == 0 for one in found.refused)


def has_errors(found: "Translation") -> bool:
    """Whether a row is refused that its partner could mend: a row that is no event is none."""
    return any(one.code != "OUT_OF_SCOPE" for one in found.refused)


def refused_json(one: "Refused") -> dict[str, Any]:
    """A refused row's fields, with the place spelled out as ingest's refusals have it."""
    return {
        "reason": str(one.code),
        "rule": one.rule,
        "row": one.row,
        "line": one.line,
        "field": one.field,
        "expected": one.expected,
        "remedy": one.remedy,
    }


def say_loss(output: Output, found: "Translation") -> None:
    """The account of every field, for a person."""
    for line in str(found.loss).splitlines():
        output.note(line)
    if refused := len({one.row for one in found.refused}):
        output.note(f"  dropped: every cell of a row that was refused, here of {refused}")


def say_notes(output: Output, name: str, found: "Translation") -> None:
    """What was changed on the way, each with how often."""
    for note, times in found.loss.notes:
        output.note(f"{name}: {times} x {note}")


def say_refused(output: Output, name: str, found: "Translation", most: int = 20) -> None:
    """The rows that became no draft, the first of them in full."""
    for one in found.refused[:most]:
        output.note(f"{name}: {one}")
    if len(found.refused) > most:
        output.note(f"{name}: {len(found.refused) - most} more rows were refused (--json lists all)")
