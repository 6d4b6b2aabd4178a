"""Laws of ingest: any bytes have a verdict, batches show nowhere, and a restart from the receipts is none."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import Refusal
from bus.log.protocol import NewRecord, Record
from bus.stages.authority import AuthorityIngest
from bus.stages.checks import Accepted, Memory, Rejected, check
from bus.stages.following import ControlFollower
from bus.stages.ingest import Ingest
from bus.stages.ticks import Ticker
from bus.trust import frame
from schemas.codec import decode, encode, payload_type
from schemas.models import Receipt
from schemas.registry import newest
from tests.support.memory_log import MemoryLog
from tests.support.submissions import NOW, RESTRICTED, Office, event_body, header, sign

OFFICE = Office()
FIRST = [OFFICE.roster(), OFFICE.policy()]
SUBMISSIONS = "submissions.fra"
FRA = OFFICE.keys["fra"]
OTHER = "COALITION SECRET//REL TO DEU, FRA"


def retraction(name: str, record_id: str, up_to: int, label: str = RESTRICTED) -> bytes:
    target = {"kind": "event", "feed": "main", "id": record_id, "up_to_revision": up_to}
    body = {"retracts": [target], "reason": "ERROR", "note": None}
    return sign("retraction", header("fra", "main", name, label=label), body, FRA)


def revision(number: int, text: str = "", replaces: str | None = None, **head: Any) -> bytes:
    replaced = [] if replaces is None else [{"feed": "main", "id": replaces}]
    texts = [{"language": "en", "headline": text or str(number)}]
    body = event_body(texts=texts, replaces=replaced)
    return OFFICE.event(body=body, revision=number, sequence=number, **head)


POOL = [
    *[revision(number, text) for number in (1, 2, 3) for text in ("", "other")],
    revision(4, label=OTHER),
    revision(2, record_id="test:b", replaces="test:a"),
    revision(3, record_id="test:b"),
    revision(1, record_id="test:c", replaces="test:d"),
    revision(1, record_id="test:d"),
    retraction("test:r", "test:a", 2),
    retraction("test:r2", "test:c", 1),
    retraction("test:r3", "test:c", 1, OTHER),
    *[sign("heartbeat", header("fra", "main", "test:h", revision=n), {"interval_s": 60}, FRA) for n in (1, 2)],
    revision(1, record_id="test:late", expires_at=NOW),
    OFFICE.event(agency="deu"),
    b"",
    b"poison",
    frame.sign(payload_type("event", "main"), b"\xc3\x01 poison", FRA).encode(),
]
"""Submissions of one agency of which each judges the others: repeats, conflicts, amendments, retractions, rubbish."""
HISTORIES = st.lists(st.sampled_from(POOL), min_size=1, max_size=24)
CUTS = st.lists(st.integers(1, 8), max_size=24)


def control() -> MemoryLog:
    """A log in which the roster and the policy have come into force."""
    log = MemoryLog()
    log.now_ms = NOW
    log.append("submissions.authority", [NewRecord("submissions.authority", b"control", data) for data in FIRST])
    stage = AuthorityIngest(log, ControlFollower(log, OFFICE.pin), Ticker(60, lambda: NOW))
    reader = log.take(stage.owner, stage.topics)
    stage.restore(log, reader)
    records = reader.poll(10, 0)
    reader.commit(stage.process(records).records)
    assert log.end("control") == 2
    return log


CONTROL = list(control().topics["control"])


def submitted(history: Sequence[bytes]) -> MemoryLog:
    log = MemoryLog()
    log.topics["control"] = list(CONTROL)
    for at, data in enumerate(history):
        log.now_ms = NOW + at
        log.append(SUBMISSIONS, [NewRecord(SUBMISSIONS, b"main", data)])
    return log


def shard(log: MemoryLog, pool: ThreadPoolExecutor | None = None) -> Ingest:
    stage = Ingest("fra", ControlFollower(log, OFFICE.pin), pool)
    stage.restore(log, log.take(stage.owner, stage.topics))
    return stage


def run(
    log: MemoryLog, cuts: Sequence[int], *, restart: bool, pool: ThreadPoolExecutor | None = None
) -> list[NewRecord]:
    """All outputs, in order, of batches that end after these many records; the rest is one batch."""
    records: list[Record] = list(log.read(SUBMISSIONS))
    ends = [0]
    for cut in cuts:
        ends.append(min(ends[-1] + cut, len(records)))
    stage = shard(log, pool)
    outputs: list[NewRecord] = []
    for start, end in pairwise([*ends, len(records)]):
        if start == end:
            continue
        made = stage.process(records[start:end])
        assert made.taken == end - start
        outputs += made.records
        for record in made.records:
            log.append(record.topic, [record])
        if restart:
            stage = shard(log, pool)
    return outputs


@settings(max_examples=60, deadline=None)
@given(history=HISTORIES, cuts=CUTS)
def test_batches_show_nowhere_and_a_restart_is_none(history: list[bytes], cuts: list[int]) -> None:
    whole = run(submitted(history), (), restart=False)
    assert run(submitted(history), cuts, restart=False) == whole
    assert run(submitted(history), cuts, restart=True) == whole
    assert sum(record.topic == "receipts.fra" for record in whole) == len(history)


def test_threads_that_verify_make_no_difference() -> None:
    history = POOL * 12
    with ThreadPoolExecutor(2) as pool:
        assert run(submitted(history), (), restart=False, pool=pool) == run(submitted(history), (), restart=False)


def test_the_pool_of_submissions_reaches_every_verdict() -> None:
    outputs = run(submitted(POOL * 2), (), restart=False)
    receipts = [decode(newest("receipt"), record.value) for record in outputs if record.topic == "receipts.fra"]
    reasons = {receipt["reason"] for receipt in receipts if not isinstance(receipt, Refusal)}
    assert reasons >= {None, "ID_CONFLICT", "STALE_REVISION", "LABEL_CHANGED", "BAD_FRAME", "UNDECODABLE", "EXPIRED"}
    accepted = [record for record in outputs if record.topic == "events"]
    assert len({record.key for record in accepted}) == len(accepted), "no event twice"


FOLLOWED = ControlFollower(control(), OFFICE.pin).read()
GOOD = POOL[0]


def check_is_total(data: bytes, agency: str = "fra") -> None:
    verdict = check(data, agency=agency, at=NOW, control=FOLLOWED, memory=Memory())
    receipt = Receipt.model_validate(decode(newest("receipt"), encode(newest("receipt"), verdict.receipt)))
    assert (receipt.verdict == "ACCEPTED") is isinstance(verdict, Accepted)
    if isinstance(verdict, Rejected):
        assert receipt.reason == verdict.refusal.reason


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600))
def test_arbitrary_bytes_have_a_verdict(data: bytes) -> None:
    check_is_total(data)


EDITS = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 2), st.binary(min_size=1, max_size=4)), max_size=4)


def edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Bytes overwritten, cut out, or put in."""
    for where, how, what in edits:
        at = where % (len(data) + 1)
        data = data[:at] + (b"" if how == 1 else what) + data[at + (0 if how == 2 else len(what)) :]
    return data


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(POOL), EDITS, st.sampled_from(["fra", "deu", "authority"]))
def test_mutated_envelopes_have_a_verdict(data: bytes, edits: list[tuple[int, int, bytes]], agency: str) -> None:
    check_is_total(edited(data, edits), agency)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(POOL), EDITS)
def test_mutated_payloads_that_are_signed_all_the_same_have_a_verdict(
    data: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    envelope = frame.parse(data)
    if isinstance(envelope, Refusal):
        return
    check_is_total(frame.sign(envelope.payload_type, edited(envelope.payload, edits), FRA).encode())


TEXT = st.text(max_size=20)


@settings(max_examples=200, deadline=None)
@given(
    head=st.fixed_dictionaries(
        {},
        optional={
            "id": TEXT,
            "agency": TEXT,
            "label": TEXT,
            "exercise": st.none() | TEXT,
            "revision": st.integers(-(2**63), 2**63 - 1),
            "sequence": st.integers(-(2**63), 2**63 - 1),
            "created_at": st.integers(-(2**63), 2**63 - 1),
            "expires_at": st.none() | st.integers(-(2**63), 2**63 - 1),
        },
    ),
    start=st.integers(-(2**63), 2**63 - 1),
    end=st.none() | st.integers(-(2**63), 2**63 - 1),
)
def test_any_values_of_the_header_and_times_have_a_verdict(
    head: dict[str, object], start: int, end: int | None
) -> None:
    body = event_body() | {"when": {"start": start, "end": end}}
    check_is_total(sign("event", {**header("fra", "main", "test:a"), **head}, body, FRA))


def test_a_roster_and_a_policy_of_strange_content_have_a_verdict() -> None:
    for toml in ("", "\0", "[a]\nb=1", 'id = "X"\n[tags]\n"' + "y" * 9000 + '" = 1'):
        office = OFFICE.varied()
        check_is_total(office.policy(2, toml), "authority")
