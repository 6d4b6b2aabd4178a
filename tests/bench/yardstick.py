"""What no bus can avoid, measured in the same run: the primitives, on the very bytes of the path.

Each takes what the path has just worked on, and returns the time that the bare primitive needs for it.
"""

from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from bus.clock import now_ms
from bus.log.protocol import NewRecord
from bus.log.sqlite import SqliteLog
from bus.log.topics import agency_topics, bus_topics
from bus.trust.frame import Envelope
from schemas.registry import PREFIX_BYTES, newest
from tests.bench.load import AGENCIES, Submitted
from tests.bench.spent import Spent, now


class Yardstick:
    """The primitives, ready: keys loaded, schema parsed, a log of its own on the same disk."""

    def __init__(self, folder: Path, keys: dict[str, bytes]) -> None:
        """Use these public keys, and a scratch log in `folder`."""
        self._public = {name: Ed25519PublicKey.from_public_bytes(raw) for name, raw in keys.items()}
        self._private = Ed25519PrivateKey.generate()
        self._schema: Any = parse_schema(newest("event").source)
        self._log = SqliteLog(folder / "yardstick.db", now_ms)
        self._log.create([*bus_topics(), *(spec for name in ("authority", *AGENCIES) for spec in agency_topics(name))])
        self._reader = self._log.take("yardstick", ())

    def verify(self, made: Sequence[Submitted]) -> Spent:
        """One Ed25519 verification of each."""
        work = [
            (self._public[one.agency], one.envelope.signatures[0].value, one.envelope.signed)
            for one in map(_reread, made)
        ]
        started = now()
        for public, signature, message in work:
            public.verify(signature, message)
        return Spent.since(started)

    def decode(self, made: Sequence[Submitted]) -> Spent:
        """One Avro read and re-encode of each, by fastavro's compiled code."""
        payloads = [one.envelope.payload[PREFIX_BYTES:] for one in made]
        started = now()
        for payload in payloads:
            value = schemaless_reader(BytesIO(payload), self._schema, None)
            schemaless_writer(BytesIO(), self._schema, value)
        return Spent.since(started)

    def digest(self, made: Sequence[Submitted]) -> Spent:
        """One SHA-256 of what is signed."""
        work = [one.envelope.signed for one in made]
        started = now()
        for message in work:
            sha256(message).digest()
        return Spent.since(started)

    def sign(self, messages: Sequence[bytes]) -> Spent:
        """One Ed25519 signature of each."""
        started = now()
        for message in messages:
            self._private.sign(message)
        return Spent.since(started)

    def commit(self, records: Sequence[NewRecord]) -> Spent:
        """One durable transaction of these records."""
        started = now()
        self._reader.commit(records)
        return Spent.since(started)

    def close(self) -> None:
        """Let go of the scratch log."""
        self._reader.release()
        self._log.close()


def _reread(one: Submitted) -> Submitted:
    """Without what the envelope has worked out already."""
    old = one.envelope
    return one._replace(envelope=Envelope(old.payload_type, old.payload, old.signatures))
