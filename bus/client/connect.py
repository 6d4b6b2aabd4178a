"""From a home to a publisher or a subscriber of one agency.

Key, policies and default labels as the roster in force has them.
"""

from collections.abc import Callable

from bus.client.authority import Authority
from bus.client.kept import Kept
from bus.client.patience import PATIENCE, Patience
from bus.client.publisher import BATCH_RECORDS, Publisher
from bus.client.subscriber import Subscriber
from bus.clock import now_ms
from bus.errors import NotFoundError, Refusal
from bus.home import Home, load_keys, usable_key
from bus.log.protocol import Log
from bus.log.topics import topic
from bus.trust.keys import SigningKey


def open_publisher(  # noqa: PLR0913 - what a publisher is made of
    home: Home,
    log: Log,
    agency: str,
    feed: str,
    *,
    clock_ms: Callable[[], int] = now_ms,
    batch_records: int = BATCH_RECORDS,
    patience: Patience = PATIENCE,
    owns_log: bool = False,
) -> Publisher:
    """A publisher of the agency, with a key that may sign for `feed` now.

    Each feed's default label stands in for a missing one.
    """
    authority = Authority(log, home.pin())
    entry = authority.trust.agency(agency)
    if entry is None:
        raise NotFoundError(
            f"the roster in force has no agency {agency}",
            "`tocsin agency ls` shows the agencies; `tocsin agency add` admits one.",
        )
    return Publisher(
        log,
        agency,
        signing_key(home, authority, agency, feed, clock_ms()),
        home.publisher(agency),
        authority.policies,
        pin=home.pin(),
        default_labels={one.name: one.default_label for one in entry.feeds},
        clock_ms=clock_ms,
        batch_records=batch_records,
        patience=patience,
        trust=authority.trust,
        owns_log=owns_log,
    )


def open_subscriber(home: Home, log: Log, agency: str, *, name: str | None = None, verify: bool = True) -> Subscriber:
    """A subscriber of the agency: from its first delivery on, or where the reader of this name stopped."""
    log.end(topic("outbox", agency))  # only an agency of this bus has one: nobody else's folder is made
    path = None if name is None else home.reader(agency, name)
    return Subscriber(log, agency, home.pin(), kept=Kept(path, agency, home.pin()), verify=verify)


def signing_key(home: Home, authority: Authority, agency: str, feed: str, at: int) -> SigningKey:
    """The agency's newest key that the roster lets sign for this feed at `at` (UTC ms)."""
    key = usable_key(home, authority.trust, agency, feed, at)
    if key is not None:
        return key
    judged = (authority.trust.judge_key(one.public.key_id, feed, at) for one in reversed(load_keys(home, agency)))
    why = next((found for found in judged if isinstance(found, Refusal)), None)
    raise NotFoundError(
        f"no key of {agency} in this home may sign for the feed {feed} now" + (f" ({why.reason})" if why else ""),
        why.remedy if why else "Make a key with `tocsin key new`, and let the authority enter it into the roster.",
    )
