"""The whole check, in its order; damage that ends one part is a finding, and the others go on."""

from collections.abc import Iterator

from bus.home import Home
from bus.log.faults import LogDamagedError
from bus.log.protocol import Log
from bus.operate.soundness.events import EVENTS, Events
from bus.operate.soundness.finding import Finding, Progress, Soundness, no_progress
from bus.operate.soundness.moment import Moment, moment_of
from bus.operate.soundness.outboxes import Outboxes, last_delivery
from bus.operate.soundness.receipts import Receipts, counted
from bus.operate.soundness.rosters import Rosters
from bus.stages.control import CONTROL


def verify_log(home: Home, log: Log, *, quick: bool = False, progress: Progress = no_progress) -> Soundness:
    """Check the log of a home, whether a bus runs on it or not: as it is at the call.

    `quick` reads no record twice: the file, the authority's words, ends, cursors and heads.
    """
    return verify_pinned(home.pin(), log, quick=quick, progress=progress)


def verify_pinned(pin: bytes, log: Log, *, quick: bool = False, progress: Progress = no_progress) -> Soundness:
    """The same by a pin, where the log is not in a home yet."""
    # 1 the file
    progress("the file", 0, 1)
    findings = _kept("the file", (Finding(*_split(said)) for said in log.check(quick=quick)))
    progress("the file", 1, 1)
    try:
        moment = moment_of(log)
    except LogDamagedError as fault:
        return Soundness((*findings, Finding("the log", str(fault))), {})
    missing = [name for name in (CONTROL, EVENTS) if name not in moment.topics]
    if missing:
        return Soundness((*findings, *(Finding(name, "the topic is missing") for name in missing)), {})
    # 2 what the authority said
    rosters = Rosters(pin)
    findings += _kept(CONTROL, rosters.read(log, moment.topics[CONTROL].end))
    if quick:
        findings += _kept("the ends of topics", _ends(log, moment))
        return Soundness(tuple(findings), {"topics": len(moment.topics), "control": len(rosters.records)})
    more, checked = _records(log, moment, rosters, progress)
    return Soundness((*findings, *more), {"topics": len(moment.topics), "control": len(rosters.records), **checked})


def _records(log: Log, moment: Moment, rosters: Rosters, progress: Progress) -> tuple[list[Finding], dict[str, int]]:
    """Parts 3 to 5, which read every record."""
    # 3 events
    events = Events(rosters)
    state = moment.topics[EVENTS]
    findings = _kept(EVENTS, events.read(log, state.start, state.end, progress))
    # 4 receipts
    receipts = 0
    for agency in moment.agencies("receipts"):
        its = Receipts(log, moment, agency, events.standing)
        findings += _kept(f"receipts.{agency}", its.read())
        receipts += its.checked
        progress(f"receipts.{agency}", 1, 1)
    # 5 outboxes
    outboxes = Outboxes(log, moment, rosters, events.standing)
    for reader in moment.agencies("outbox"):
        findings += _kept(f"outbox.{reader}", outboxes.read(reader, progress))
    return findings, {
        "events": len(events.standing),
        "signatures": events.signatures + outboxes.signatures,
        "receipts": receipts,
        "deliveries": outboxes.deliveries,
    }


def _ends(log: Log, moment: Moment) -> Iterator[Finding]:
    for agency in moment.agencies("receipts"):
        yield from counted(moment, agency)
    for reader in moment.agencies("outbox"):
        yield from last_delivery(log, moment, reader)


def _kept(place: str, findings: Iterator[Finding]) -> list[Finding]:
    """All that a part finds; where the file gives out, that too, and what was found before."""
    found: list[Finding] = []
    try:
        for one in findings:
            found.append(one)  # noqa: PERF402 - what was found before a fault is kept
    except LogDamagedError as fault:
        found.append(Finding(place, str(fault)))
    return found


def _split(said: str) -> tuple[str, str]:
    place, _, what = said.partition(": ")
    return place, what
