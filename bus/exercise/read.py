"""From a file to a story, or to everything that is wrong with it. Nothing is written or played."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from pydantic import ValidationError

from bus.exercise.faults import Fault, faults_of
from bus.exercise.sense import faults_in
from bus.exercise.story import Story
from bus.labels import Policy
from bus.operate.founding import shipped_policies

MOST_BYTES: Final = 1_048_576


def read_story(data: bytes, policies: Mapping[str, Policy] | None = None) -> Story | list[Fault]:
    """The story, if its file is good; `policies`: those of the home where it is played, by default the shipped ones."""
    if len(data) > MOST_BYTES:
        return [Fault("the file", f"at most {MOST_BYTES:,} bytes", "Split the exercise.")]
    try:
        told = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        return [Fault("the file", "text in UTF-8", "Save it as UTF-8.")]
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as fault:
        said = str(fault) if isinstance(fault, tomllib.TOMLDecodeError) else "a value is out of bounds"
        return [Fault("the file", f"TOML, but: {said}", "See https://toml.io for its rules.")]
    try:
        story = Story.model_validate(told)
    except ValidationError as error:
        return list(faults_of(error, Story))
    known = {policy.id: policy for policy, _ in shipped_policies()} if policies is None else policies
    return faults_in(story, known) or story


def shipped() -> bytes:
    """VIGIL, the exercise that comes with Tocsin."""
    return files("bus.exercise").joinpath("data", "vigil.toml").read_bytes()
