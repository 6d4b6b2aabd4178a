"""The oracle: it knows what was acknowledged, what stands in the log, and what readers got, and nothing of the bus.

In numbered checks:

1. whatever was acknowledged has a receipt.
2. each submission has one receipt, in their order; what was refused stands once in `rejected`.
3. whatever was accepted stands once in `events`, and nothing else does; its author's signature holds.
4. each outbox counts without a gap, its chain is whole, and each author's record in it is one that was accepted.
5. each reader got just what stands in its outbox, each delivery under one number, and holds what that gives.
6. each outbox is, byte by byte, what `events` alone says: computed anew, by another program or in another place.

Everything is read as a stream; of what must be remembered it keeps eight bytes each.
"""

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import zip_longest
from typing import Any, Final, NamedTuple, Protocol

from bus.client.subscriber import SLICE_RECORDS
from bus.clock import now_ms
from bus.home import load_keys
from bus.log.protocol import Log
from bus.log.sqlite import SqliteLog
from bus.log.topics import topic
from bus.names import AUTHORITY
from bus.stages.receipts import read_receipts
from bus.trust import frame
from bus.trust.keys import PublicKey, SigningKey, verify
from schemas.codec import decode_trusted
from schemas.models import Verdict
from schemas.registry import newest
from tests.chaos.book import read_book
from tests.chaos.processes import NEW_LIFE, TROUBLE
from tests.chaos.scene import Scene

_CHAIN_BYTES: Final = 33
"""A delivery's last field: 32 bytes, and their length."""
_MOST: Final = 5
"""Findings of one kind that are told; more are counted."""


class Finding(NamedTuple):
    """Something that the bus promised and did not keep; `check` is the number above."""

    check: int
    what: str

    def __str__(self) -> str:
        return f"{self.check}: {self.what}"


class Counts(NamedTuple):
    """What was looked at."""

    acknowledged: int
    accepted: int
    refused: int
    repeated: int
    deliveries: int


class Judgement(NamedTuple):
    """What was found, and in how much."""

    findings: list[Finding]
    counts: Counts


class Fold(Protocol):
    """What `events` says that each reader is to be delivered, in the order of each reader."""

    def __call__(self, log: Log, pin: bytes, bus_key: SigningKey) -> Iterator[tuple[str, bytes]]:
        """Reader and delivery, one after the other."""
        ...


def judge(scene: Scene, fold: Fold) -> Judgement:
    """Look at everything that a scene has left behind, when nothing runs any more."""
    with closing(SqliteLog(scene.home.log, now_ms)) as log:
        return _Judge(scene, log).run(fold)


def short(digest: bytes) -> int:
    """Eight bytes of a digest."""
    return int.from_bytes(digest[:8], "big")


class _Judge:
    def __init__(self, scene: Scene, log: SqliteLog) -> None:
        self._scene = scene
        self._log = log
        self._findings: list[Finding] = []
        self._told: Counter[tuple[int, str]] = Counter()
        self._counted: Counter[str] = Counter()
        self._accepted: set[int] = set()
        """Digests of what was accepted and belongs into `events`."""
        self._envelopes: set[int] = set()
        """Digests of the envelopes in `events`, whole."""

    def run(self, fold: Fold) -> Judgement:
        """The checks, in their order."""
        for agency in (AUTHORITY, *self._scene.agencies):
            judged = self._receipts(agency)
            self._acknowledged(agency, judged)
        self._events()
        for agency in self._scene.agencies:
            self._outbox(agency)
        self._fold(fold)
        names = Counts._fields
        return Judgement(self._findings, Counts(*(self._counted[name] for name in names)))

    def _find(self, check: int, kind: str, what: str) -> None:
        self._told[check, kind] += 1
        if self._told[check, kind] <= _MOST:
            self._findings.append(Finding(check, f"{kind}: {what}"))

    # 1. and 2.

    def _acknowledged(self, agency: str, judged: set[int]) -> None:
        for line in read_book(self._scene.acknowledged(agency)):
            for kind, feed, record_id, revision, digest in json.loads(line):
                self._counted["acknowledged"] += 1
                key = _named(kind, feed, record_id, revision) if digest is None else short(bytes.fromhex(digest))
                if key not in judged:
                    self._find(1, "lost", f"{agency}: {kind} {feed}/{record_id} revision {revision}")

    def _receipts(self, agency: str) -> set[int]:
        """What receipts there are, by digest and by identity."""
        judged: set[int] = set()
        refused: list[int] = []
        offset = -1
        state = next(one for one in self._log.describe().topics if one.name == topic("submissions", agency))
        submitted = self._log.read(state.name)
        for offset, receipt in read_receipts(self._log, agency):
            digest = bytes.fromhex(receipt["digest"])
            if offset >= state.start:
                submission = next(submitted, None)
                if submission is None or _digest(submission.value) != digest:
                    self._find(2, "receipt", f"{agency}: receipt {offset} is not of submission {offset}")
            if receipt["verdict"] == Verdict.REJECTED:
                refused.append(short(digest))
            else:
                self._take(receipt, digest, known=short(digest) in judged)
            judged.add(short(digest))
            if receipt["id"] is not None:
                judged.add(_named(receipt["kind"], receipt["feed"], receipt["id"], receipt["revision"]))
        if offset + 1 != state.end:
            self._find(2, "receipt", f"{agency}: {offset + 1} receipts of {state.end} submissions")
        self._refused(agency, refused)
        return judged

    def _take(self, receipt: dict[str, object], digest: bytes, *, known: bool) -> None:
        if known:
            self._counted["repeated"] += 1
            return
        self._counted["accepted"] += 1
        if receipt["kind"] != "heartbeat":
            self._accepted.add(short(digest))

    def _refused(self, agency: str, refused: list[int]) -> None:
        stand = [short(_digest(record.value)) for record in self._log.read(topic("rejected", agency))]
        self._counted["refused"] += len(refused)
        if stand != refused:
            self._find(2, "rejected", f"{agency}: {len(refused)} were refused, {len(stand)} stand in rejected")

    # 3.

    def _events(self) -> None:
        keys = self._keys()
        waiting = set(self._accepted)
        for record in self._log.read(topic("events")):
            schema = newest("accepted")
            if not record.value.startswith(schema.prefix):
                continue  # a tick
            data: bytes = decode_trusted(schema, record.value)["envelope"]
            envelope = frame.parse(data)
            if not isinstance(envelope, frame.Envelope):
                self._find(3, "foreign", f"what stands at {record.offset} of events is no envelope")
                continue
            digest = short(envelope.digest)
            if digest in waiting:
                waiting.discard(digest)
            else:
                kind = "doubled" if digest in self._accepted else "foreign"
                self._find(3, kind, f"{envelope.digest.hex()} at {record.offset} of events")
            self._envelopes.add(short(hashlib.sha256(data).digest()))
            signature = envelope.signatures[0]
            key = keys.get(signature.key_id)
            if key is None or not verify(key, signature.value, envelope.signed):
                self._find(3, "signature", f"of what stands at {record.offset} of events")
        for digest in sorted(waiting):
            self._find(3, "lost", f"{digest:016x} was accepted and does not stand in events")

    def _keys(self) -> dict[str, PublicKey]:
        names = (AUTHORITY, "root", *self._scene.agencies)
        keys = [key for name in names for key in load_keys(self._scene.home, name)]
        return {key.public.key_id: key.public for key in keys}

    # 4. and 5.

    def _outbox(self, agency: str) -> None:
        chain = hashlib.sha256(b"tocsin-chain-v1\0" + agency.encode() + b"\0" + self._scene.home.pin()).digest()
        chains = array("Q")
        holds: dict[tuple[str, str], str] = {}
        for number, record in enumerate(self._log.read(topic("outbox", agency)), 1):
            delivery = decode_trusted(newest("delivery"), record.value)
            if delivery["sequence"] != number:
                self._find(4, "sequence", f"{agency}: delivery {number} has the number {delivery['sequence']}")
            unchained = hashlib.sha256(record.value[:-_CHAIN_BYTES]).digest()
            if delivery["chain"] != hashlib.sha256(chain + unchained).digest():
                self._find(4, "chain", f"{agency}: delivery {number} does not continue the chain")
            chain = delivery["chain"]
            chains.append(short(chain))
            body = delivery["body"]
            is_authors = body is not None and delivery["kind"] != "alert"
            if is_authors and short(hashlib.sha256(body).digest()) not in self._envelopes:
                self._find(4, "foreign", f"{agency}: delivery {number} is no record that was accepted")
            _apply(holds, delivery)
        self._counted["deliveries"] += len(chains)
        self._received(agency, chains)
        in_order = (f"{kind} {ref} {held}" for (kind, ref), held in sorted(holds.items()))
        if any(one != other for one, other in zip_longest(read_book(self._scene.picture(agency)), in_order)):
            self._find(5, "picture", f"{agency} does not hold what its outbox gives")

    def _received(self, agency: str, chains: Sequence[int]) -> None:
        """Life after life in order; what a killed life had not made sure of, the next one got again."""
        most = last = 0
        is_new_life = True
        for line in read_book(self._scene.received(agency)):
            if line == NEW_LIFE:
                is_new_life = True
                continue
            if line.startswith(TROUBLE):
                self._find(5, "reader", f"{agency}: {line.removeprefix(TROUBLE)}")
                continue
            text, chain = line.split(" ")
            number = int(text)
            if number != last + 1 and not (is_new_life and most - SLICE_RECORDS < number <= most + 1):
                self._find(5, "reader", f"{agency} got delivery {number} after {last}")
            if number > len(chains) or chains[number - 1] != short(bytes.fromhex(chain)):
                self._find(5, "reader", f"{agency} got a delivery {number} that its outbox does not have")
            is_new_life, last, most = False, number, max(most, number)
        if most != len(chains):
            self._find(5, "reader", f"{agency} got {most} of {len(chains)} deliveries")

    # 6.

    def _fold(self, fold: Fold) -> None:
        home = self._scene.home
        [bus_key] = load_keys(home, "bus")
        outboxes = {agency: iter(self._log.read(topic("outbox", agency))) for agency in self._scene.agencies}
        differ: set[str] = set()
        number: Counter[str] = Counter()
        for reader, delivery in fold(self._log, home.pin(), bus_key):
            record = next(outboxes[reader], None)
            number[reader] += 1
            if reader not in differ and (record is None or record.value != delivery):
                differ.add(reader)
                self._find(6, "delivery", f"{reader}: delivery {number[reader]} is not what events says")
        for reader, outbox in outboxes.items():
            if reader not in differ and next(outbox, None) is not None:
                self._find(6, "delivery", f"{reader}: more was delivered than events says")


def _apply(holds: dict[tuple[str, str], str], delivery: dict[str, Any]) -> None:
    """Fold a delivery: of each thing its revision, whether it is closed, and the digest of its bytes."""
    key = (delivery["kind"], delivery["ref"])
    held = holds.pop(key, "0 0 ")
    _, closed, digest = held.split(" ")
    if delivery["change"] == "CLOSED":
        holds[key] = f"{delivery['revision']} 1 {digest}"
    elif delivery["change"] != "RETRACTED":
        holds[key] = f"{delivery['revision']} {closed} {hashlib.sha256(delivery['body']).hexdigest()}"


def _named(kind: str, feed: str, record_id: str, revision: int) -> int:
    return short(hashlib.sha256(f"{kind} {feed} {record_id} {revision}".encode()).digest())


def _digest(submission: bytes) -> bytes:
    """By what a receipt names a submission."""
    envelope = frame.parse(submission)
    return envelope.digest if isinstance(envelope, frame.Envelope) else hashlib.sha256(submission).digest()
