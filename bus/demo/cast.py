"""Who plays in the demo: agencies, what each publishes from which file, and what each may read (cast.toml)."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

from pydantic import Field

from bus.errors import Refusal, TocsinError
from schemas.models import validate
from schemas.models.base import LabelText, Line, Many, Name, Short, Value

POLICY: Final = "COALITION"
REAL: Final = "REAL"


class CastError(TocsinError):
    """The demo's own files are damaged."""


class Sheet(Value):
    """A file that an agency publishes as one of its feeds; paths begin in `data/`."""

    feed: Name
    file: Line
    format: Short = Field(description="The adapter that reads it.")
    mapping: Line | None = Field(default=None, description="The mapping file that it comes with.")
    label: LabelText = Field(description="The feed's default label, and its floor.")
    curated: bool = False

    @property
    def is_made_up(self) -> bool:
        """Whether it belongs to the exercise: it comes with a mapping that says so."""
        return self.mapping is not None

    def data(self) -> bytes:
        """The file."""
        return _data(self.file)

    def options(self) -> dict[str, str | bytes]:
        """The adapter's options."""
        return {} if self.mapping is None else {"mapping": _data(self.mapping)}


class Player(Value):
    """An agency: what it may read, and what it publishes."""

    name: Name
    level: Short
    need: Many[Short] = ()
    audiences: Many[Short] = ()
    realms: Many[Short] = (REAL,)
    sheet: Many[Sheet] = ()

    @property
    def clearance(self) -> str:
        """What it may read, in short, for the screen."""
        audiences = f" as {', '.join(self.audiences)}" if self.audiences else ""
        return " ".join((self.level, *self.need)) + audiences


class Cast(Value):
    """All who play."""

    exercise: Short
    agency: Annotated[Many[Player], Field(min_length=1)]


@cache
def cast() -> Cast:
    """Everyone who plays."""
    found = validate(Cast, tomllib.loads(files("bus.demo").joinpath("cast.toml").read_text("utf-8")))
    if isinstance(found, Refusal):
        raise CastError(f"cast.toml: {found.place}: expected {found.expected}", "Install Tocsin again.")
    return found


def _data(path: str) -> bytes:
    return files("bus.demo").joinpath("data", path).read_bytes()
