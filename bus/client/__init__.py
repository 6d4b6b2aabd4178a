"""What an agency imports: publish, read, verify."""

from bus.client.authority import Authority
from bus.client.connect import open_publisher, open_subscriber, signing_key
from bus.client.patience import Patience
from bus.client.picture import Picture
from bus.client.publication import Act, Draft, Outcome, Publication
from bus.client.publisher import Publisher, Scope
from bus.client.receipts import read_receipts
from bus.client.spool import Spool, SpooledError
from bus.client.subscriber import Received, Subscriber
from bus.client.verify import Verification, verify_alert, verify_alerts, verify_event

__all__ = [
    "Act",
    "Authority",
    "Draft",
    "Outcome",
    "Patience",
    "Picture",
    "Publication",
    "Publisher",
    "Received",
    "Scope",
    "Spool",
    "SpooledError",
    "Subscriber",
    "Verification",
    "open_publisher",
    "open_subscriber",
    "read_receipts",
    "signing_key",
    "verify_alert",
    "verify_alerts",
    "verify_event",
]
