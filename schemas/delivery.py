"""Encode a delivery piece by piece: an Avro record is the concatenation of its fields.

`sequence` and `revision` stand first and `chain` last, and only these differ between readers who get the same: what
stands between is encoded once for all of them. The hash chain covers a delivery without its chain (pictures.md, 4).
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from hashlib import sha256
from typing import Final

from schemas.codec import encode_fields
from schemas.models import Change, DeliveredKind, DeliveryReason
from schemas.registry import Schema, newest
from schemas.writer import varint

KIND: Final = "delivery"
CHAIN_BYTES: Final = 32
_CHAIN_TAG: Final = b"tocsin-chain-v1\0"
_CHAIN_LENGTH: Final = b"\x40"
"""32 as an Avro long."""


def encode_middle(  # noqa: PLR0913  one argument per field, as the record has them
    *,
    change: Change | str,
    reason: DeliveryReason | str | None,
    kind: DeliveredKind | str,
    ref: str,
    what_changed: Sequence[str] = (),
    replaces: str | None = None,
    superseded_by: str | None = None,
    body: bytes | None = None,
) -> bytes:
    """Encode what is the same for all readers of a delivery."""
    values = {
        "change": change,
        "reason": reason,
        "kind": kind,
        "ref": ref,
        "what_changed": what_changed,
        "replaces": replaces,
        "superseded_by": superseded_by,
        "body": body,
    }
    return encode_fields(_schema(), values)


@lru_cache(maxsize=1)
def without_chain(sequence: int, revision: int, middle: bytes) -> bytes:
    """Return the delivery as its chain hashes it: all but the chain itself.

    The last one is kept, and its digest: readers who began together have the same numbers.
    """
    return b"".join((_schema().prefix, varint(sequence), varint(revision), middle))


def first_chain(reader: str, pin: bytes) -> bytes:
    """Return what a reader's first delivery is chained to: the reader, and the digest of the first roster."""
    return sha256(_CHAIN_TAG + reader.encode() + b"\0" + pin).digest()


def next_chain(previous: bytes, unchained: bytes) -> bytes:
    """Return chain_n = SHA-256(chain_{n-1} ‖ SHA-256(the delivery without chain))."""
    return sha256(previous + _digest(unchained)).digest()


def encode_delivery(sequence: int, revision: int, middle: bytes, chain: bytes) -> bytes:
    """Encode a whole delivery from its pieces: the same bytes as the plain codec's."""
    return with_chain(without_chain(sequence, revision, middle), chain)


def with_chain(unchained: bytes, chain: bytes) -> bytes:
    """Append the chain to a delivery that has none yet."""
    return unchained + _CHAIN_LENGTH + chain


def strip_chain(data: bytes) -> bytes:
    """Return what the chain of an encoded delivery hashes."""
    return data[: -CHAIN_BYTES - len(_CHAIN_LENGTH)]


@lru_cache(maxsize=1)
def _digest(unchained: bytes) -> bytes:
    return sha256(unchained).digest()


@cache
def _schema() -> Schema:
    return newest(KIND)
