"""Where the information comes from, and what may be done with it."""

from typing import Annotated

from pydantic import Field

from schemas.models.base import Hex64, Lax, Line, Many, Short, TimeMs, Value
from schemas.models.enums import Claims, Consent, Discipline, Onward, Reliability, Review
from schemas.models.header import EventRef

Origin = Annotated[str, Field(pattern=r"^(person:[0-9a-f]{32,64}|public:[\w.-]{1,128})$")]
"""`person:<HMAC under the agency's key>`, or `public:<slug>` in clear for media, ministries, organisations."""


class Source(Value):
    """The source as the author grades it (Admiralty scale), and its conditions."""

    discipline: Lax[Discipline]
    reliability: Lax[Reliability] | None = Field(default=None, description="A to F; null = ungraded.")
    credibility: int | None = Field(default=None, ge=1, le=6, description="1 to 6; null = ungraded.")
    origin: Origin | None = None
    derived_from: Annotated[Many[Short], Field(max_length=128)] = Field(
        default=(), description="Public ids of what it rests on; the record's own public id comes first."
    )
    claims: Lax[Claims] = Claims.SUPPORTS
    about: Annotated[Many[EventRef], Field(max_length=64)] = ()
    reported_at: TimeMs | None = Field(default=None, description="When it became known, UTC ms.")
    review: Lax[Review] = Review.UNREVIEWED
    licence: Short | None = None
    attribution: Line | None = None
    onward: Lax[Onward] = Onward.OPEN
    consent: Lax[Consent] = Consent.UNKNOWN
    at_risk: bool = Field(default=False, description="Whether passing it on could endanger the source.")


class Text(Value):
    """One language's version of the text."""

    language: str = Field(
        pattern=r"^(?:[a-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[a-z]{4,8})(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
        r"(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(?:-[A-WY-Za-wy-z0-9](?:-[A-Za-z0-9]{2,8})+)*(?:-x(?:-[A-Za-z0-9]{1,8})+)?$",
        max_length=64,
        description="BCP 47; `und` where unknown.",
    )
    headline: str | None = None
    description: str | None = None
    instruction: str | None = None


class Media(Value):
    """A picture, film or document, by its digest."""

    sha256: Hex64
    media_type: str = Field(pattern=r"^[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}$")
    uri: Line | None = None


class Original(Value):
    """The record as the partner sent it, by digest, or whole where that is allowed."""

    format: Short
    sha256: Hex64 = Field(description="Where personal data was removed: an HMAC.")
    bytes_: bytes | None = Field(default=None, alias="bytes", max_length=65_536)
