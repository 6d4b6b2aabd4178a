"""`tocsin verify`: every signature, from an alert down to the authors' bytes."""

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bus.cli.commands import Commands, as_agency
from bus.cli.exits import DONE, NO
from bus.cli.output import Output, refusal_json
from bus.cli.picture import find_alert, find_event, looked_at

if TYPE_CHECKING:
    from bus.client import Authority, Picture, Verification


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add(
        "verify", _verify, "Check every signature of an alert, down to the authors' bytes, or of an event"
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="an alert, or agency/feed/id (default: all that there is)")
    as_agency(parser)


def _verify(args: Namespace, output: Output) -> int:
    from bus.client import Authority

    with looked_at(args) as (bus, picture):
        authority = Authority(bus.log, bus.home.pin())
        done = list(_checked(picture, authority, args.id))
    good = all(found.good for _, found in done)
    if output.as_json:
        output.document(_json(done, good=good))
        return DONE if good else NO
    signatures = sum(len(found.findings) for _, found in done)
    for ref, found in done:
        if args.id is not None or not found.good:
            _print(output, ref, found)
    failed = sum(not found.good for _, found in done)
    said = "every signature is good" if good else f"{failed} of {len(done)} are NOT good"
    output.line(f"{len(done)} alerts and events checked, {signatures} signatures: {said}")
    return DONE if good else NO


def _checked(picture: "Picture", authority: "Authority", typed: str | None) -> "Iterator[tuple[str, Verification]]":
    """The one that is meant, or all."""
    from bus.client import verify_alert, verify_alerts, verify_event

    if typed is None:
        yield from sorted(verify_alerts(picture, authority).items())
        for ref in sorted(picture.events()):
            yield ref, verify_event(picture, authority, ref)
    elif "/" in typed or ":" in typed:
        ref = find_event(picture, typed)
        yield ref, verify_event(picture, authority, ref)
    else:
        ref = find_alert(picture, typed)
        yield ref, verify_alert(picture, authority, ref)


def _print(output: Output, ref: str, found: "Verification") -> None:
    output.line(f"{ref}:")
    for one in found.findings:
        mark = "good" if one.refusal is None else "BAD "
        output.line(f"  {mark}  {one.checked.value:6}  {one.ref}")
        output.line(f"                signed by {one.signer or 'nobody'}, key {one.key_id or '-'}")
        output.line(f"                digest {one.digest or '-'}")
        if one.refusal is not None:
            output.line(f"                {one.refusal}")


def _json(done: "list[tuple[str, Verification]]", *, good: bool) -> dict[str, Any]:
    return {
        "good": good,
        "signatures": sum(len(found.findings) for _, found in done),
        "checked": [
            {
                "id": ref,
                "good": found.good,
                "findings": [
                    {
                        **one._asdict(),
                        "good": one.refusal is None,
                        "refusal": None if one.refusal is None else refusal_json(one.refusal),
                    }
                    for one in found.findings
                ],
            }
            for ref, found in done
        ],
    }
