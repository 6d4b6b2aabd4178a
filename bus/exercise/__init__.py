"""Exercises: a story told in a file, played on a real bus, and scored by what each agency sees after each step."""

from bus.exercise.faults import Fault
from bus.exercise.play import play_apart, play_in
from bus.exercise.read import read_story, shipped
from bus.exercise.score import Finding, Result, StepResult
from bus.exercise.story import Story

__all__ = [
    "Fault",
    "Finding",
    "Result",
    "StepResult",
    "Story",
    "play_apart",
    "play_in",
    "read_story",
    "shipped",
]
