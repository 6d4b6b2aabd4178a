"""The interpreter is tuned while the stages run, and left as it was."""

import gc
import sys

from bus.stages.interpreter import THRESHOLDS, TURN_S, tuned_interpreter


def _standing() -> tuple[tuple[int, int, int], int, float]:
    return gc.get_threshold(), gc.get_freeze_count(), sys.getswitchinterval()


def test_it_is_left_as_it_was() -> None:
    before = _standing()
    with tuned_interpreter():
        thresholds, frozen, turn_s = _standing()
    assert (thresholds, turn_s) == (THRESHOLDS, TURN_S)
    assert frozen > before[1]
    assert _standing() == before
