"""Attacks on the bus, through the topic that everyone writes to: each is refused with a reason, and stops nothing.

Whoever attacks can append any bytes to an agency's submissions; some of them also hold a key. What an attack expects is
written nowhere: the demo shows what ingest says.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Final, NamedTuple, TypeAlias

from bus.errors import Refusal, TocsinError
from bus.trust import frame
from bus.trust.keys import SigningKey
from bus.units import DAY_MS
from schemas.codec import decode, encode, parse_payload_type, payload_type, resolve
from schemas.registry import Schema, newest, sha256_fingerprint

YEAR_MS: Final = 365 * DAY_MS
_LARGE: Final = 1_000_000
_NESTED: Final = b"\x02" * 5_000
"""A list that holds a list that holds …: it ends the process of a decoder that follows it."""
_RECURSIVE: Final = {
    "type": "record",
    "name": "tocsin.event",
    "fields": [{"name": "next", "type": ["null", "tocsin.event"]}],
}

Message: TypeAlias = dict[str, Any]


class Attack(NamedTuple):
    """Bytes in an agency's submissions, and what they try."""

    title: str
    agency: str
    data: bytes


class Target(NamedTuple):
    """What is attacked: an agency with a floor, one of its accepted records; `key` is its own, stolen or misused.

    `outsider` is another agency's key. `public` is a label below the target's floor.
    """

    agency: str
    record: frame.Envelope
    key: SigningKey
    outsider: SigningKey
    public: str


def attacks(target: Target) -> Iterator[Attack]:
    """Every attack on this target, none like another."""
    for title, make in _ATTACKS.items():
        yield Attack(title, target.agency, make(target))


def _changed(target: Target, change: Callable[[Message], None], key: SigningKey | None = None) -> bytes:
    """The target's record with a change, signed by its own key or by this one."""
    message = _message(target.record)
    change(message)
    feed = message["header"]["feed"]
    return frame.sign(payload_type("event", feed), encode(newest("event"), message), key or target.key).encode()


def _forged(target: Target) -> bytes:
    """Another payload under the signature of the true one."""
    message = _message(target.record)
    message["body"]["counts"] = []
    changed = encode(newest("event"), message)
    return frame.Envelope(target.record.payload_type, changed, target.record.signatures).encode()


def _stranger(target: Target) -> bytes:
    return _changed(target, _new_id, SigningKey.generate())


def _outsider(target: Target) -> bytes:
    return _changed(target, _new_id, target.outsider)


def _trailing(target: Target) -> bytes:
    return _signed(target, target.record.payload + b"\0")


def _negative_enum(target: Target) -> bytes:
    """-1 where the status stands: fastavro reads it as the last symbol."""
    message = _message(target.record)
    spelled = [encode(newest("event"), _with_status(message, status)) for status in ("TEST", "ACTUAL")]
    at = next(place for place, (one, other) in enumerate(zip(*spelled, strict=True)) if one != other)
    return _signed(target, spelled[0][:at] + b"\x01" + spelled[0][at + 1 :])


def _recursive(target: Target) -> bytes:
    """A schema of the attacker's own, and a payload that never ends under it."""
    schema = newest("event")
    named = payload_type("event", _message(target.record)["header"]["feed"])
    own = named.replace(schema.fingerprint_hex, sha256_fingerprint(_RECURSIVE))
    return frame.sign(own, schema.prefix + _NESTED, target.key).encode()


def _other_feed(target: Target) -> bytes:
    return _changed(target, lambda message: message["header"].update(id="attack:feed", feed="no-such-feed"))


def _below_floor(target: Target) -> bytes:
    return _changed(target, lambda message: message["header"].update(id="attack:floor", label=target.public))


def _large(target: Target) -> bytes:
    return target.record.encode() + bytes(_LARGE)


def _future(target: Target) -> bytes:
    def change(message: Message) -> None:
        message["header"].update(id="attack:future", created_at=message["header"]["created_at"] + YEAR_MS)

    return _changed(target, change)


def _other_body(target: Target) -> bytes:
    return _changed(target, lambda message: message["body"].update(counts=[]))


def _exercise(target: Target) -> bytes:
    return _changed(
        target, lambda message: message["header"].update(id="attack:realm", status="EXERCISE", exercise="VIGIL")
    )


def _no_consent(target: Target) -> bytes:
    def change(message: Message) -> None:
        _new_id(message)
        message["body"]["source"]["consent"] = "REFUSED"

    return _changed(target, change)


def _authority(target: Target) -> bytes:
    """A roster that would make the attacker the authority."""
    named = payload_type("roster", "control")
    return frame.sign(named, newest("roster").prefix, target.key).encode()


def _no_frame(target: Target) -> bytes:  # noqa: ARG001 - as its siblings
    return b'{"event": "violence.killing", "trust": "me"}'


def _new_id(message: Message) -> None:
    message["header"]["id"] = "attack:new"


def _with_status(message: Message, status: str) -> Message:
    return {**message, "header": {**message["header"], "status": status}}


def _signed(target: Target, payload: bytes) -> bytes:
    return frame.sign(target.record.payload_type, payload, target.key).encode()


def _message(envelope: frame.Envelope) -> Message:
    """The record's content, to be changed at will."""
    named = parse_payload_type(envelope.payload_type)
    schema: Schema | Refusal = named if isinstance(named, Refusal) else resolve(named)
    value = schema if isinstance(schema, Refusal) else decode(schema, envelope.payload)
    if isinstance(value, Refusal):
        raise TocsinError(f"the demo's own record can't be read: {value}", "Install Tocsin again.")
    return deepcopy(value)


_ATTACKS: Final[Mapping[str, Callable[[Target], bytes]]] = {
    "figures changed on the way": _forged,
    "a key that nobody knows": _stranger,
    "another agency's key": _outsider,
    "a new roster, self-made": _authority,
    "Avro with bytes after its end": _trailing,
    "Avro enum of -1": _negative_enum,
    "recursive schema of one's own": _recursive,
    "a feed that it does not have": _other_feed,
    "a label below the feed's floor": _below_floor,
    "a megabyte": _large,
    "signed next year": _future,
    "another body under an old id": _other_body,
    "exercise under a real label": _exercise,
    "a source that refused consent": _no_consent,
    "no frame at all": _no_frame,
}
