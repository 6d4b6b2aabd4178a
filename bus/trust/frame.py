"""The frame: what is parsed before anything is verified, and therefore as little as can be.

Version 1, whole numbers big-endian:

     offset  bytes
          0      6  magic "TOCSIN"
          6      1  version 1: Ed25519 over the DSSE pre-authentication encoding; another algorithm is another version
          7      1  n, the number of signatures, 1 to 64; whose type allows more than one, the checks decide
          8      2  t, the length of the payload type
         10      4  p, the length of the payload
         14      t  payload type: printable ASCII
     14 + t      p  payload
 14 + t + p   80 n  n times key id (16) and signature (64), key ids strictly ascending

Nothing follows. So each envelope has exactly one byte form, and a form means one envelope.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from struct import Struct
from typing import Final, NamedTuple

from bus.errors import Reason, Refusal, refuse
from bus.trust.dsse import pae
from bus.trust.keys import KEY_ID_BYTES, SIGNATURE_BYTES, SigningKey

MAX_ENVELOPE_BYTES: Final = 262_144
"""256 KiB (events.md): an author's envelope that is larger is refused unread."""
MAX_SIGNATURES: Final = 64
"""A roster may be signed by all roots of the old and the new roster, 32 each."""

_MAGIC: Final = b"TOCSIN"
_VERSION: Final = 1
_HEAD: Final = Struct(">6sBBHI")
_SIGNATURE: Final = Struct(f"{KEY_ID_BYTES}s{SIGNATURE_BYTES}s")


class Signature(NamedTuple):
    """Whose signature, by the id of the key, and its 64 bytes."""

    key_id: str
    value: bytes


@dataclass(frozen=True)
class Envelope:
    """A payload, what it is, and who signed both. Nothing of it is verified yet."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @cached_property
    def signed(self) -> bytes:
        """The bytes that every signature is over."""
        return pae(self.payload_type, self.payload)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of what is signed: a payload that is signed anew is the same event."""
        return hashlib.sha256(self.signed).digest()

    def encode(self) -> bytes:
        """The one byte form."""
        named = self.payload_type.encode("ascii")
        head = _HEAD.pack(_MAGIC, _VERSION, len(self.signatures), len(named), len(self.payload))
        signatures = [_SIGNATURE.pack(bytes.fromhex(one.key_id), one.value) for one in self.signatures]
        return b"".join([head, named, self.payload, *signatures])


class _Parts(NamedTuple):
    """Where the parts of a frame lie."""

    payload: int
    signatures: int
    number: int


def parse(data: bytes, most_bytes: int = MAX_ENVELOPE_BYTES) -> Envelope | Refusal:
    """The envelope of these bytes, or why they are none; any bytes have an answer."""
    if len(data) > most_bytes:
        return refuse(Reason.TOO_LARGE, "envelope", f"at most {most_bytes} bytes")
    parts = _measure(data)
    if isinstance(parts, Refusal):
        return parts
    named = data[_HEAD.size : parts.payload].decode("ascii", "replace")
    if not (named.isascii() and named.isprintable()):
        return _bad("payload type", "printable ASCII")
    rows = _SIGNATURE.iter_unpack(data[parts.signatures :])
    signatures = tuple([Signature(key_id.hex(), value) for key_id, value in rows])
    if parts.number > 1 and not all(one.key_id < after.key_id for one, after in pairwise(signatures)):
        return _bad("signatures", "key ids in ascending order, none twice")
    return Envelope(named, data[parts.payload : parts.signatures], signatures)


def _measure(data: bytes) -> _Parts | Refusal:
    """The parts that the head announces; the length must be theirs."""
    if len(data) < _HEAD.size:
        return _bad("length", f"at least the {_HEAD.size} bytes of a frame's head")
    magic, version, count, type_bytes, payload_bytes = _HEAD.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        return _bad("magic", f"a frame of version {_VERSION}")
    if not 1 <= count <= MAX_SIGNATURES:
        return _bad("signatures", f"between 1 and {MAX_SIGNATURES} signatures")
    payload = _HEAD.size + type_bytes
    signatures = payload + payload_bytes
    if len(data) != signatures + count * _SIGNATURE.size:
        return _bad("length", "the length that the head says, and no further bytes")
    return _Parts(payload, signatures, count)


def sign(payload_type: str, payload: bytes, key: SigningKey, *others: SigningKey) -> Envelope:
    """Sign a payload as what it is; the order of the keys makes no difference."""
    message = pae(payload_type, payload)
    signatures = {Signature(one.public.key_id, one.sign(message)) for one in (key, *others)}
    return Envelope(payload_type, payload, tuple(sorted(signatures)))


def _bad(place: str, expected: str) -> Refusal:
    return refuse(Reason.BAD_FRAME, f"frame.{place}", expected)
