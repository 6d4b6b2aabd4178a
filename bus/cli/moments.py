"""Times as a person writes them on the command line, always UTC."""

from datetime import UTC, datetime
from typing import Final

from bus.errors import UsageError

_FORMS: Final = ("%Y-%m-%d", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%SZ")


def day(flag: str, text: str) -> int:
    """The beginning of a day, UTC ms."""
    return _parsed(flag, text, _FORMS[:1], "2027-01-31")


def day_or_moment(flag: str, text: str) -> int:
    """The beginning of a day, or a moment, as commands print it too; UTC ms."""
    return _parsed(flag, text, _FORMS, "2027-01-31 or 2027-01-31T14:30Z")


def _parsed(flag: str, text: str, forms: tuple[str, ...], like: str) -> int:
    for form in forms:
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()) * 1000
        except ValueError:
            continue
    raise UsageError(f"{flag}: {text} is no {'date' if len(forms) == 1 else 'time'}", f"Write it as in {like}.")
