"""The stories of one picture: clusters of the open records that one reader has, and the alerts that they make.

Part of the naive oracle: pure functions, each time in a graph that nobody else ever touched.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bus.fusion.alert import AlertDraft, Related, build, payload
from bus.fusion.graph import Graph
from bus.fusion.node import Node
from tests.support.oracle_prefix import Prefix, Ref, Said


class Story(NamedTuple):
    """A cluster in one picture: what it consists of, and the alert that it makes, if any."""

    members: tuple[Node, ...]
    related: tuple[Related, ...]
    draft: AlertDraft | None


def fused(prefix: Prefix, opened: Sequence[Said], links: Sequence[Said], events: dict[Ref, Said]) -> list[Story]:
    """Cluster open events under the links that act; `events` are all that the reader has, closed ones too."""
    nodes = [make_node(prefix, said) for said in opened]
    graph = Graph(prefix.parameters, prefix.join)
    for node in nodes:
        graph.put(node, 1)
    for link in links:
        if link.body["relation"] in ("SAME", "DIFFERENT"):
            graph.link(link.ref, link.body["relation"], named(link), 1)
    graph.settle()
    clusters = {cluster.members for node in nodes if (cluster := graph.cluster_of(node.key, 0)) is not None}
    stories = []
    for members in sorted(clusters, key=lambda members: [node.key for node in members]):
        related = _related(prefix, {node.key for node in members}, links, events)
        draft = build(members, related, prefix.parameters, prefix.join)
        stories.append(Story(members, related, draft))
    return stories


def _related(prefix: Prefix, members: set[Ref], links: Sequence[Said], events: dict[Ref, Said]) -> tuple[Related, ...]:
    """Section 3: event references from links (and `part_of`, which the alert takes from its members)."""
    found = []
    for link in links:
        refs = named(link)
        if link.body["relation"] in ("SAME", "RELATED") and not members.isdisjoint(refs):
            for ref in refs:
                if ref not in members:
                    labels = [prefix.label(text) for text in (events[ref].label, link.label)]
                    found.append(Related("/".join(ref), tuple(label for label in labels if label is not None)))
    return tuple(found)


def make_node(prefix: Prefix, said: Said) -> Node:
    """The event as fusion sees it."""
    label = prefix.label(said.label)
    assert label is not None, "nobody has a record whose label is invalid"
    return Node.from_event(
        said.header,
        said.body,
        digest=said.digest,
        accepted_at=said.accepted_at,
        first_at=said.first_at,
        label=label,
        curated=said.is_curated,
        parameters=prefix.parameters,
    )


def named(link: Said) -> list[Ref]:
    """The events that a link names."""
    return [(ref["agency"], ref["feed"], ref["id"]) for ref in link.body["events"]]


def acts(link: Said) -> bool:
    """Section 3: SAME and DIFFERENT only from analyst feeds, RELATED from anyone."""
    return link.body["relation"] == "RELATED" or link.is_analyst


def variant(draft: AlertDraft | None) -> str:
    """Section 4: nothing is sent where it is unchanged."""
    assert draft is not None
    return payload(draft)[0]


def what_changed(before: AlertDraft | None, now: AlertDraft | None) -> tuple[str, ...]:
    """Section 4: evidence, severity up or down, confidence, label."""
    assert before is not None
    assert now is not None
    old, new = before.body, now.body

    def evidence(body: dict[str, list[dict[str, object]]]) -> list[object]:
        return [member["digest"] for member in body["members"]]

    level = new["severity"]["level"] - old["severity"]["level"]
    changes = (
        ("EVIDENCE", evidence(old) != evidence(new)),
        ("SEVERITY_UP", level > 0),
        ("SEVERITY_DOWN", level < 0),
        ("CONFIDENCE", old["confidence"]["probability"] != new["confidence"]["probability"]),
        ("LABEL", before.label.text != now.label.text),
    )
    return tuple(name for name, changed in changes if changed)
