"""A publisher one of whose keys was a thief's for a while: what the bus had under it since then, nobody has any more.

The author's own records of that time are lost with the thief's. They count as not held by the bus, and the next publish
of their source sends them anew, as the next revision; what was taken away under that key stands again, until its author
takes it away once more. What the thief published under ids of its own is known from receipts, and is never sent.
"""

import logging
from collections.abc import Mapping
from typing import Final, TypeAlias

from bus.client.changes import own_id
from bus.client.memory import TAINTED, Memory
from bus.client.receipts import read_receipts
from bus.log.protocol import Log
from schemas.models import Verdict

_log = logging.getLogger(__name__)

_SEEN: Final = "compromised/"
Place: TypeAlias = tuple[str, str, str]
"""Feed, kind and id of a record."""


def distrust(memory: Memory, log: Log, agency: str, compromised: Mapping[str, int]) -> int:
    """Let what is tainted be sent again; returns how many records. `compromised`: keys, each since when (UTC ms).

    Receipts are read through once for each word of the authority on it. Belongs into a transaction of the memory.
    """
    if all(memory.cursor(f"{_SEEN}{key_id}") == since for key_id, since in compromised.items()):
        return 0
    tainted, sound = _judged(log, agency, compromised)
    lost = set()
    for digest, place in tainted.items():
        known = memory.get(*place)
        if known is not None and known.digest == digest:
            lost.add(place)
            accepted = sound.get(place, 0)
            memory.put(*place, known._replace(rejected=TAINTED, accepted=accepted, accepted_digest=None))
    for (feed, kind, record_id), record in list(memory.records()):
        retraction = own_id("retraction", kind, feed, record_id, record.label)
        if record.withdrawn and (feed, "retraction", retraction) in lost:
            memory.put(feed, kind, record_id, record._replace(withdrawn=0))
    for key_id, since in compromised.items():
        memory.move(f"{_SEEN}{key_id}", since, None)
    if lost:
        memory.reopen_files()
        said = "%(lost)d records of %(agency)s are lost with a compromised key: publish their sources again"
        _log.warning(said, {"agency": agency, "lost": len(lost)})
    return len(lost)


def _judged(log: Log, agency: str, compromised: Mapping[str, int]) -> tuple[dict[bytes, Place], dict[Place, int]]:
    """What was accepted and is tainted, by its digest; and the highest revision of each record that is not."""
    sound: dict[Place, int] = {}
    tainted: dict[bytes, Place] = {}
    for _, one in read_receipts(log, agency):
        if one.verdict is not Verdict.ACCEPTED or one.feed is None or one.kind is None or one.id is None:
            continue
        place = one.feed, one.kind, one.id
        if one.accepted_at >= compromised.get(one.key_id or "", one.accepted_at + 1):
            tainted[bytes.fromhex(one.digest)] = place
        else:
            sound[place] = max(sound.get(place, 0), one.revision or 0)
    return tainted, sound
