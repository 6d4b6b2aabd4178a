"""The closed lists of the contract.

The first symbol of each list is its Avro default, what a reader of an older version falls back to: always the one that
claims least.
"""

from enum import StrEnum


class Kind(StrEnum):
    """What a signed record is."""

    EVENT = "event"
    RETRACTION = "retraction"
    LINK = "link"
    HEARTBEAT = "heartbeat"
    ROSTER = "roster"
    POLICY = "policy"
    PARAMETERS = "parameters"
    ALERT = "alert"


class Status(StrEnum):
    """The realm of a record: real, a named exercise, or a test."""

    TEST = "TEST"
    EXERCISE = "EXERCISE"
    ACTUAL = "ACTUAL"


class Nature(StrEnum):
    """Whether it happened once, went on, or is expected."""

    EXPECTED = "EXPECTED"
    SPAN = "SPAN"
    INCIDENT = "INCIDENT"


class Role(StrEnum):
    """The part an actor had."""

    OTHER = "OTHER"
    PERPETRATOR = "PERPETRATOR"
    PARTY = "PARTY"
    AFFECTED = "AFFECTED"


class ActorClass(StrEnum):
    """What kind of body an actor is."""

    UNKNOWN = "UNKNOWN"
    STATE_MILITARY = "STATE_MILITARY"
    STATE_POLICE = "STATE_POLICE"
    STATE_OTHER = "STATE_OTHER"
    FOREIGN_FORCES = "FOREIGN_FORCES"
    ARMED_GROUP = "ARMED_GROUP"
    CRIMINAL = "CRIMINAL"
    CIVILIAN = "CIVILIAN"
    ORGANISATION = "ORGANISATION"
    MULTIPLE = "MULTIPLE"


class CountWhat(StrEnum):
    """What happened to those who are counted."""

    AFFECTED = "AFFECTED"
    KILLED = "KILLED"
    INJURED = "INJURED"
    MISSING = "MISSING"
    ABDUCTED = "ABDUCTED"
    DETAINED = "DETAINED"
    DISPLACED = "DISPLACED"
    EVACUATED = "EVACUATED"
    THREATENED = "THREATENED"
    ASSAULTED = "ASSAULTED"
    SEXUALLY_ASSAULTED = "SEXUALLY_ASSAULTED"
    DAMAGED = "DAMAGED"
    DESTROYED = "DESTROYED"
    LOOTED = "LOOTED"


class CountOf(StrEnum):
    """The group that is counted; a null stands for all."""

    OTHER = "OTHER"
    CIVILIAN = "CIVILIAN"
    COMBATANT = "COMBATANT"
    CHILD = "CHILD"
    AID_WORKER = "AID_WORKER"
    HEALTH_WORKER = "HEALTH_WORKER"
    EDUCATOR = "EDUCATOR"
    STUDENT = "STUDENT"
    JOURNALIST = "JOURNALIST"
    CAMP_RESIDENT = "CAMP_RESIDENT"


class CountUnit(StrEnum):
    """What one of the count is."""

    UNKNOWN = "UNKNOWN"
    PERSON = "PERSON"
    HOUSEHOLD = "HOUSEHOLD"
    OBJECT = "OBJECT"


class CountBasis(StrEnum):
    """New in this event, a running total, or a stock at one moment."""

    STOCK = "STOCK"
    CUMULATIVE = "CUMULATIVE"
    NEW = "NEW"


class Sector(StrEnum):
    """What part of civil life is affected."""

    OTHER = "OTHER"
    HEALTH = "HEALTH"
    EDUCATION = "EDUCATION"
    AID = "AID"
    CAMP = "CAMP"
    FOOD = "FOOD"
    WATER = "WATER"
    ENERGY = "ENERGY"
    RELIGIOUS = "RELIGIOUS"
    MEDIA = "MEDIA"
    GOVERNMENT = "GOVERNMENT"
    SECURITY = "SECURITY"


class Discipline(StrEnum):
    """How the information was gained."""

    OSINT = "OSINT"
    HUMINT = "HUMINT"
    SIGINT = "SIGINT"
    GEOINT = "GEOINT"
    FIELD = "FIELD"
    SENSOR = "SENSOR"
    OFFICIAL = "OFFICIAL"


class Reliability(StrEnum):
    """The Admiralty grade of the source, A best; F says nothing."""

    F = "F"
    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"


class Claims(StrEnum):
    """Whether the source says that it happened, or that it did not."""

    SUPPORTS = "SUPPORTS"
    DENIES = "DENIES"


class Review(StrEnum):
    """What the author's own review says."""

    UNREVIEWED = "UNREVIEWED"
    REVIEWED = "REVIEWED"
    DISPUTED = "DISPUTED"


class Onward(StrEnum):
    """Whether a reader may pass it on."""

    NONE = "NONE"
    ATTRIBUTE = "ATTRIBUTE"
    OPEN = "OPEN"


class Consent(StrEnum):
    """What the source agreed to."""

    UNKNOWN = "UNKNOWN"
    REFUSED = "REFUSED"
    LIMITED = "LIMITED"
    GIVEN = "GIVEN"
    NOT_NEEDED = "NOT_NEEDED"


class RetractedKind(StrEnum):
    """What can be retracted."""

    EVENT = "event"
    LINK = "link"


class RetractionReason(StrEnum):
    """Why an author takes a record back."""

    WITHDRAWN = "WITHDRAWN"
    ERROR = "ERROR"
    DUPLICATE = "DUPLICATE"
    SUPERSEDED = "SUPERSEDED"
    SOURCE_AT_RISK = "SOURCE_AT_RISK"
    LEGAL = "LEGAL"


class Relation(StrEnum):
    """What a link says of the events it names."""

    RELATED = "RELATED"
    SAME = "SAME"
    DIFFERENT = "DIFFERENT"
    VERSION_OF = "VERSION_OF"


class Verdict(StrEnum):
    """What ingest said."""

    REJECTED = "REJECTED"
    ACCEPTED = "ACCEPTED"


class Change(StrEnum):
    """What a delivery does to what this reader last had."""

    UPDATE = "UPDATE"
    NEW = "NEW"
    RETRACTED = "RETRACTED"
    CLOSED = "CLOSED"


class DeliveredKind(StrEnum):
    """What a delivery can hold."""

    EVENT = "event"
    RETRACTION = "retraction"
    LINK = "link"
    ALERT = "alert"


class DeliveryReason(StrEnum):
    """Why something is no longer, or no longer so, in a reader's picture (pictures.md, 4)."""

    BELOW_THRESHOLD = "BELOW_THRESHOLD"
    AUTHOR_RETRACTED = "AUTHOR_RETRACTED"
    REPLACED = "REPLACED"
    TAINTED = "TAINTED"
    EXPIRED = "EXPIRED"
    RIGHT_LOST = "RIGHT_LOST"
    LABEL_INVALID = "LABEL_INVALID"
    MERGED = "MERGED"
    SPLIT = "SPLIT"
    QUIET = "QUIET"


class AuditedAct(StrEnum):
    """What an operator did."""

    OTHER = "OTHER"
    RETRY = "RETRY"
    DROP = "DROP"
    BACKUP = "BACKUP"
    RESTORE = "RESTORE"
