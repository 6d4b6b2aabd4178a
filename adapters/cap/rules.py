"""The rules of CAP and of what carries it: each with a code, a remedy, and what breaking it means.

Most refuse the alert. A remark is counted in the loss report and refuses nothing: what is remarked upon stands in many
alerts of careful senders, and a warning must not be lost for it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from adapters.cap.markup import Element, path, row
from adapters.refusals import Code, RowError


class Rule(StrEnum):
    """What is broken, in the order in which it is looked at."""

    # The file, before and around its alerts.
    DOCTYPE = "DOCTYPE"
    BAD_ENCODING = "BAD_ENCODING"
    NOT_WELL_FORMED = "NOT_WELL_FORMED"
    TOO_MANY_TAGS = "TOO_MANY_TAGS"
    NO_CAP = "NO_CAP"
    ALERT_MISPLACED = "ALERT_MISPLACED"
    ATOM_ELEMENT = "ATOM_ELEMENT"
    ATOM_ID = "ATOM_ID"
    ATOM_TITLE = "ATOM_TITLE"
    ATOM_UPDATED = "ATOM_UPDATED"
    RSS_CHANNEL = "RSS_CHANNEL"
    EDXL_SCHEMA = "EDXL_SCHEMA"
    EDXL_TYPE = "EDXL_TYPE"
    # An entry of a carrier.
    ATOM_ENTRY_ID = "ATOM_ENTRY_ID"
    ATOM_ENTRY_TITLE = "ATOM_ENTRY_TITLE"
    ATOM_ENTRY_UPDATED = "ATOM_ENTRY_UPDATED"
    ATOM_ENTRY_LINK = "ATOM_ENTRY_LINK"
    RSS_ITEM_TITLE = "RSS_ITEM_TITLE"
    RSS_ITEM_LINK = "RSS_ITEM_LINK"
    SEVERAL_ALERTS = "SEVERAL_ALERTS"
    EDXL_STATUS = "EDXL_STATUS"
    # The schema of the alert's version.
    MISSING_ELEMENT = "MISSING_ELEMENT"
    DUPLICATE_ELEMENT = "DUPLICATE_ELEMENT"
    UNEXPECTED_ELEMENT = "UNEXPECTED_ELEMENT"
    BAD_ENUM = "BAD_ENUM"
    BAD_TIME = "BAD_TIME"
    BAD_LANGUAGE = "BAD_LANGUAGE"
    BAD_TYPE = "BAD_TYPE"
    # What no schema says.
    NESTED_ALERT = "NESTED_ALERT"
    IDENTIFIER_CHARACTERS = "IDENTIFIER_CHARACTERS"
    SENDER_CHARACTERS = "SENDER_CHARACTERS"
    RESTRICTION_SCOPE = "RESTRICTION_SCOPE"
    REFERENCE_FORM = "REFERENCE_FORM"
    REFERENCE_CIRCULAR = "REFERENCE_CIRCULAR"
    REFERENCE_POSTDATED = "REFERENCE_POSTDATED"
    REFERENCE_MISSING = "REFERENCE_MISSING"
    INFO_MISSING = "INFO_MISSING"
    URI_NOT_ABSOLUTE = "URI_NOT_ABSOLUTE"
    MIME_TYPE = "MIME_TYPE"
    POLYGON_FORM = "POLYGON_FORM"
    POLYGON_FEW_POINTS = "POLYGON_FEW_POINTS"
    POLYGON_OPEN = "POLYGON_OPEN"
    CIRCLE_FORM = "CIRCLE_FORM"
    CIRCLE_RADIUS = "CIRCLE_RADIUS"
    POINT_RANGE = "POINT_RANGE"
    ALTITUDE_FORM = "ALTITUDE_FORM"
    ALTITUDE_NEGATIVE = "ALTITUDE_NEGATIVE"
    CEILING_WITHOUT_ALTITUDE = "CEILING_WITHOUT_ALTITUDE"
    CEILING_BELOW_ALTITUDE = "CEILING_BELOW_ALTITUDE"
    # The Canadian profile, where a message claims it or the option asks for it.
    CP_VERSION_CODE = "CP_VERSION_CODE"
    CP_REFERENCE_MISSING = "CP_REFERENCE_MISSING"
    CP_INFO_MISSING = "CP_INFO_MISSING"
    CP_EVENT_CODE = "CP_EVENT_CODE"
    CP_GEOCODE = "CP_GEOCODE"
    # No event of any kind.
    STATUS_OUT_OF_SCOPE = "STATUS_OUT_OF_SCOPE"
    ACK_OUT_OF_SCOPE = "ACK_OUT_OF_SCOPE"
    ERROR_OUT_OF_SCOPE = "ERROR_OUT_OF_SCOPE"
    # Remarks.
    AREA_WITHOUT_PLACE = "AREA_WITHOUT_PLACE"
    TEXT_MARKUP = "TEXT_MARKUP"
    SAME_TEXT_TWO_LANGUAGES = "SAME_TEXT_TWO_LANGUAGES"
    UTC_AS_PLUS = "UTC_AS_PLUS"
    REFERENCE_OF_ANOTHER_SENDER = "REFERENCE_OF_ANOTHER_SENDER"
    UPDATE_OF_NOTHING = "UPDATE_OF_NOTHING"


REMARKS: Final = frozenset(
    {
        Rule.AREA_WITHOUT_PLACE,
        Rule.TEXT_MARKUP,
        Rule.SAME_TEXT_TWO_LANGUAGES,
        Rule.UTC_AS_PLUS,
        Rule.REFERENCE_OF_ANOTHER_SENDER,
        Rule.UPDATE_OF_NOTHING,
    }
)
OUT_OF_SCOPE: Final = frozenset({Rule.STATUS_OUT_OF_SCOPE, Rule.ACK_OUT_OF_SCOPE, Rule.ERROR_OUT_OF_SCOPE})
MISSING: Final = frozenset(
    {
        *(Rule.ATOM_ENTRY_ID, Rule.ATOM_ENTRY_TITLE, Rule.ATOM_ENTRY_UPDATED, Rule.ATOM_ENTRY_LINK),
        *(Rule.RSS_ITEM_TITLE, Rule.RSS_ITEM_LINK),
        *(Rule.MISSING_ELEMENT, Rule.REFERENCE_MISSING, Rule.INFO_MISSING),
        *(Rule.CP_VERSION_CODE, Rule.CP_REFERENCE_MISSING, Rule.CP_INFO_MISSING, Rule.CP_EVENT_CODE, Rule.CP_GEOCODE),
    }
)

_ASK: Final = "Ask the sender to mend the alert and to send it again; other alerts of the file are not concerned."
_REMEDIES: Final[Mapping[Rule, str]] = MappingProxyType(
    {
        Rule.SEVERAL_ALERTS: "Give each alert an entry of its own.",
        Rule.NESTED_ALERT: "Send each alert as a message of its own; which of two was meant can't be known.",
        Rule.EDXL_STATUS: "Send exercises and tests in an envelope that says so, alone.",
        Rule.REFERENCE_MISSING: "Name what is cancelled in <references>; `tocsin retract` takes back one record.",
        Rule.STATUS_OUT_OF_SCOPE: "Nothing to mend: System and Draft messages are no warnings.",
        Rule.ACK_OUT_OF_SCOPE: "Nothing to mend: an acknowledgement is no warning.",
        Rule.ERROR_OUT_OF_SCOPE: "Nothing to mend, unless alerts are to be taken back: then send a Cancel.",
        Rule.ATOM_ENTRY_LINK: "Put the alert into the entry's content, or a link to it beside.",
        Rule.RSS_ITEM_LINK: "Give the item a link to its alert.",
    }
)


class Broken(NamedTuple):
    """One place where a rule is broken; `expected` never holds what stood there."""

    rule: Rule
    at: Element | str
    """The element, or its path where it stands in no document."""
    line: int
    expected: str

    @property
    def path(self) -> str:
        """Where it is; found out when it is asked for, since a bad file has it broken everywhere."""
        return self.at if isinstance(self.at, str) else path(self.at)

    @property
    def is_remark(self) -> bool:
        """Whether it refuses nothing."""
        return self.rule in REMARKS

    def error(self) -> RowError:
        """The refusal of the alert or entry, on the line where the rule is broken."""
        return RowError(
            self._code(), self.path, self.expected, line=self.line, rule=str(self.rule), remedy=self._remedy()
        )

    def _code(self) -> Code:
        if self.rule in OUT_OF_SCOPE:
            return Code.OUT_OF_SCOPE
        return Code.MISSING_VALUE if self.rule in MISSING else Code.BAD_VALUE

    def _remedy(self) -> str:
        return _REMEDIES.get(self.rule, _ASK)


def broken(rule: Rule, element: Element, expected: str) -> Broken:
    """A rule that is broken at an element."""
    return Broken(rule, element, row(element), expected)
