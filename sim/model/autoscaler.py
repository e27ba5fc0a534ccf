"""Autoscalers as people write them down: metric, target, periods, windows, limits.

Names and defaults are those of Kubernetes (HorizontalPodAutoscaler v2), KEDA 2.21 (ScaledObject)
and Knative Serving (KPA, config-autoscaler). What they decide is in ``sim.model.autoscaling``.

A *metric* is a figure of the whole pool, of which a replica can carry ``target``:

- ``concurrency``: requests held at the gateway, waiting on replicas and in their batches;
- ``queue``: those of them that are not in a batch;
- ``running``: those that are;
- ``kv_utilisation``: occupied share of the KV cache, averaged over the ready replicas;
- ``saturation``: of each ready replica the larger of its waiting requests over ``full_queue`` and
  its occupied share of the KV cache over ``full_kv``, averaged (the utilization detector of the
  Gateway API Inference Extension and llm-d, with their defaults, 5 and 80 %);
- ``requests_per_s``, ``output_tokens_per_s``: attempts that arrive, and output tokens of answers
  that are finished, over the last ``rate_window_s``.
"""

from dataclasses import dataclass
from typing import Literal

from sim.model.gateway import FULL_KV, FULL_QUEUE
from sim.model.planner import Planner
from sim.model.rule import require
from sim.model.timetable import DAY_S, Scheduled, ScheduleEntry

__all__ = [
    "DAY_S",
    "FULL_KV",
    "FULL_QUEUE",
    "PRESETS",
    "SCALE_DOWN",
    "SCALE_UP",
    "SHARES",
    "Autoscaler",
    "Custom",
    "Hpa",
    "Keda",
    "Knative",
    "Metric",
    "Planner",
    "Predictive",
    "Reactive",
    "ScalingPolicy",
    "ScalingRules",
    "ScheduleEntry",
    "Scheduled",
    "Trigger",
]

Metric = Literal[
    "concurrency",
    "queue",
    "running",
    "kv_utilisation",
    "saturation",
    "requests_per_s",
    "output_tokens_per_s",
]
SHARES: tuple[Metric, ...] = ("kv_utilisation", "saturation")  # means over the replicas, no sums


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """The largest change within a period: so many replicas, or per cent of those there were.

    Attributes
    ----------
    kind : {"percent", "pods"}
    value : float
    period_s : float
    """

    kind: Literal["percent", "pods"]
    value: float
    period_s: float = 15.0

    def __post_init__(self) -> None:
        require(self.value > 0, "value of a scaling policy", self.value, "must be above 0")
        require(self.period_s > 0, "period_s", self.period_s, "must be above 0")


@dataclass(frozen=True, slots=True)
class ScalingRules:
    """How fast replicas may be added, or taken away (``behavior`` of an HPA).

    Attributes
    ----------
    stabilization_window_s : float
        The most cautious recommendation of this long is followed.
    policies : tuple of ScalingPolicy
    select : {"max", "min", "disabled"}
        Which of the policies counts: that of the largest or of the smallest change, or no change.
    """

    stabilization_window_s: float
    policies: tuple[ScalingPolicy, ...]
    select: Literal["max", "min", "disabled"] = "max"

    def __post_init__(self) -> None:
        window_s = self.stabilization_window_s
        require(window_s >= 0, "stabilization_window_s", window_s, "must be >= 0")
        require(len(self.policies) > 0, "policies", self.policies, "must name at least one")


SCALE_UP = ScalingRules(0.0, (ScalingPolicy("percent", 100.0), ScalingPolicy("pods", 4.0)))
SCALE_DOWN = ScalingRules(300.0, (ScalingPolicy("percent", 100.0),))


@dataclass(frozen=True, slots=True)
class Trigger:
    """A metric, and how much of it a replica should have.

    Attributes
    ----------
    metric : Metric
    target : float
    """

    metric: Metric
    target: float

    def __post_init__(self) -> None:
        require(self.target > 0, "target", self.target, "must be above 0")


@dataclass(frozen=True, slots=True)
class Reactive:
    """What Kubernetes' HorizontalPodAutoscaler (v2) goes by, with its defaults.

    Its initial readiness delay (30 s) holds for CPU metrics only, and so not for these.

    Attributes
    ----------
    target : float
        Of the metric, for each replica.
    max_replicas, min_replicas : int
    metric : Metric
    others : tuple of Trigger
        Further metrics: the one that asks for the most replicas is followed.
    tolerance : float
        No change while metric and target differ by no more than this share.
    sync_period_s, metric_delay_s, rate_window_s : float
        A decision is made every ``sync_period_s``, on a metric ``metric_delay_s`` old.
    scrape_interval_s : float
        How often the metric is collected; 0 for always.
    metric_window_s : float
        Time over which what was collected is averaged; 0 for the last alone.
    full_queue, full_kv : float
        Waiting requests, and share of the KV cache, at which a replica counts as full.
    scale_up, scale_down : ScalingRules
    """

    target: float
    max_replicas: int
    min_replicas: int = 1
    metric: Metric = "concurrency"
    others: tuple[Trigger, ...] = ()
    tolerance: float = 0.1
    sync_period_s: float = 15.0
    metric_delay_s: float = 0.0
    rate_window_s: float = 60.0
    scrape_interval_s: float = 0.0
    metric_window_s: float = 0.0
    full_queue: float = FULL_QUEUE
    full_kv: float = FULL_KV
    scale_up: ScalingRules = SCALE_UP
    scale_down: ScalingRules = SCALE_DOWN

    def __post_init__(self) -> None:
        _check_limits(self.target, self.min_replicas, self.max_replicas)
        _check_sampling(self.sync_period_s, self.metric_delay_s, self.rate_window_s)
        require(self.tolerance >= 0, "tolerance", self.tolerance, "must be >= 0")
        interval_s, window_s = self.scrape_interval_s, self.metric_window_s
        require(interval_s >= 0, "scrape_interval_s", interval_s, "must be >= 0")
        collected = window_s == 0 or 0 < interval_s <= window_s
        require(collected, "metric_window_s", window_s, "must be at least scrape_interval_s")
        require(self.full_queue > 0, "full_queue", self.full_queue, "must be above 0")
        require(0 < self.full_kv <= 1, "full_kv", self.full_kv, "must be above 0 and at most 1")

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """All that is looked at."""
        return Trigger(self.metric, self.target), *self.others


@dataclass(frozen=True, slots=True)
class Hpa(Reactive):
    """Kubernetes' HorizontalPodAutoscaler; at zero replicas it would be switched off."""

    def __post_init__(self) -> None:
        Reactive.__post_init__(self)
        require(self.min_replicas > 0, "min_replicas", self.min_replicas, "of hpa must be >= 1")


@dataclass(frozen=True, slots=True)
class Keda(Reactive):
    """KEDA's ScaledObject: an HPA between one replica and the maximum, and zero when idle.

    Every ``polling_interval_s`` KEDA looks whether the metric of the pool exceeds
    ``activation_threshold``, or any of several does. If so and there are no replicas, it starts
    max(1, ``min_replicas``); if it has not for ``cooldown_s``, and ``min_replicas`` is 0, it
    removes all.

    Attributes
    ----------
    initial_cooldown_s : float
        No scaling to zero this long after the beginning.
    idle_replicas : int or None
        Replicas while idle, fewer than ``min_replicas`` (which then is not 0).
    activation : {"poll", "request"}
        Whether zero is left at a poll only, or as soon as a request waits (a push scaler, such as
        that of KEDA's HTTP add-on).
    """

    max_replicas: int = 100
    min_replicas: int = 0
    activation_threshold: float = 0.0
    polling_interval_s: float = 30.0
    cooldown_s: float = 300.0
    initial_cooldown_s: float = 0.0
    idle_replicas: int | None = None
    activation: Literal["poll", "request"] = "poll"

    def __post_init__(self) -> None:
        Reactive.__post_init__(self)
        interval_s = self.polling_interval_s
        require(interval_s > 0, "polling_interval_s", interval_s, "must be above 0")
        require(self.cooldown_s >= 0, "cooldown_s", self.cooldown_s, "must be >= 0")
        if self.idle_replicas is not None:
            fewer = f"must be at least 0 and below min_replicas ({self.min_replicas})"
            kept = 0 <= self.idle_replicas < self.min_replicas
            require(kept, "idle_replicas", self.idle_replicas, fewer)

    @property
    def resting_replicas(self) -> int:
        """Replicas when nothing has happened for ``cooldown_s``."""
        return self.min_replicas if self.idle_replicas is None else self.idle_replicas


@dataclass(frozen=True, slots=True)
class Knative:
    """Knative's pod autoscaler (KPA).

    Every ``sync_period_s`` (2 s) it divides the metric's average over the stable window by the
    target; when the average over the panic window asks for ``panic_threshold`` times the ready
    replicas, it panics: follows the larger of both, and takes nothing away until a whole stable
    window has passed without. A request that meets no replica wakes it at once.

    Attributes
    ----------
    target : float
        Concurrency of a replica, or its requests per second.
    target_utilisation : float
        Share of the target that is aimed at.
    panic_window_share, panic_threshold : float
        10 % of the stable window, 200 %.
    max_scale_up_rate, max_scale_down_rate : float
        Largest factor of a change in one decision.
    scale_to_zero_grace_s : float
        The last replica stays this long after zero was wanted first.
    scale_down_delay_s : float
        The largest recommendation of this long is followed.
    activation_scale : int
        Replicas when zero is left.
    sample_period_s : float
        How often the metric is collected.
    """

    max_replicas: int
    min_replicas: int = 0
    target: float = 100.0
    metric: Metric = "concurrency"
    target_utilisation: float = 0.7
    stable_window_s: float = 60.0
    panic_window_share: float = 0.1
    panic_threshold: float = 2.0
    max_scale_up_rate: float = 1000.0
    max_scale_down_rate: float = 2.0
    scale_to_zero_grace_s: float = 30.0
    scale_down_delay_s: float = 0.0
    activation_scale: int = 1
    sync_period_s: float = 2.0
    sample_period_s: float = 1.0
    metric_delay_s: float = 0.0
    rate_window_s: float = 1.0

    def __post_init__(self) -> None:
        _check_limits(self.target, self.min_replicas, self.max_replicas)
        _check_sampling(self.sync_period_s, self.metric_delay_s, self.rate_window_s)
        share = self.target_utilisation
        require(0 < share <= 1, "target_utilisation", share, "must be above 0 and at most 1")
        for name in ("max_scale_up_rate", "max_scale_down_rate", "panic_threshold"):
            require(getattr(self, name) > 1, name, getattr(self, name), "must be above 1")
        panic_s = self.stable_window_s * self.panic_window_share
        require(panic_s >= self.sample_period_s, "panic window", panic_s, "is below a sample")


@dataclass(frozen=True, slots=True)
class Predictive(Reactive):
    """Yesterday's curve, a lead time ahead, as the minimum of an HPA.

    The forecast is the largest value that the metric had a day ago between now and ``lead_s``
    ahead, times ``growth``. On the first day the HPA is all there is.

    Attributes
    ----------
    lead_s : float
        As long as a cold start takes.
    growth : float
        Factor from one day to the next.
    """

    lead_s: float = 600.0
    growth: float = 1.0

    def __post_init__(self) -> None:
        Reactive.__post_init__(self)
        require(not self.others, "others", len(self.others), "must be none: one is forecast")
        require(self.min_replicas > 0, "min_replicas", self.min_replicas, "must be at least 1")
        require(0 <= self.lead_s < DAY_S, "lead_s", self.lead_s, "must be shorter than a day")
        require(self.growth > 0, "growth", self.growth, "must be above 0")


@dataclass(frozen=True, slots=True)
class Custom:
    """A process of the user's own.

    Attributes
    ----------
    process : str
        Its name in ``sim.engine.control.AUTOSCALERS``, or ``module:function``.
    max_replicas, min_replicas : int
        Whatever it asks for is brought into these limits.
    """

    process: str
    max_replicas: int
    min_replicas: int = 0

    def __post_init__(self) -> None:
        _check_limits(1.0, self.min_replicas, self.max_replicas)


@dataclass(frozen=True, slots=True)
class Joint:
    """Limits of a variant, of which another autoscaler says how many there are.

    Attributes
    ----------
    max_replicas, min_replicas : int
    """

    max_replicas: int
    min_replicas: int = 0

    def __post_init__(self) -> None:
        _check_limits(1.0, self.min_replicas, self.max_replicas)


Autoscaler = Hpa | Keda | Knative | Scheduled | Predictive | Planner | Custom | Joint

PRESETS: dict[str, type[Autoscaler]] = {
    "hpa": Hpa,
    "keda": Keda,
    "knative": Knative,
    "scheduled": Scheduled,
    "predictive": Predictive,
    "planner": Planner,
}
"""By the name that a scenario uses; "none" is the absence of an autoscaler."""


def _check_limits(target: float, fewest: int, most: int) -> None:
    require(target > 0, "target", target, "must be above 0")
    require(fewest >= 0, "min_replicas", fewest, "must be >= 0")
    require(most >= max(1, fewest), "max_replicas", most, f"must be at least {max(1, fewest)}")


def _check_sampling(sync_period_s: float, metric_delay_s: float, rate_window_s: float) -> None:
    require(sync_period_s > 0, "sync_period_s", sync_period_s, "must be above 0")
    require(metric_delay_s >= 0, "metric_delay_s", metric_delay_s, "must be >= 0")
    require(rate_window_s > 0, "rate_window_s", rate_window_s, "must be above 0")
