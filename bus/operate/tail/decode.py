"""What one record of a topic is, as named fields: of a header, never of a body, unless content is asked for.

What nobody has verified (submissions, refused bytes) is not decoded: only the frame is read. A record that can't be
read is told as such, and the next one follows.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from bus.errors import Refusal, TocsinError
from bus.log.protocol import Record
from bus.stages.following import read_message
from bus.trust import frame
from schemas.codec import decode_trusted, parse_payload_type
from schemas.registry import of_bytes

Fields: TypeAlias = dict[str, Any]
_HEADER: Final = ("agency", "feed", "id", "revision", "sequence", "created_at", "status", "exercise", "label")


def described(record: Record, *, content: bool = False) -> Fields:
    """Topic, offset, append time, and what its kind of topic tells; absent values are left out."""
    kind, _, agency = record.topic.partition(".")
    fields: Fields = {"topic": record.topic, "offset": record.offset, "at": record.append_time_ms}
    if agency:
        fields["agency"] = agency
    try:
        fields |= _OF_TOPIC[kind](record, content) if kind in _OF_TOPIC else {}
    except TocsinError as fault:
        fields["unreadable"] = str(fault)
    return {name: value for name, value in fields.items() if value is not None}


def _submission(record: Record, _content: bool) -> Fields:  # noqa: FBT001 - one of a table
    return _framed(record.value)


def _rejected(record: Record, _content: bool) -> Fields:  # noqa: FBT001
    said = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    return {name: said.get(name) for name in ("reason", "place", "expected")} | _framed(record.value)


def _accepted(record: Record, content: bool) -> Fields:  # noqa: FBT001
    own = _own(record)
    if "minute" in own:
        return {"kind": "tick", "minute": own["minute"]}
    fields = {name: own[name] for name in ("accepted_at", "first_at", "control_version")}
    return {**fields, **_message(own["envelope"], content=content)}


def _receipt(record: Record, _content: bool) -> Fields:  # noqa: FBT001
    own = _own(record)
    return {**own, "covers": own["covers"] or None}


def _delivery(record: Record, content: bool) -> Fields:  # noqa: FBT001
    own = _own(record)
    body = own.pop("body")
    own["what_changed"] = own["what_changed"] or None
    fields = {**own, "chain": own["chain"].hex(), "size_bytes": None if body is None else len(body)}
    if own["kind"] != "alert":
        fields["agency"], fields["feed"], fields["id"] = own["ref"].split("/", 2)
    if content and body is not None:
        fields["content"] = _message(body, content=True).get("content")
    return fields


def _delivered(record: Record, _content: bool) -> Fields:  # noqa: FBT001
    key = record.key.decode("utf-8", "replace")
    if not record.value:
        return {"key": key, "tombstone": True}
    own = _own(record)
    return {"key": key} | {name: own.get(name) for name in ("revision", "standing", "since", "label", "sequence")}


def _audit(record: Record, _content: bool) -> Fields:  # noqa: FBT001
    return _own(record)


_OF_TOPIC: Final[Mapping[str, Callable[[Record, bool], Fields]]] = MappingProxyType(
    {
        "submissions": _submission,
        "rejected": _rejected,
        "events": _accepted,
        "control": _accepted,
        "receipts": _receipt,
        "outbox": _delivery,
        "delivered": _delivered,
        "audit": _audit,
    }
)


def _own(record: Record) -> Fields:
    """What the bus wrote itself."""
    schema = of_bytes(record.value)
    if isinstance(schema, Refusal):
        raise TocsinError(f"no record of a schema that this version knows, at offset {record.offset}")
    return decode_trusted(schema, record.value)


def _framed(data: bytes) -> Fields:
    """What a frame says of itself; nobody vouches for it."""
    fields: Fields = {"size_bytes": len(data), "sha256": sha256(data).hexdigest()}
    envelope = frame.parse(data)
    if isinstance(envelope, Refusal):
        return fields | {"unreadable": envelope.reason.value}
    named = parse_payload_type(envelope.payload_type)
    if not isinstance(named, Refusal):
        fields |= {"kind": named.kind, "feed": named.feed}
    return fields | {"key_ids": [one.key_id for one in envelope.signatures]}


def _message(data: bytes, *, content: bool) -> Fields:
    """A signed record that was verified before it came here."""
    envelope = frame.parse(data)
    message = envelope if isinstance(envelope, Refusal) else read_message(envelope)
    if isinstance(envelope, Refusal) or isinstance(message, Refusal):
        return {"size_bytes": len(data), "unreadable": "no message of a schema that this version knows"}
    named = parse_payload_type(envelope.payload_type)
    header = message.header.model_dump()
    fields: Fields = {"kind": None if isinstance(named, Refusal) else named.kind}
    fields |= {name: header[name] for name in _HEADER}
    fields |= {"key_ids": [one.key_id for one in envelope.signatures], "size_bytes": len(data)}
    return fields | ({"content": message.body.model_dump()} if content else {})
