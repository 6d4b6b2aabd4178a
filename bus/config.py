"""Settings: one typed table, file < environment < flag, units in the names.

An unknown key is an error, never ignored.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, get_type_hints

from bus.errors import UsageError

PREFIX: Final = "TOCSIN_"
NOT_SETTINGS: Final = frozenset({"TOCSIN_HOME", "TOCSIN_REQUIRE_KAFKA"})
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS: Final = ("text", "json")
_CHOICES: Final = MappingProxyType({"log_level": LOG_LEVELS, "log_format": LOG_FORMATS})


class ConfigError(UsageError):
    """A setting is unknown or has no such value."""


def _setting(default: Any, meaning: str, low: float | None = None, high: float | None = None) -> Any:  # noqa: ANN401
    return field(default=default, metadata={"meaning": meaning, "low": low, "high": high})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its default.

    `describe` documents them; a test compares that with config.toml as `init` writes it.
    """

    batch_records: int = _setting(500, "records that a stage takes into one transaction", 1, 10_000)
    poll_timeout_s: float = _setting(0.25, "how long a stage waits for new records before it looks again", 0.01, 60)
    tick_interval_s: int = _setting(60, "time between the bus's ticks", 1, 3600)
    lease_s: float = _setting(15.0, "how long a stage's ownership outlives its last sign of life", 1, 600)
    ingest_workers: int = _setting(
        -1, "processes that judge submissions; 0: threads of one process; -1: as many as the machine can use", -1, 64
    )
    publish_batch_records: int = _setting(500, "records that a publisher signs into one transaction", 1, 10_000)
    publish_patience_s: float = _setting(
        30.0, "how long a publisher tries again while the log is busy, full or away", 0, 86_400
    )
    retain_interval_s: int = _setting(3600, "time between two removals of what is past its retention", 1, 86_400)
    ready_lag_s: int = _setting(
        60, "how long a record may wait for correlate where the bus still counts as ready", 1, 86_400
    )
    log_level: str = _setting("INFO", f"one of {', '.join(LOG_LEVELS)}")
    log_format: str = _setting("text", f"one of {', '.join(LOG_FORMATS)} (a document a line)")
    log_interval_s: float = _setting(10.0, "time over which log lines that repeat are summed up; 0 tells each", 0, 3600)


def load(path: Path | None, environment: Mapping[str, str] = os.environ, **flags: object) -> Settings:
    """Read the settings.

    Defaults, then the file where there is one, then `TOCSIN_<NAME>`, then the flags that are not None.
    """
    values: dict[str, Any] = {}
    if path is not None and path.exists():
        values |= {name: _checked(name, value, str(path)) for name, value in _read(path).items()}
    for variable, text in environment.items():
        if variable.startswith(PREFIX) and variable not in NOT_SETTINGS:
            name = variable.removeprefix(PREFIX).lower()
            values[name] = _checked(name, _from_text(name, text, variable), variable)
    values |= {name: _checked(name, value, f"--{name}") for name, value in flags.items() if value is not None}
    return Settings(**values)


def describe() -> str:
    """The settings' file as `tocsin init` writes it: every key with its meaning and default, commented out."""
    lines = ["# Settings of this home. Order: this file < environment (TOCSIN_<NAME>) < flag. Unknown keys are errors."]
    for one in fields(Settings):
        limits = "" if one.metadata["low"] is None else f" ({one.metadata['low']:g} to {one.metadata['high']:g})"
        value = f'"{one.default}"' if isinstance(one.default, str) else one.default
        lines += ["", f"# {one.metadata['meaning']}{limits}", f"# {one.name} = {value}"]
    return "\n".join(lines) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as fault:  # not UTF-8, not TOML, a number of thousands of digits, or too deep
        raise ConfigError(f"{path} is no TOML file", "Mend it, or delete it to go back to the defaults.") from fault
    except OSError as fault:
        raise ConfigError(f"{path} can't be read", "Check the file's owner and permissions.") from fault


def _from_text(name: str, text: str, source: str) -> object:
    kind = _kinds().get(name)
    try:
        return text if kind is None or kind is str else kind(text)
    except ValueError as fault:
        raise _wrong(name, source) from fault


def _checked(name: str, value: object, source: str) -> object:
    known = _kinds()
    if name not in known:
        raise ConfigError(
            f"{source}: there is no setting of the name `{name}`", f"The settings are: {', '.join(known)}."
        )
    its = _field(name)
    if known[name] is float and type(value) is int:
        value = float(value)
    fits = type(value) is known[name]  # an exact type: true is an int to isinstance
    if fits and its.metadata["low"] is not None:
        fits = its.metadata["low"] <= value <= its.metadata["high"]
    fits = fits and value in _CHOICES.get(name, (value,))
    if not fits:
        raise _wrong(name, source)
    return value


def _wrong(name: str, source: str) -> ConfigError:
    its = _field(name)
    low, high = its.metadata["low"], its.metadata["high"]
    limits = "" if low is None else f" from {low:g} to {high:g}"
    return ConfigError(
        f"{source}: `{name}` has no such value",
        f"It is {its.metadata['meaning']}: {_kinds()[name].__name__}{limits}; by default {its.default}.",
    )


def _field(name: str) -> Field[Any]:
    return next(one for one in fields(Settings) if one.name == name)


def _kinds() -> dict[str, type]:
    return get_type_hints(Settings)
