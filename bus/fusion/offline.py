"""Fusion offline: events and readers in, each reader's picture out. No closing, no links: all is taken as open."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import NamedTuple

from bus.errors import Refusal
from bus.fusion.alert import AlertDraft, build
from bus.fusion.graph import Graph
from bus.fusion.node import Node
from bus.labels import Clearance, Label, Permit, Policy, join, parse_label, permits
from schemas.codec import to_wire
from schemas.models import EventMessage, Parameters
from schemas.parameters import starting_values


class Offered(NamedTuple):
    """An event as the bus accepted it, once per identity. `digest` None: that of its encoding, without payload type."""

    message: EventMessage
    accepted_at: int
    first_at: int | None = None
    curated: bool = False
    digest: bytes | None = None


class Picture(NamedTuple):
    """What one reader has: clusters of the events that it may read, by first member, and the alerts, by id."""

    clusters: tuple[tuple[Node, ...], ...]
    alerts: tuple[AlertDraft, ...]


def fuse(
    events: Iterable[Offered],
    readers: Mapping[str, Clearance],
    policies: Mapping[str, Policy],
    at: int,
    parameters: Parameters | None = None,
) -> dict[str, Picture]:
    """The readers' pictures at `at` (UTC ms). An event whose label is not valid under the policies is in none."""
    parameters = parameters or starting_values()

    def label_join(a: Label, b: Label) -> Label | None:
        return join(policies[a.policy], a, b)

    graph = Graph(parameters, label_join)
    names = sorted(readers)
    visible: list[tuple[Node, int]] = []
    for event in events:
        label = parse_label(event.message.header.label, policies)
        if isinstance(label, Refusal):
            continue
        mask = _mask(label, [readers[name] for name in names], policies, at)
        if mask:
            node = _node(event, label, parameters)
            visible.append((node, mask))
            graph.put(node, mask)
    graph.settle()
    pictures = {}
    for bit, name in enumerate(names):
        clusters = _clusters(graph, [node for node, mask in visible if mask >> bit & 1], bit)
        alerts = [draft for members in clusters if (draft := build(members, (), parameters, label_join)) is not None]
        pictures[name] = Picture(clusters, tuple(sorted(alerts, key=lambda draft: draft.alert_id)))
    return pictures


def _mask(label: Label, clearances: list[Clearance], policies: Mapping[str, Policy], at: int) -> int:
    """The readers who may read the label, as bits in their order."""
    policy = policies[label.policy]
    mask = 0
    for bit, clearance in enumerate(clearances):
        verdict = permits(policy, clearance, label, at, roster_version=0, policy_version=0)
        mask |= isinstance(verdict, Permit) << bit
    return mask


def _node(event: Offered, label: Label, parameters: Parameters) -> Node:
    # The original may hold bytes that are no text; fusion does not read it.
    decoded = event.message.model_dump(mode="json", exclude={"body": {"original"}})
    return Node.from_event(
        decoded["header"],
        decoded["body"],
        digest=event.digest or sha256(to_wire(event.message)).digest(),
        accepted_at=event.accepted_at,
        first_at=event.accepted_at if event.first_at is None else event.first_at,
        label=label,
        curated=event.curated,
        parameters=parameters,
    )


def _clusters(graph: Graph, nodes: list[Node], bit: int) -> tuple[tuple[Node, ...], ...]:
    found: dict[tuple[str, str, str], tuple[Node, ...]] = {}
    for node in nodes:
        cluster = graph.cluster_of(node.key, bit)
        if cluster is not None:
            found[cluster.members[0].key] = cluster.members
    return tuple(found[key] for key in sorted(found))
