"""`tocsin run --until-idle`: what it says at the end, and with which code."""

import socket
from pathlib import Path
from typing import Any

import pytest

from bus.log.protocol import NewRecord
from bus.log.topics import topic
from bus.stages.ingest import Ingest
from tests.support.command_line import Tocsin
from tests.support.samples import UCDP

RUN = ("run", "--until-idle")


@pytest.fixture
def tocsin(tmp_path: Path) -> Tocsin:
    """A home in which alpha and beta have each submitted two records."""
    bus = Tocsin(tmp_path / "home")
    bus.ok("init", "--agency", "alpha", "--agency", "beta")
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("".join(UCDP.read_text("utf-8").splitlines(keepends=True)[:3]), "utf-8")
    for name in ("alpha", "beta"):
        bus.ok("publish", str(sheet), "--as", name, "--feed", "reports")
    return bus


def test_the_end_counts_what_was_judged_and_leaves_nothing_out(tocsin: Tocsin) -> None:
    name = topic("submissions", "alpha")
    with tocsin.log() as log:
        again = [NewRecord(name, one.key, one.value) for one in log.read(name)]
        log.append(name, [*again, NewRecord(name, b"reports", b"poison")])
    said = tocsin.ok(*RUN).out
    assert said.startswith("7 submissions judged: 4 accepted, 1 refused, 2 known already; ")
    assert said.endswith(" deliveries made; nothing is left to do\n")
    counts = {"submissions": 0, "accepted": 0, "rejected": 0, "repeated": 0, "deliveries": 0}
    assert tocsin.json(*RUN) == {**counts, "stopped": False, "resting": []}


def test_a_shard_that_fails_is_named_at_the_end_and_the_code_says_trouble(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Ingest.process

    def failing(self: Ingest, records: Any) -> Any:
        if self.agency == "alpha":
            raise KeyError("CANARY")
        return process(self, records)

    with monkeypatch.context() as patch:
        patch.setattr(Ingest, "process", failing)
        done = tocsin(*RUN)
        again = tocsin(*RUN, "--json")
    assert done.code == 3
    assert "2 submissions judged: 2 accepted" in done.out
    assert "at rest after a fault: alpha" in done.out
    assert "ingest-alpha: KeyError" in done.err
    assert "CANARY" not in done.err
    assert (again.code, again.document["resting"]) == (3, ["alpha"])
    assert "2 submissions judged: 2 accepted" in tocsin.ok(*RUN).out


def test_each_stage_runs_alone_in_a_process_of_its_own(tocsin: Tocsin) -> None:
    counts = ("submissions", "accepted", "deliveries")
    judged = tocsin.json(*RUN, "--stage", "ingest")
    assert [judged[name] for name in counts] == [4, 4, 0]
    delivered = tocsin.json(*RUN, "--stage", "correlate")
    assert [delivered[name] for name in counts[:2]] == [0, 0]
    assert delivered["deliveries"] > 0
    assert tocsin.json(*RUN)["deliveries"] == 0


def test_it_says_that_it_runs_only_when_it_does(tocsin: Tocsin) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        done = tocsin("run", "--metrics-port", str(held.getsockname()[1]))
    assert done.code == 2
    assert done.err.startswith("tocsin: the port ")
    with tocsin.log() as log:
        log.take("correlate-0", [])
        done = tocsin("run")
    assert done.code == 1
    assert "tocsin: correlate-0 is owned by process " in done.err
    assert "a bus works here already" in done.err
    assert "running" not in done.err
