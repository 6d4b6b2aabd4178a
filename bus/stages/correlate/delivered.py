"""`delivered.<agency>`: what each reader has, as records, and read again.

One record per thing and reader, written whenever what the reader has of it changed; readers who have the same share
the encoding.
"""

from collections.abc import Iterator, Mapping
from sys import intern
from typing import Any, Final, NamedTuple

from bus.fusion.masks import bits
from bus.log.protocol import NewRecord
from bus.log.topics import topic
from bus.stages.correlate.entry import Bond, Entry, Key, Ref, Revision, Tally, Target
from bus.stages.correlate.groups import Groups, covered, split
from bus.stages.correlate.shelf import Variant
from bus.stages.correlate.state import State
from schemas.codec import encode, encode_fields
from schemas.models.delivered import Standing
from schemas.registry import Schema, newest
from schemas.writer import varint

HEAD: Final = b"head"

Part = tuple[int, Standing, int | None, Mapping[str, Any] | None]
"""Readers, whether it is open to them, since when not, and what they have."""


class Head(NamedTuple):
    """A reader's last delivery: its number and chain, and the position in `events` of the record that made it."""

    sequence: int
    chain: bytes
    position: int


def key_of(thing: Key) -> bytes:
    """The key of a thing: `event/agency/feed/id`, `alert/<id>`; no part of a name holds a slash."""
    return "/".join((thing[0], *thing[1])).encode()


def thing_of(key: bytes) -> tuple[str, ...]:
    """The parts of a key: kind, and reference or id."""
    return tuple(key.decode().split("/"))


def head_record(reader: str, head: Head) -> NewRecord:
    """The head of a reader's outbox."""
    return NewRecord(topic("delivered", reader), HEAD, encode(newest("heldhead"), head._asdict()))


def changed_records(state: State) -> Iterator[NewRecord]:
    """What changed for whom since this was last asked for, as it is now."""
    changed, state.changed = state.changed, {}
    for thing, mask in changed.items():
        if thing[0] == "alert":
            alert_id = thing[1][0]
            tally = state.tallies.get(alert_id, Tally())
            parts = _alert_parts(state, alert_id, tally, mask)
            yield from _records(state, thing, newest("heldalert"), tally.counts, mask, parts, {})
        else:
            entry = state.store.get(thing[0], (thing[1][0], thing[1][1], thing[1][2]))
            counts = entry.tally.counts if entry is not None else ()
            parts = _record_parts(entry, mask) if entry is not None else []
            label = {"label": entry.label.text} if entry is not None else {}
            yield from _records(state, thing, newest("heldrecord"), counts, mask, parts, label)


def _records(  # noqa: PLR0913, PLR0917 - what a record is made of
    state: State, thing: Key, schema: Schema, counts: Groups, mask: int, parts: list[Part], extra: dict[str, str]
) -> Iterator[NewRecord]:
    key, readers = key_of(thing), state.rights.readers
    for bit in bits(mask & ~covered(counts)):
        yield NewRecord(topic("delivered", readers[bit]), key, b"")
    for who, standing, since, shown in parts:
        if not who:
            continue
        shared = encode_fields(schema, {"standing": standing, "since": since, **extra, "shown": shown})
        for count, whom in split(counts, who, 0):
            value = schema.prefix + varint(count) + shared
            for bit in bits(whom):
                yield NewRecord(topic("delivered", readers[bit]), key, value)


def _record_parts(entry: Entry, mask: int) -> list[Part]:
    mask &= covered(entry.tally.counts)
    shown = None if entry.shown is None else held_revision(entry.shown)
    parts: list[Part] = [(mask & entry.has & ~entry.closed, Standing.OPEN, None, shown)]
    for since, who in entry.tally.since:
        parts.append((mask & who & entry.has & entry.closed, Standing.CLOSED, since, shown))
        parts.append((mask & who & ~entry.has, Standing.GONE, since, None))
    return parts


def _alert_parts(state: State, alert_id: str, tally: Tally, mask: int) -> list[Part]:
    mask &= covered(tally.counts)
    parts: list[Part] = []
    rest = mask
    for variant in state.open.of_id(alert_id):
        parts.append((mask & variant.mask, Standing.OPEN, None, _held_variant(variant)))
        rest &= ~variant.mask
    for variant in state.closed.of_id(alert_id):
        shown = _held_variant(variant)
        parts += [(mask & variant.mask & who, Standing.CLOSED, since, shown) for since, who in tally.since]
        rest &= ~variant.mask
    return parts + [(rest & who, Standing.GONE, since, None) for since, who in tally.since]


def _held_variant(variant: Variant) -> dict[str, Any]:
    return {
        "variant": variant.variant,
        "label": variant.label.text,
        "members": [{"ref": "/".join(member.ref), "position": member.revision.position} for member in variant.members],
        "ties": [{"ref": tie.ref, "labels": [label.text for label in tie.labels]} for tie in variant.ties],
        "level": variant.level,
        "probability": variant.probability,
        "seal": variant.seal,
    }


def held_revision(revision: Revision) -> dict[str, Any]:
    """A revision as the schema spells it."""
    bond = revision.bond
    return {
        "number": revision.number,
        "position": revision.position,
        "digest": revision.digest,
        "accepted_at": revision.accepted_at,
        "first_at": revision.first_at,
        "key_id": revision.key_id,
        "curated": revision.curated,
        "leaves_at": revision.leaves_at,
        "replaces": ["/".join(ref) for ref in revision.replaces],
        "targets": [
            {"kind": target.kind, "ref": "/".join(target.ref), "up_to_revision": target.up_to_revision}
            for target in revision.targets
        ],
        "relation": None if bond is None else bond.relation,
        "refs": [] if bond is None else ["/".join(ref) for ref in bond.refs],
    }


def read_revision(held: Mapping[str, Any]) -> Revision:
    """A revision from its spelling."""
    bond = Bond(held["relation"], tuple(read_ref(ref) for ref in held["refs"])) if held["relation"] else None
    return Revision(
        number=held["number"],
        position=held["position"],
        digest=held["digest"],
        accepted_at=held["accepted_at"],
        first_at=held["first_at"],
        key_id=intern(held["key_id"]),
        curated=held["curated"],
        leaves_at=held["leaves_at"],
        replaces=tuple(read_ref(ref) for ref in held["replaces"]),
        targets=tuple(Target(t["kind"], read_ref(t["ref"]), t["up_to_revision"]) for t in held["targets"]),
        bond=bond,
    )


def read_ref(text: str) -> Ref:
    """An event reference from `agency/feed/id`."""
    agency, feed, name = text.split("/")
    return intern(agency), intern(feed), name
