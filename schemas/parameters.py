"""The first parameter record: the starting values of fusion.md, as data."""

import json
from functools import cache
from importlib.resources import files

from schemas.models import Parameters


@cache
def starting_values() -> Parameters:
    """Return the numbers that hold until the authority publishes others."""
    return Parameters.model_validate(json.loads(files("schemas").joinpath("parameters.v1.json").read_text("utf-8")))
