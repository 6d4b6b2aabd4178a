"""A new home: keys, log, the first roster and its pin, policies and parameters.

1. the folder. 2. private keys of root, authority and bus. 3. the log with its topics. 4. the first roster, whose digest
is the pin. 5. the shipped policies and the starting values of fusion, as the authority's records; with them the first
tick. 6. pin and version are written: only now it is a home.

What is interrupted goes on where it was: each step looks first at what is there.
"""

from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

from bus.clock import now_ms
from bus.config import Settings, describe
from bus.errors import Refusal
from bus.home import Home
from bus.labels import Policy
from bus.log.protocol import Log, NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import agency_topics, bus_topics, topic
from bus.names import AUTHORITY, BUS, ROOT
from bus.operate.desk import DESK, Desk
from bus.operate.faults import DeskError
from bus.operate.keys import kept_or_new
from bus.operate.records import Place, roster_record
from bus.operate.rosters import first_roster
from bus.stages.control import CONTROL
from bus.trust import frame
from schemas.codec import decode_own
from schemas.models import PolicyDocument
from schemas.parameters import starting_values


def found(path: Path, *, settings: Settings | None = None, clock_ms: Callable[[], int] = now_ms) -> Home:
    """Make a home at a path that holds none, or finish one whose making was interrupted."""
    home = Home.create(path, describe())
    log = SqliteLog(home.log, clock_ms)
    try:
        log.create([*bus_topics(), *agency_topics(AUTHORITY)])
        pin = _first_pin(home, log, clock_ms())
        _publish_rules(Desk(home, log, pin=pin, settings=settings, clock_ms=clock_ms))
    finally:
        log.close()
    home.seal(pin)
    return home


def shipped_policies() -> Iterator[tuple[Policy, str]]:
    """The policies that every new home begins with, each with its text."""
    folder = files("schemas") / "policies"
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        text = file.read_text("utf-8")
        policy = Policy.from_toml(text)
        if isinstance(policy, Refusal):
            raise DeskError(f"the shipped policy {file.name} is damaged: {policy}", "Install Tocsin again.")
        yield policy, text


def _first_pin(home: Home, log: Log, now: int) -> bytes:
    """Steps 2 and 4; a first roster that stands in the log already is the first roster."""
    reader = log.take(DESK, ())
    try:
        keys = [kept_or_new(home, holder) for holder in (ROOT, AUTHORITY, BUS)]
        there = _first_submitted(log)
        if there is not None:
            return there.digest
        root, authority, bus = (key.public for key in keys)
        envelope = roster_record(first_roster(root, authority, bus, now), Place(now, 1), keys[:1])
        submissions = topic("submissions", AUTHORITY)
        log.append(submissions, [NewRecord(submissions, CONTROL.encode(), envelope.encode())])
        return envelope.digest
    finally:
        reader.release()


def _first_submitted(log: Log) -> frame.Envelope | None:
    """The first roster, if the log holds it."""
    accepted = next((record.value for record in log.read(CONTROL) if record.value), None)
    if accepted is not None:
        data = decode_own("accepted", accepted)["envelope"]
    else:
        data = next((record.value for record in log.read(topic("submissions", AUTHORITY))), b"")
    envelope = frame.parse(data)
    return None if isinstance(envelope, Refusal) else envelope


def _publish_rules(desk: Desk) -> None:
    """Step 5, what of it is not in force yet."""
    desk.settle()
    for policy, text in shipped_policies():
        if policy.id not in desk.control.policies:
            _check(desk.publish_policy(PolicyDocument(policy=policy.id, version=1, toml=text)))
    if not desk.control.parameters_published:
        _check(desk.publish_parameters(starting_values()))


def _check(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise DeskError(
            f"a first record of the authority was refused: {refusal}",
            "Begin anew with `tocsin init` in an empty folder.",
        )
