"""`tocsin exercise`: plays a story and scores it; in a home of its own, unless a real one is named."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bus.cli.commands import Commands
from bus.cli.exits import DONE, NO, USAGE
from bus.cli.home import Opened, opened
from bus.cli.output import Output
from bus.cli.translating import read_input
from bus.errors import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from bus.exercise import Fault, Result, Story


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.group("exercise", "Play an exercise and score what each agency sees")
    parser = group.add(
        "run", _run, "Play an exercise: in a home and with a clock of its own, or in the one --home names"
    )
    _file(parser)
    parser.add_argument("--until", metavar="STEP", type=int, help="play the steps up to and with this one")
    parser.add_argument("--keep", metavar="DIR", help="keep the home of its own in this new or empty folder")
    _most_wait(parser)
    parser = group.add(
        "check", _check, "Check a story's file without playing it; with --home, also whether it can be there"
    )
    _file(parser)
    _most_wait(parser)
    group.add("example", _example, "Print the shipped exercise, VIGIL, to begin one of your own")


def _file(parser: "ArgumentParser") -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="the story (default: the shipped exercise, VIGIL)")


def _most_wait(parser: "ArgumentParser") -> None:
    parser.add_argument("--max-wait", metavar="TIME", help="let so much real time pass in a real home, such as 10m")


def _run(args: Namespace, output: Output) -> int:
    from bus import exercise

    if args.home and args.keep:
        raise UsageError("--home and --keep name two homes", "Name a real home, or where to keep one of its own.")
    with _bus(args, writing=True) as bus:
        story = _story(args, bus, output)
        if story is None:
            return USAGE
        if args.until is not None and not 1 <= args.until <= len(story.step):
            raise UsageError(f"--until {args.until} is no step of it", f"Name a step from 1 to {len(story.step)}.")
        if bus is None:
            keep = Path(args.keep) if args.keep else None
            result = exercise.play_apart(story, keep=keep, until=args.until, progress=output.progress)
        else:
            result = exercise.play_in(
                story,
                bus.home,
                bus.log,
                bus.settings,
                until=args.until,
                most_wait_ms=_most_wait_ms(args.max_wait),
                progress=output.progress,
            )
    _show(result, output)
    return DONE if result.is_good else NO


def _check(args: Namespace, output: Output) -> int:
    from bus.exercise.hindrance import check_home

    with _bus(args) as bus:
        story = _story(args, bus, output)
        if story is None:
            return USAGE
        if bus is not None:
            check_home(story, bus.home, bus.log, len(story.step), _most_wait_ms(args.max_wait))
    acts = sum(len(step.act) for step in story.step)
    if output.as_json:
        output.document(
            {
                "exercise": story.exercise,
                "title": story.title,
                "good": True,
                "agencies": [agency.name for agency in story.agency],
                "steps": len(story.step),
                "acts": acts,
                "faults": [],
            }
        )
    else:
        output.line(f"{story.exercise}: {len(story.agency)} agencies, {len(story.step)} steps, {acts} acts; all good")
    return DONE


def _example(args: Namespace, output: Output) -> int:  # noqa: ARG001 - as its siblings
    from bus import exercise

    text = exercise.shipped().decode()
    if output.as_json:
        output.document({"file": "vigil.toml", "text": text})
    else:
        for line in text.splitlines():
            output.line(line)
    return DONE


@contextmanager
def _bus(args: Namespace, *, writing: bool = False) -> Iterator[Opened | None]:
    """The home that --home names, and none otherwise: $TOCSIN_HOME is no place to play in unasked."""
    if not args.home:
        yield None
        return
    with opened(args, writing=writing) as bus:
        yield bus


def _most_wait_ms(told: str | None) -> int:
    from bus.exercise.story import length_ms

    try:
        return 0 if told is None else length_ms(told)
    except ValueError as fault:
        raise UsageError(f"--max-wait {told} is no length of time", "Say 90s, 10m or 2h.") from fault


def _story(args: Namespace, bus: Opened | None, output: Output) -> "Story | None":
    """The story of the file, or None after all that is wrong with it was said."""
    from bus import exercise
    from bus.client import Authority

    policies = None if bus is None else Authority(bus.log, bus.home.pin()).policies
    found = exercise.read_story(_data(args.file), policies)
    if isinstance(found, exercise.Story):
        return found
    _faults(args.file or "vigil.toml", found, output)
    return None


def _data(file: str | None) -> bytes:
    from bus import exercise
    from bus.exercise.read import MOST_BYTES

    return exercise.shipped() if file is None else read_input(file, MOST_BYTES)


def _faults(name: str, faults: "list[Fault]", output: Output) -> None:
    from bus.exercise.faults import READ

    if output.as_json:
        output.document({"file": name, "good": False, "faults": [fault._asdict() for fault in faults]})
        return
    for fault in faults:
        output.note(f"{name}: {fault.place}: expected {fault.expected}")
        if fault.remedy != READ:
            output.note(f"  {fault.remedy}")
    output.note(f"{len(faults)} to mend, and nothing was played or written. {READ}")


def _show(result: "Result", output: Output) -> None:
    from bus.exercise.paint import is_coloured
    from bus.exercise.screen import figures, page

    if output.as_json:
        output.document(figures(result))
    else:
        output.page(page(result, coloured=is_coloured(output.out)))
