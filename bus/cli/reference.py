"""The reference of commands, reasons, settings, topics and metrics, as `bus/reference.md` has it.

Written anew with `python -m bus.cli.reference`; a test compares the file with the code.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import fields

from adapters.refusals import REMEDY as ADAPTERS_REMEDY
from bus.cli.parser import build
from bus.config import Settings
from bus.errors import REMEDY
from bus.log.topics import TABLE, TopicSpec
from bus.metrics import PREFIX
from bus.metrics import TABLE as METRICS
from bus.units import DAY_MS

_INTRODUCTION = """\
Every command takes `--home DIR` (default: `$TOCSIN_HOME`, else `./.tocsin`), `--json` and `--help`. Lists print one
JSON document a line, all else one document; where there is no result, or no more of it, a document with `error`,
`advice`, `retriable` and `exit`, and the same words on stderr. Exit codes: 0 done or yes, 1 no (refused, invalid,
unhealthy, not found), 2 wrong usage or unreadable input, 3 our own trouble (the message says whether trying again
helps). `--as` is a view: what is absent and what is not allowed have the same answer."""
_COMMON = frozenset({"--help", "--home", "--json"})


def reference() -> str:
    """The whole page."""
    parts = (_head(), _commands(), _reasons(), _settings(), _topics(), _metrics())
    return "\n".join(line for part in parts for line in (*part, "")).rstrip() + "\n"


def _head() -> Iterator[str]:
    yield "# Reference"
    yield ""
    yield "Made from the code by `python -m bus.cli.reference > bus/reference.md`; a test compares them."


def _commands() -> Iterator[str]:
    yield "## Commands"
    yield ""
    yield from _INTRODUCTION.splitlines()
    for name, parser in commands(build()):
        positional = [action for action in actions(parser) if not action.option_strings]
        flags = [one for one in actions(parser) if one.option_strings and not _COMMON & set(one.option_strings)]
        yield ""
        yield f"### `tocsin {' '.join([name, *map(_shown, positional)])}`"
        yield ""
        yield str(parser.description)
        if any(action.help for action in positional) or flags:
            yield ""
        yield from (f"- `{action.metavar}`: {action.help}" for action in positional if action.help)
        yield from (f"- `{_flag(action)}`{' (required)' if action.required else ''}: {action.help}" for action in flags)


def commands(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command with its full name, in the order of the help."""
    for action in actions(parser):
        if isinstance(action.choices, dict):  # of parsers: a group
            for word, under in action.choices.items():
                yield from commands(under, f"{name} {word}".strip())
            return
    yield name, parser


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """What a command takes; argparse has no other list of it."""
    return parser._actions  # noqa: SLF001


def _shown(action: argparse.Action) -> str:
    text = str(action.metavar)
    return {"?": f"[{text}]", "*": f"[{text} …]", "+": f"{text} …"}.get(str(action.nargs), text)


def _flag(action: argparse.Action) -> str:
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else "")
    return f"{action.option_strings[-1]} {value}".strip()


def _reasons() -> Iterator[str]:
    yield "## Reasons of a refusal"
    yield ""
    yield "In the order of ingest's checks; the same word in receipts, topics, metrics and commands."
    yield ""
    yield "| reason | how to mend it |"
    yield "| --- | --- |"
    yield from (f"| `{reason.value}` | {remedy} |" for reason, remedy in REMEDY.items())
    yield ""
    yield "Adapters refuse rows and files for reasons of their own:"
    yield ""
    yield "| reason | how to mend it |"
    yield "| --- | --- |"
    yield from (f"| `{code.value}` | {remedy} |" for code, remedy in ADAPTERS_REMEDY.items())


def _settings() -> Iterator[str]:
    yield "## Settings"
    yield ""
    yield "`config.toml` of the home, then `TOCSIN_<NAME>` of the environment. An unknown name is an error."
    yield ""
    yield "| setting | default | range | meaning |"
    yield "| --- | --- | --- | --- |"
    for one in fields(Settings):
        low, high = one.metadata["low"], one.metadata["high"]
        limits = "" if low is None else f"{low:g} to {high:g}"
        yield f"| `{one.name}` | {one.default} | {limits} | {one.metadata['meaning']} |"


def _topics() -> Iterator[str]:
    yield "## Topics"
    yield ""
    yield "| topic | key | kept | written by | read by |"
    yield "| --- | --- | --- | --- | --- |"
    for one in TABLE:
        yield f"| `{one.name}` | {one.key or '-'} | {_kept(one)} | {', '.join(one.writes)} | {', '.join(one.reads)} |"


def _kept(one: TopicSpec) -> str:
    if one.compacted:
        return "the latest of each key"
    return "forever" if one.retention_ms is None else f"{one.retention_ms // DAY_MS} days"


def _metrics() -> Iterator[str]:
    yield "## Metrics"
    yield ""
    yield "Served to this machine by `tocsin run --metrics-port PORT`, in Prometheus' format."
    yield ""
    yield "| metric | type | labels | meaning |"
    yield "| --- | --- | --- | --- |"
    for one in METRICS:
        yield f"| `{PREFIX}{one.name}` | {one.type.value} | {', '.join(one.labels) or '-'} | {one.help} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
