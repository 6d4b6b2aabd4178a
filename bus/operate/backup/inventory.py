"""What a log holds, counted and digested: of a backup and of what is restored from it, which must agree."""

import hashlib
import struct
from typing import Final

from bus.log.protocol import Log
from bus.operate.backup.manifest import OutboxHead, TopicCount
from bus.operate.soundness.finding import Progress
from bus.operate.soundness.moment import Moment

_RECORD: Final = struct.Struct(">QQIIH")
_HEADER: Final = struct.Struct(">HI")


def topic_counts(log: Log, moment: Moment, progress: Progress) -> tuple[TopicCount, ...]:
    """Every topic, with a digest over all its records: offsets, times, keys, headers and values."""
    counts = []
    for done, state in enumerate(sorted(moment.topics.values(), key=lambda one: one.name)):
        digest, records = hashlib.sha256(), 0
        for record in log.read(state.name, 0, state.end):
            sizes = len(record.key), len(record.value), len(record.headers)
            digest.update(_RECORD.pack(record.offset, record.append_time_ms, *sizes))
            digest.update(record.key)
            digest.update(record.value)
            for name, value in record.headers:
                encoded = name.encode()
                digest.update(_HEADER.pack(len(encoded), len(value)) + encoded + value)
            records += 1
        counts.append(
            TopicCount(name=state.name, start=state.start, end=state.end, records=records, sha256=digest.hexdigest())
        )
        progress("counting topics", done + 1, len(moment.topics))
    return tuple(counts)


def outbox_heads(moment: Moment) -> tuple[OutboxHead, ...]:
    """The head of each outbox that something was written to."""
    return tuple(
        OutboxHead(reader=reader, sequence=head.sequence, chain=head.chain.hex())
        for reader, head in sorted(moment.heads.items())
    )
