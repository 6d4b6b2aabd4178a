"""Common Alerting Protocol 1.0, 1.1 and 1.2 (OASIS), alone or carried by Atom, RSS 2.0, EDXL-DE 1.0 or a plain list.

An alert's licence is its sender's. Contacts, addresses and passwords are left out, and so are original bytes.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from adapters.cap.account import Columns, columns
from adapters.cap.act import USES, is_act, out_of_scope, retraction
from adapters.cap.attributes import Said
from adapters.cap.carriers import Found, Opened
from adapters.cap.checks import findings
from adapters.cap.map import Record, events
from adapters.cap.markup import Element, kids, row
from adapters.cap.profile import PROFILES
from adapters.cap.read import read
from adapters.cap.rules import Broken
from adapters.cap.signatures import anchor_keys, report
from adapters.loss import Tally
from adapters.refusals import Code, Refused, RowError
from adapters.translation import Draft, Options, Translation, text_option
from bus.errors import UsageError

SIGNED: Final = "a signature, reported and not trusted: {}"
REMARK: Final = "{}: expected {}"


class CapAdapter:
    """Reads CAP."""

    name: Final = "cap"
    title: Final = "Common Alerting Protocol 1.0 to 1.2, also in Atom, RSS and EDXL-DE"
    reads: Final = ("application/cap+xml", "application/atom+xml", "application/rss+xml", "application/xml")
    writes: Final[tuple[str, ...]] = ()
    licence: Final = "each alert's own; its sender is named as attribution"
    options: Final[Mapping[str, str]] = MappingProxyType(
        {
            "profile": f"hold all alerts to a profile ({', '.join(PROFILES)}); else those that claim it",
            "anchors": "PEM certificates that keys of signatures are compared with, for the report alone",
        }
    )

    def translate(self, data: bytes, options: Options | None = None) -> Translation:
        """Turn a message, or what carries messages, into drafts. Never raises for what `data` holds.

        Raises:
            UsageError: an option is unknown or makes no sense.
        """
        profile = text_option(options, self.options, "profile")
        if profile is not None and profile not in PROFILES:
            raise UsageError(f"no such profile: {profile!r}", f"Known here: {', '.join(PROFILES)}.")
        anchors = _anchors(text_option(options, self.options, "anchors"))
        opened = read(data)
        return Translation.none(opened) if isinstance(opened, Refused) else _translated(opened, profile, anchors)


def _anchors(pem: str | None) -> tuple[bytes, ...]:
    try:
        return () if pem is None else anchor_keys(pem.encode())
    except ValueError as error:
        raise UsageError("option anchors holds no PEM certificate", "Give it the text of a .pem file.") from error


def _translated(opened: Opened, profile: str | None, anchors: tuple[bytes, ...]) -> Translation:
    at = columns(found.item for found in opened.found if not isinstance(found.item, Broken))
    tally = Tally(at.names, at.read, at.why)
    tally.notes.update(opened.notes)
    drafts: dict[tuple[str, str], Draft] = {}
    refused: list[Refused] = []
    for found in opened.found:
        line = found.item.line if isinstance(found.item, Broken) else row(found.item)
        for made, infos in _records(found, profile, anchors, tally):
            tally.rows += 1
            error = made if isinstance(made, RowError) else _repeated(made, drafts)
            if isinstance(made, Draft) and error is None:
                drafts[made.kind, made.id] = made
                _account(tally, at, found, made, infos)
            elif error is not None:
                tally.refused += 1
                refused.append(error.at(tally.rows, line))
    return Translation(tuple(drafts.values()), tally.close(), tuple(refused))


def _repeated(made: Draft, before: Mapping[tuple[str, str], Draft]) -> RowError | None:
    if (made.kind, made.id) not in before:
        return None
    return RowError(Code.DUPLICATE_ID, "identifier", "an identifier that no alert before has")


def _records(found: Found, profile: str | None, anchors: tuple[bytes, ...], tally: Tally) -> Iterator[Record]:
    """1 its carrier 2 its scope 3 the rules 4 retraction or events."""
    alert = found.item
    if isinstance(alert, Broken):
        yield Record(alert.error())
        return
    if (outside := out_of_scope(alert)) is not None:
        yield Record(outside.error())
        return
    wrong = findings(alert, profile)
    tally.notes.update(
        REMARK.format(each.rule, each.expected) for each in wrong if each.is_remark or each is not wrong[0]
    )
    if wrong and not wrong[0].is_remark:
        yield Record(wrong[0].error())
        return
    signatures = report(alert, anchors)
    tally.notes.update(SIGNED.format(each) for each in signatures)
    if is_act(alert):
        try:
            yield Record(retraction(alert), tuple(kids(alert, "info")))
        except RowError as error:
            yield Record(error)
        return
    more: list[Said] = [("signature", each) for each in signatures]
    if found.confidentiality:
        more.append(("edxl.confidentiality", found.confidentiality))
    yield from events(alert, more, tally.notes)


def _account(tally: Tally, at: Columns, found: Found, made: Draft, infos: tuple[Element, ...]) -> None:
    if isinstance(found.item, Broken):
        return
    silent = set(at.silent(found.item, infos))
    if made.kind != "event":
        unused = {one for one in at.read if at.names[one] not in USES} - silent
        tally.left(unused)
    tally.defaulted(silent)


ADAPTER: Final = CapAdapter()
