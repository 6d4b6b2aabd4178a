"""The building blocks of every model: the frozen base class and the field types with their ranges."""

from typing import Annotated, Final, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, Strict
from pydantic_core import PydanticCustomError

from bus.names import NAME

EARLIEST_MS: Final = -2_208_988_800_000
"""1900-01-01T00:00:00Z."""
LATEST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""
LONG_MAX: Final = 2**63 - 1
MAX_TEXT_BYTES: Final = 65_536

BROKEN: Final = "broken"
"""The type of an error that our own rules raise: its message says what was expected, and holds no content."""

T = TypeVar("T")

Lax = Annotated[T, Strict(strict=False)]
"""An enumeration that is read from its spelling: the wire holds text, not members."""
Many = Annotated[tuple[T, ...], Strict(strict=False), FailFast()]
"""A list on the wire, a tuple in memory, so that a frozen value stays frozen.

It stops at the first bad item: a full payload of bad ones would cost seconds.
"""


class Value(BaseModel):
    """A frozen value; unknown fields, loose types, NaN and infinities are refused."""

    model_config = ConfigDict(
        frozen=True,
        defer_build=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


def break_rule(expected: str) -> NoReturn:
    """Raise the error of a rule that pydantic has no constraint for."""
    raise PydanticCustomError(BROKEN, "{expected}", {"expected": expected})


Name = Annotated[str, Field(pattern=f"^{NAME}$")]
"""Name of an agency or a feed."""
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
"""The author's stable id of a record."""
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest in lower-case hex."""
Bytes32 = Annotated[bytes, Field(min_length=32, max_length=32)]
TimeMs = Annotated[int, Field(ge=EARLIEST_MS, le=LATEST_MS)]
"""UTC milliseconds between the years 1900 and 9999."""
Ordinal = Annotated[int, Field(ge=1, le=LONG_MAX)]
"""A number that counts from one."""
Figure = Annotated[int, Field(ge=0, le=10**12)]
"""A reported number of persons or things."""
Short = Annotated[str, Field(min_length=1, max_length=256)]
Line = Annotated[str, Field(min_length=1, max_length=4096)]
Note = Annotated[str, Field(max_length=8192)]
LabelText = Annotated[str, Field(min_length=1, max_length=4096)]
"""The one spelling of a label (labels.md)."""
Umbrella = Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,32}:\S{1,128}$")]
"""Id of an umbrella, such as a GLIDE number: `glide:FL-2024-000199-ESP`."""
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
