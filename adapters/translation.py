"""What an adapter is, and what it hands back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.loss import NOTHING_LOST, Loss
from adapters.refusals import Refused
from bus.errors import UsageError

Options = Mapping[str, str | bytes]
"""What the caller chooses, by name; each adapter lists its own."""
Body = dict[str, Any]
"""An event's fields as the schema names them (`schemas.models.Event`), those that have their default left out."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Content without header: a publisher signs it (events.md)."""

    kind: str
    id: str
    """`<format>:<source id>`."""
    status: str
    modified_at: int | None
    """When the source last changed it, UTC ms, where it says so."""
    body: Body
    replaces: tuple[str, ...] = ()
    """Ids of drafts whose place this one takes, each with whatever else it became (`<id>:2` and on)."""
    party: str | None = None
    """Who in the file speaks here, casefolded, where one file holds several authors whose ids are each their own."""


@dataclass(frozen=True, slots=True)
class Translation:
    """All that became of a file: every row is one draft or one refusal."""

    drafts: tuple[Draft, ...]
    loss: Loss
    refused: tuple[Refused, ...]

    @classmethod
    def none(cls, why: Refused) -> "Translation":
        """A file that is refused as a whole."""
        return cls((), NOTHING_LOST, (why,))


class Adapter(Protocol):
    """A partner format. It reads no file, opens no connection and signs nothing."""

    @property
    def name(self) -> str:
        """The format's name, as in `tocsin convert NAME FILE`."""

    @property
    def title(self) -> str:
        """One line for a list."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Media types that it reads; empty where it reads none."""

    @property
    def writes(self) -> tuple[str, ...]:
        """Media types that it writes; empty where it writes none."""

    @property
    def licence(self) -> str:
        """What to know before its data is passed on."""

    @property
    def options(self) -> Mapping[str, str]:
        """The options that it knows, each with a line of help."""

    def translate(self, data: bytes, options: Options | None = None) -> Translation:
        """Turn a file into drafts. Never raises for what `data` holds.

        Raises:
            UsageError: an option is unknown or makes no sense.
        """


def text_option(options: Options | None, known: Mapping[str, str], name: str) -> str | None:
    """Return an option's text, after a look at the names of all."""
    for given in options or {}:
        if given not in known:
            raise UsageError(f"unknown option {given!r}", f"Known here: {', '.join(sorted(known)) or 'none'}.")
    value = (options or {}).get(name)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise UsageError(f"option {name} is not UTF-8", "Save it as UTF-8.") from error
    return value


def status_option(options: Options | None, known: Mapping[str, str], otherwise: str) -> str:
    """Return the realm that the drafts are for."""
    status = text_option(options, known, "status") or otherwise
    if status not in {"ACTUAL", "EXERCISE", "TEST"}:
        raise UsageError(f"no such status: {status!r}", "One of ACTUAL, EXERCISE, TEST.")
    return status
