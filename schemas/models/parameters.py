"""Every number that fusion uses, as one versioned record (fusion.md, starting values)."""

from typing import Annotated

from pydantic import Field

from schemas.models.base import Lax, Many, Ordinal, Probability, Short, Value
from schemas.models.enums import CountOf, CountUnit, CountWhat, Reliability

Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Level = Annotated[int, Field(ge=0, le=4)]


class UnknownSigma(Value):
    """Standard deviation in km where a record states no uncertainty, by its finest administrative level."""

    admin_1: Positive
    admin_2: Positive
    admin_3: Positive
    otherwise: Positive


class Gate(Value):
    """Which pairs can be one story at all."""

    gazetteer_sigma_km: Positive = Field(description="sigma_0: gazetteers differ.")
    unknown_sigma_km: UnknownSigma
    sigma_per_uncertainty: Positive = Field(description="sigma = uncertainty_km times this.")
    sigmas: Positive = Field(description="Largest distance, in combined standard deviations.")
    window_days: dict[str, NotNegative] = Field(description="By root of the type; without one it is never fused.")
    expected_window_days: NotNegative = Field(description="Where the nature is EXPECTED.")


class Weights(Value):
    """The share of each feature in the score; together 1."""

    type: NotNegative
    distance: NotNegative
    time: NotNegative
    text: NotNegative
    sectors: NotNegative
    actors: NotNegative
    counts: NotNegative


class TypeCosts(Value):
    """Cost of a pair of codes."""

    equal: NotNegative
    parent: NotNegative
    branch: NotNegative
    cross_branch: NotNegative


class Score(Value):
    """How alike two events are; lower is more alike."""

    threshold: NotNegative = Field(description="An edge, where the score is at most this.")
    weights: Weights
    type_costs: TypeCosts
    missing_cost: NotNegative = Field(description="Of a feature that either side lacks.")
    disjoint_counts_cost: NotNegative
    distance_scale_km: Positive = Field(description="Cost = d / (d + this).")
    time_scale_days: Positive = Field(description="Cost = shift / (window + this).")
    gram_words: int = Field(ge=1, le=8, description="Words per gram of the text.")
    shared_record: NotNegative = Field(description="Score of two records with one public id.")


class Dense(Value):
    """When one place-day holds so many events that an edge must be strong."""

    limit: int = Field(ge=1, description="More visible events than this make a bucket dense.")
    resolution: int = Field(ge=0, le=15, description="H3 resolution of a bucket.")
    strong_text: Probability = Field(description="Jaccard from which two texts are near-equal.")


class IndexLevel(Value):
    """The H3 resolution for events up to an uncertainty."""

    resolution: int = Field(ge=0, le=15)
    up_to_km: Positive


class Cluster(Value):
    """How pairs become stories."""

    edge_share: Probability = Field(description="Least share of the cross pairs of two groups that must be edges.")
    closing_days: Positive = Field(description="Without a new member for so long, a story closes.")
    dense: Dense
    index: Many[IndexLevel]


class AlertThreshold(Value):
    """A cluster is an alert where either is reached."""

    origins: int = Field(ge=1)
    severity: Level


class Caps(Value):
    """The largest probability that so much independence allows."""

    one_origin: Probability
    two_origins: Probability
    two_disciplines: Probability


class Words(Value):
    """Words for a probability from a lower bound on, inclusive."""

    from_probability: Probability
    words: Short


class ConfidenceTable(Value):
    """From graded reports to a probability."""

    prior: Probability
    credibility_log_odds: dict[str, float] = Field(description="By credibility, `1` to `6`.")
    reliability_factor: dict[str, Probability] = Field(description="By reliability, `A` to `F`.")
    ungraded_reliability: Lax[Reliability]
    ungraded_credibility: int = Field(ge=1, le=6)
    damping: Probability = Field(description="The k-th origin counts this to the power k - 1.")
    new_discipline: Probability = Field(description="An origin of a new discipline counts at least this.")
    floor: Probability
    caps: Caps
    words: Annotated[Many[Words], Field(min_length=1)] = Field(description="In ascending order.")


class ScaleStep(Value):
    """A figure of at least this many makes the scale so high."""

    what: Lax[CountWhat]
    unit: Lax[CountUnit] | None = Field(default=None, description="Only figures of this unit; null = any.")
    at_least: int = Field(ge=0)
    level: Level


class SeverityTable(Value):
    """From types and counts to a level."""

    harm: dict[str, Level] = Field(description="By code or branch; the longest that fits holds.")
    harm_otherwise: Level
    scale: Many[ScaleStep]
    vulnerable: Many[Lax[CountOf]] = Field(description="Groups that raise the level when affected.")
    vulnerable_from: Level = Field(description="Least harm or scale at which they do.")
    vulnerable_adds: Level
    most: Level


class Parameters(Value):
    """The numbers in force."""

    version: Ordinal
    gate: Gate
    score: Score
    cluster: Cluster
    alert: AlertThreshold
    confidence: ConfidenceTable
    severity: SeverityTable
