"""A publisher whose bus was restored from a backup remembers more than the log holds.

Its memory keeps no bytes of what the log had acknowledged, so it can't send them again by itself. But it knows which
records are missing: they count as not held by the bus, and the next publish of their source sends them anew, under the
revision that nobody has any more. What was taken away meanwhile stands again, until its author takes it away once more.
"""

import hashlib
import logging

from bus.client.changes import own_id
from bus.client.memory import LOST, Memory, Remembered
from bus.client.receipts import read_receipts
from bus.errors import Refusal
from bus.log.protocol import Log
from bus.log.topics import topic
from bus.trust import frame
from schemas.models import Receipt

_log = logging.getLogger(__name__)


def mark_of(receipt: Receipt) -> bytes:
    """What stands for a receipt: the same submission has another one in a log that was restored."""
    return hashlib.sha256(f"{receipt.digest} {receipt.accepted_at}".encode()).digest()


def is_other_log(memory: Memory, log: Log, agency: str) -> bool:
    """Whether this log does not hold the last receipt that the publisher has read; retention alone does not count."""
    name = topic("receipts", agency)
    start = memory.cursor(name)
    if start == 0:
        return False
    last = next(read_receipts(log, agency, start - 1), None)
    if last is None or last[0] != start - 1:
        return log.end(name) < start
    return memory.mark(name) not in {None, mark_of(last[1])}


def recall(memory: Memory, log: Log, agency: str) -> int:
    """Let every record that the log does not hold be sent again; returns how many. Receipts are to be read anew.

    Belongs into a transaction of the memory.
    """
    held = _held(memory, log, agency)
    lost = {key: record for key, record in memory.records() if record.digest not in held}
    for (feed, kind, record_id), record in lost.items():
        memory.put(feed, kind, record_id, record._replace(rejected=LOST, accepted=0, accepted_digest=None))
    for (feed, kind, record_id), record in list(memory.records()):
        if record.withdrawn and (feed, "retraction", _retraction(feed, kind, record_id, record)) in lost:
            memory.put(feed, kind, record_id, record._replace(withdrawn=0))
    memory.reopen_files()
    memory.move(topic("receipts", agency), 0, None)
    told = {"agency": agency, "lost": len(lost)}
    _log.warning(
        "the bus of %(agency)s was restored: its log lacks %(lost)d records that it had; publish their sources again",
        told,
    )
    return len(lost)


def _retraction(feed: str, kind: str, record_id: str, record: Remembered) -> str:
    """The id of the publisher's own retraction of a record."""
    return own_id("retraction", kind, feed, record_id, record.label)


def _held(memory: Memory, log: Log, agency: str) -> frozenset[bytes]:
    """The digests of all that the log holds of the agency, judged or not, and of what is on its way there."""
    held = {bytes.fromhex(receipt.digest) for _, receipt in read_receipts(log, agency)}
    waiting = (row.envelope for row in memory.spooled(memory.waiting()))
    for data in (*waiting, *(record.value for record in log.read(topic("submissions", agency)))):
        envelope = frame.parse(data)
        if not isinstance(envelope, Refusal):
            held.add(envelope.digest)
    return frozenset(held)
