"""The alert of one cluster: a pure function of its members, what is related to them, and the parameters.

Nothing depends on the order of arrival: members stand by key, origins by strength, everything else sorted.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from bus.fusion.confidence import Belief, weigh
from bus.fusion.counts import as_body
from bus.fusion.explain import explain
from bus.fusion.joins import JoinLabels, join_all
from bus.fusion.node import Node, by_key
from bus.fusion.origins import origin_groups
from bus.fusion.severity import ceiling
from bus.fusion.story import Story, tell
from bus.labels import Label
from bus.names import BUS
from schemas.codec import encode_fields
from schemas.models import Parameters
from schemas.registry import newest

FEED: Final = "alerts"
STATUS_OF_REALM: Final = {"REAL": "ACTUAL", "TEST": "TEST"}
"""Any other realm is the name of an exercise."""
ID_DOMAIN: Final = b"tocsin-alert-v1\0"
VARIANT_DOMAIN: Final = b"tocsin-variant-v1\0"


class Related(NamedTuple):
    """What is tied to a cluster without being in it: an event reference or an umbrella id.

    `labels` are those of everything that the tie rests on (the event, the link). The alert names it, so they join the
    alert's label.
    """

    ref: str
    labels: tuple[Label, ...] = ()


class AlertDraft(NamedTuple):
    """An alert before it is signed; `body` is spelled as in the schema."""

    alert_id: str
    founder_key: tuple[str, str, str]
    label: Label
    body: dict[str, Any]
    created_at: int


def build(
    members: Sequence[Node],
    related: Iterable[Related],
    parameters: Parameters,
    label_join: JoinLabels,
    *,
    frozen_id: str | None = None,
) -> AlertDraft | None:
    """The alert of these members (at least one), or None below the threshold or where their labels have no join.

    Something related whose label has no join with the members' is left out. `frozen_id` is the id of a closed alert,
    which outlives its founder.
    """
    members = sorted(members, key=by_key)
    is_light = _ceiling(members, parameters) < parameters.alert.severity
    if is_light and len(members) < parameters.alert.origins:
        return None
    origins = origin_groups(members)
    if is_light and len(origins) < parameters.alert.origins:
        return None
    belief = weigh(origins, parameters.confidence)
    story = tell(members, belief.origins, parameters.severity)
    if len(origins) < parameters.alert.origins and story.gravity.level < parameters.alert.severity:
        return None
    label = join_all([node.label for node in members], label_join)
    if label is None:
        return None
    umbrellas = (Related(umbrella) for node in members for umbrella in node.source.part_of)
    label, names = _named(label, [*related, *umbrellas], label_join)
    founder = min(members, key=lambda node: (node.first_at, node.key))
    identity = frozen_id or alert_id(founder)
    body = _body(identity, members, belief, story, parameters) | {"related": names}
    return AlertDraft(identity, founder.key, label, body, max(node.accepted_at for node in members))


def alert_id(founder: Node) -> str:
    """The id of the alert that this member founded; amendments don't change it."""
    text = "\0".join((str(founder.first_at), *founder.key))
    return sha256(ID_DOMAIN + text.encode()).hexdigest()


def variant(label: Label, body_bytes: bytes) -> str:
    """The id of one state of an alert, by its label and encoded body."""
    text = label.text.encode()
    return sha256(VARIANT_DOMAIN + len(text).to_bytes(4, "big") + text + body_bytes).hexdigest()


def message(draft: AlertDraft) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and body of the alert, as they are encoded and signed."""
    return _header(draft, encode_fields(newest("alert"), {"body": draft.body})), draft.body


def payload(draft: AlertDraft) -> tuple[str, bytes]:
    """The variant, and the bytes to sign: what encoding `message` gives, with the body encoded once."""
    schema = newest("alert")
    body_bytes = encode_fields(schema, {"body": draft.body})
    header = _header(draft, body_bytes)
    return header["id"], schema.prefix + encode_fields(schema, {"header": header}) + body_bytes


def _ceiling(members: Sequence[Node], parameters: Parameters) -> int:
    """The most that these members' severity can be."""
    codes = {code for node in members for code in node.codes}
    return ceiling(codes, [count for node in members for count in node.counts], parameters.severity)


def _header(draft: AlertDraft, body_bytes: bytes) -> dict[str, Any]:
    status = STATUS_OF_REALM.get(draft.label.realm, "EXERCISE")
    return {
        "agency": BUS,
        "feed": FEED,
        "id": variant(draft.label, body_bytes),
        "revision": 1,
        "sequence": 1,
        "created_at": draft.created_at,
        "expires_at": None,
        "status": status,
        "exercise": draft.label.realm if status == "EXERCISE" else None,
        "label": draft.label.text,
    }


def _body(
    identity: str, members: Sequence[Node], belief: Belief, story: Story, parameters: Parameters
) -> dict[str, Any]:
    grave = story.gravity
    return {
        "alert_id": identity,
        "parameters_version": parameters.version,
        "members": _members(members, belief),
        "type": story.type,
        "nature": story.nature,
        "when": story.when,
        "where": story.where,
        "counts": as_body(story.figures),
        "severity": {
            "level": grave.level,
            "harm": grave.harm,
            "scale": grave.scale,
            "vulnerable": grave.vulnerable is not None,
        },
        "confidence": {
            "log_odds": belief.log_odds,
            "probability": belief.probability,
            "words": belief.words,
            "cap": belief.cap,
        },
        "origins": len(belief.origins),
        "disciplines": sorted({node.source.discipline for group in belief.origins for node in group}),
        "explanation": explain(members, belief, grave, parameters.confidence, parameters.severity),
        "attributions": sorted({node.source.attribution for node in members if node.source.attribution}),
    }


def _members(members: Sequence[Node], belief: Belief) -> list[dict[str, Any]]:
    """The members with the number of their origin; 0 stands for a repeated alert, which has none of its own."""
    origin_of = {node.key: number for number, group in enumerate(belief.origins, 1) for node in group}
    return [
        {
            "digest": node.digest.hex(),
            "agency": node.key[0],
            "feed": node.key[1],
            "id": node.key[2],
            "revision": node.revision,
            "accepted_at": node.accepted_at,
            "first_at": node.first_at,
            "claims": node.source.claims,
            "origin_group": origin_of.get(node.key, 0),
        }
        for node in members
    ]


def _named(label: Label, related: Iterable[Related], label_join: JoinLabels) -> tuple[Label, list[str]]:
    """The label raised by what is related, and the references that it can name."""
    by_ref: dict[str, set[Label]] = {}
    for tie in related:
        by_ref.setdefault(tie.ref, set()).update(tie.labels)
    names = []
    for ref in sorted(by_ref):
        both = join_all([label, *by_ref[ref]], label_join)
        if both is not None:
            label = both
            names.append(ref)
    return label, names
