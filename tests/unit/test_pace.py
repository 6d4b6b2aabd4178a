"""The pace: a backlog is served in pieces and at correlate's pace where it has company, and else without any bound."""

from dataclasses import dataclass

import pytest

from bus.log.protocol import NewRecord
from bus.stages.pace import AHEAD_S, COMPANY_S, LEAST, LEAST_AHEAD, MANY, MOST_AHEAD, SPEED, STILL_S, TURN_S, Pace
from tests.support.memory_log import MemoryLog

BATCH = 500
BACKLOG = MANY + 1
AHEAD = int(SPEED * AHEAD_S)
"""Records that may be put before a correlate whose speed is not known yet."""


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A pace, its log, and a clock that stands still unless it is told."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.clock = Clock()
        self.pace = Pace(self.log, BATCH, self.clock)

    def company(self) -> None:
        """Another agency has kept up just now."""
        self.pace.served("other", 1, 0, TURN_S)

    def accepted(self, number: int) -> None:
        self.log.append("events", [NewRecord("events", b"", b"")] * number)

    def moving(self) -> None:
        """Correlate is there: it was seen to read a record."""
        self.company()
        self.accepted(1)
        self.pace.most("flood", BACKLOG)
        self.correlated(1)
        self.pace.most("flood", BACKLOG)

    def correlated(self, up_to: int) -> None:
        self.log.committed["correlate-0"] = {"events": up_to}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_alone_on_the_bus_a_backlog_is_served_in_whole_batches_and_waits_for_nobody(bench: Bench) -> None:
    bench.accepted(10_000)
    bench.pace.served("flood", BATCH, 10_000, 60.0)
    assert bench.pace.most("flood", 10_000) == BATCH
    bench.company()
    assert bench.pace.most("flood", 10_000) < BATCH
    bench.clock.now += COMPANY_S + 1
    assert bench.pace.most("flood", 10_000) == BATCH


def test_who_keeps_up_is_never_held(bench: Bench) -> None:
    bench.moving()
    bench.accepted(10_000)
    assert bench.pace.most("other", MANY) == BATCH
    assert bench.pace.most("new", 1) == BATCH
    assert bench.pace.most("flood", BACKLOG) == 0


def test_two_that_flood_are_no_company(bench: Bench) -> None:
    bench.pace.served("flood", 50, 10_000, TURN_S)
    bench.pace.served("torrent", 50, 10_000, TURN_S)
    assert bench.pace.most("flood", 10_000) == BATCH


def test_company_of_another_process_waits_behind_correlate_only_and_never_for_this_ones_turn(bench: Bench) -> None:
    bench.pace.is_shared = True
    assert bench.pace.most("flood", BACKLOG) == BATCH, "nobody is there to wait behind"
    bench.accepted(1)
    bench.pace.most("flood", BACKLOG)
    bench.correlated(1)
    bench.accepted(AHEAD - 1)
    assert bench.pace.most("flood", BACKLOG) == 1


def test_a_piece_is_what_takes_a_turns_time_whatever_a_record_costs(bench: Bench) -> None:
    bench.company()
    for _ in range(20):
        piece = bench.pace.most("flood", 10_000)
        bench.pace.served("flood", piece, 10_000, piece * TURN_S / 80)
    assert bench.pace.most("flood", 10_000) in (79, 80)
    bench.pace.served("flood", 80, 10_000, 60.0)
    assert bench.pace.most("flood", 10_000) == LEAST, "smaller turns would do nothing but commit"
    for _ in range(20):
        piece = bench.pace.most("flood", 10_000)
        bench.pace.served("flood", piece, 10_000, piece * TURN_S / 100_000)
    assert bench.pace.most("flood", 10_000) == BATCH


def test_a_backlog_waits_for_correlate_and_goes_on_when_that_has_read(bench: Bench) -> None:
    bench.moving()
    bench.accepted(AHEAD - 1)
    assert bench.pace.most("flood", BACKLOG) == 1
    bench.accepted(1)
    assert bench.pace.most("flood", BACKLOG) == 0
    bench.correlated(3)
    assert bench.pace.most("flood", BACKLOG) == 2


@pytest.mark.parametrize(
    ("per_s", "room"), [(10.0, LEAST_AHEAD), (200.0, LEAST_AHEAD), (400.0, 80), (100_000.0, MOST_AHEAD)]
)
def test_what_waits_before_correlate_is_worth_the_same_time_whatever_a_record_costs_it(
    bench: Bench, per_s: float, room: int
) -> None:
    bench.moving()
    for _ in range(5):
        bench.pace.served("flood", BATCH, 10_000, TURN_S)  # its own turn is no bound
    read = 1
    bench.accepted(3000)
    for _ in range(25):
        bench.company()
        bench.pace.most("flood", BACKLOG)
        bench.clock.now += 100 / per_s if per_s > 100 else 1 / per_s
        read += 100 if per_s > 100 else 1
        bench.correlated(read)
    bench.company()
    bench.pace.most("flood", BACKLOG)
    bench.correlated(bench.log.end("events"))
    assert bench.pace.most("flood", BACKLOG) == pytest.approx(room, abs=1)


def test_a_correlate_that_does_not_move_holds_nobody_up_for_long(bench: Bench) -> None:
    bench.company()
    bench.accepted(1000)
    assert bench.pace.most("flood", BACKLOG) > 0, "nobody has seen it read anything"
    bench.correlated(1)
    assert bench.pace.most("flood", BACKLOG) == 0
    bench.clock.now += STILL_S
    assert bench.pace.most("flood", BACKLOG) > 0
    bench.correlated(2)
    assert bench.pace.most("flood", BACKLOG) == 0, "it moves: it is waited for again"


def test_a_shard_that_was_let_go_of_is_forgotten(bench: Bench) -> None:
    bench.company()
    bench.pace.forget("other")
    assert bench.pace.most("flood", BACKLOG) == BATCH
