"""The signed kinds on the wire: a header and a body each."""

from typing import Final

from schemas.models.acts import Heartbeat, Link, Retraction
from schemas.models.alert import Alert
from schemas.models.base import Value
from schemas.models.control import PolicyDocument, Roster
from schemas.models.enums import Kind
from schemas.models.event import Event
from schemas.models.header import Header
from schemas.models.parameters import Parameters


class EventMessage(Value):
    """Something reported, observed, measured or expected."""

    header: Header
    body: Event


class RetractionMessage(Value):
    """Own records taken back."""

    header: Header
    body: Retraction


class LinkMessage(Value):
    """What an author says of several events."""

    header: Header
    body: Link


class HeartbeatMessage(Value):
    """A sign of life of a feed."""

    header: Header
    body: Heartbeat


class RosterMessage(Value):
    """The roster that holds from here on."""

    header: Header
    body: Roster


class PolicyMessage(Value):
    """The label policy that holds from here on."""

    header: Header
    body: PolicyDocument


class ParametersMessage(Value):
    """The numbers of fusion that hold from here on."""

    header: Header
    body: Parameters


class AlertMessage(Value):
    """What the bus concludes."""

    header: Header
    body: Alert


Message = (
    EventMessage
    | RetractionMessage
    | LinkMessage
    | HeartbeatMessage
    | RosterMessage
    | PolicyMessage
    | ParametersMessage
    | AlertMessage
)
"""Any signed kind."""

MESSAGE_OF_KIND: Final[dict[str, type[Message]]] = {
    Kind.EVENT: EventMessage,
    Kind.RETRACTION: RetractionMessage,
    Kind.LINK: LinkMessage,
    Kind.HEARTBEAT: HeartbeatMessage,
    Kind.ROSTER: RosterMessage,
    Kind.POLICY: PolicyMessage,
    Kind.PARAMETERS: ParametersMessage,
    Kind.ALERT: AlertMessage,
}
