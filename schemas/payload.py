"""The signed payload type: kind, version, full fingerprint of the schema, and feed.

`application/vnd.tocsin.<kind>.v<version>+avro; schema=<64 hex>; feed=<feed>`: so a payload can't pass as another
feed's or be read under another schema. The prefix of the payload alone would not do: anyone can make two schemas of
one CRC-64.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from bus.errors import Reason, Refusal, refuse
from bus.names import NAME
from schemas.registry import Schema, by_fingerprint, newest

MAX_TYPE_CHARACTERS: Final = 256
"""Above the longest that can be built; longer ones are refused unread, so that none is remembered."""

_FORM: Final = re.compile(
    r"application/vnd\.tocsin\.(?P<kind>[a-z]{1,32})\.v(?P<version>[1-9][0-9]{0,5})\+avro"
    rf"; schema=(?P<fingerprint>[0-9a-f]{{64}}); feed=(?P<feed>{NAME})"
)


class PayloadType(NamedTuple):
    """What a payload says it is."""

    kind: str
    version: int
    fingerprint: str
    feed: str


@lru_cache(maxsize=4096)
def payload_type(kind: str, feed: str) -> str:
    """Spell the payload type of the newest schema of a kind."""
    schema = newest(kind)
    return f"application/vnd.tocsin.{kind}.v{schema.version}+avro; schema={schema.fingerprint_hex}; feed={feed}"


def parse_payload_type(text: str) -> PayloadType | Refusal:
    """Read a payload type in its one spelling."""
    if len(text) > MAX_TYPE_CHARACTERS:
        return _unknown_type()
    return _parse(text)


def resolve(payload: PayloadType) -> Schema | Refusal:
    """Return the released schema that a payload type names: fingerprint, kind and version must agree."""
    schema = by_fingerprint(payload.fingerprint)
    if schema is None or (schema.kind, schema.version) != (payload.kind, payload.version):
        return refuse(Reason.UNKNOWN_SCHEMA, "payload type", "a released schema of this kind and version")
    return schema


@lru_cache(maxsize=4096)
def _parse(text: str) -> PayloadType | Refusal:
    found = _FORM.fullmatch(text)
    if found is None:
        return _unknown_type()
    return PayloadType(found["kind"], int(found["version"]), found["fingerprint"], found["feed"])


def _unknown_type() -> Refusal:
    form = "application/vnd.tocsin.<kind>.v<version>+avro; schema=<64 hex>; feed=<feed>"
    return refuse(Reason.UNKNOWN_TYPE, "payload type", form)
