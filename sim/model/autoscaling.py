"""What autoscalers decide: pure rules over what they have been shown.

A decider is shown the metric of the pool (``see``) and asked how many replicas there should be
(``replicas``). It knows nothing else, keeps its own history, and draws no random numbers; so the
documented behaviour of a preset can be replayed against it.

Sources: kubernetes/kubernetes pkg/controller/podautoscaler (horizontal.go, replica_calculator.go),
kedacore/keda pkg/scaling/executor, knative/serving pkg/autoscaler/scaling/autoscaler.go.
"""

import math
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from sim.model.autoscaler import (
    DAY_S,
    Keda,
    Knative,
    Predictive,
    Reactive,
    ScalingPolicy,
    ScalingRules,
    Scheduled,
)

History = deque[tuple[float, int]]  # (time, replicas)

ROUNDING = 1e-9  # a ratio that exceeds a whole number by less is that number


def ceiling(value: float) -> int:
    """Smallest integer that is not below ``value``, but for rounding."""
    return math.ceil(value - ROUNDING)


def recommended(total: float, target: float, current: int, ready: int, tolerance: float) -> int:
    """Replicas by the rule of an HPA: ceil(current · metric / target), metric per ready replica.

    Replicas that are not ready count as idle when scaling up, and not at all when scaling down;
    where that turns the direction round nothing changes, nor does it without a ready replica.

    Parameters
    ----------
    total : float
        The metric summed over the pool.
    """
    if ready == 0:
        return current
    ratio = total / (target * ready)
    if ready < current and ratio > 1.0:
        ratio = total / (target * current)
        if ratio < 1.0:
            return current
    return current if abs(ratio - 1.0) <= tolerance + ROUNDING else ceiling(total / target)


class HpaRule:
    """The recommendation, stabilised and held within the scaling policies."""

    def __init__(self, policy: Reactive) -> None:
        self.policy = policy
        self._totals: tuple[float, ...] = ()
        self._recommendations: History = deque()
        self._looked = False
        self._changes: History = deque()  # what was added (above 0) or taken away (below), and when

    def see(self, now_s: float, *totals: float) -> None:
        """Take in the metrics of the pool, in the order of the triggers."""
        self._totals = totals

    def recommendation(self, current: int, ready: int) -> int:
        """Replicas that the metric calls for which calls for the most."""
        policy = self.policy
        return max(
            recommended(total, trigger.target, current, ready, policy.tolerance)
            for total, trigger in zip(self._totals, policy.triggers, strict=True)
        )

    def least(self, now_s: float) -> int:
        """Fewest replicas, whatever the metric."""
        return max(1, self.policy.min_replicas)

    def replicas(self, now_s: float, current: int, ready: int) -> int:
        """Replicas from now on; ``current`` are those there should be so far."""
        if current == 0 or not self._totals:
            return current  # at zero an HPA is switched off
        least, most = self.least(now_s), self.policy.max_replicas
        if not least <= current <= most:  # whatever the metric says
            return self._noted(now_s, current, min(max(current, least), most))
        wanted = self._stabilised(now_s, current, self.recommendation(current, ready))
        if wanted > current:
            most = min(most, max(current, self._up_limit(now_s, current)))
        elif wanted < current:
            least = max(least, min(current, self._down_limit(now_s, current)))
        return self._noted(now_s, current, min(max(wanted, least), most))

    def _stabilised(self, now_s: float, current: int, wanted: int) -> int:
        """The most cautious recommendation of each direction's window."""
        if not self._looked:
            # The controller's first entry is the number that it finds (recordInitialRecommendation
            # in kubernetes/pkg/controller/podautoscaler/horizontal.go), so that it scales down no
            # sooner after its start than at any other time.
            self._looked = True
            self._recommendations.append((now_s, current))
        self._recommendations.append((now_s, wanted))
        up_s = self.policy.scale_up.stabilization_window_s
        down_s = self.policy.scale_down.stabilization_window_s
        _forget(self._recommendations, now_s - max(up_s, down_s))
        up = min((n for at_s, n in self._recommendations if at_s > now_s - up_s), default=wanted)
        down = max(
            (n for at_s, n in self._recommendations if at_s > now_s - down_s), default=wanted
        )
        return min(max(current, min(up, wanted)), max(down, wanted))

    def _noted(self, now_s: float, current: int, replicas: int) -> int:
        """Keep a change in mind for as long as a policy looks back."""
        if replicas != current:
            self._changes.append((now_s, replicas - current))
            rules = (self.policy.scale_up, self.policy.scale_down)
            _forget(self._changes, now_s - max(p.period_s for r in rules for p in r.policies))
        return replicas

    def _up_limit(self, now_s: float, current: int) -> int:
        def most(rule: ScalingPolicy) -> int:
            before = self._at_start(rule, now_s, current)
            if rule.kind == "pods":
                return before + int(rule.value)
            return ceiling(before * (1 + rule.value / 100))  # up, or one replica never became two

        return _selected(self.policy.scale_up, [most(p) for p in self.policy.scale_up.policies])

    def _down_limit(self, now_s: float, current: int) -> int:
        def least(rule: ScalingPolicy) -> int:
            before = self._at_start(rule, now_s, current)
            if rule.kind == "pods":
                return before - int(rule.value)
            return math.floor(before * (1 - rule.value / 100) + ROUNDING)

        limits = [-least(p) for p in self.policy.scale_down.policies]
        return -_selected(self.policy.scale_down, limits)

    def _at_start(self, rule: ScalingPolicy, now_s: float, current: int) -> int:
        """Replicas when the policy's period began."""
        return current - sum(n for at_s, n in self._changes if at_s > now_s - rule.period_s)


def _selected(rules: ScalingRules, limits: list[int]) -> int:
    """The policy that counts; limits grow with the change that they allow."""
    match rules.select:
        case "max":
            return max(limits)
        case "min":
            return min(limits)
        case _:
            return -(2**31)  # below any current number: no change


def _forget(history: History, before_s: float) -> None:
    while history and history[0][0] <= before_s:
        history.popleft()


class KedaRule(HpaRule):
    """KEDA: an HPA on the total of the metric, and a poll that starts the first, ends the last."""

    policy: Keda

    def __init__(self, policy: Keda, start_s: float) -> None:
        super().__init__(policy)
        # The first poll may end an idle pool unless it is told to wait.
        self._active_s = start_s + policy.initial_cooldown_s - policy.cooldown_s

    def recommendation(self, current: int, ready: int) -> int:
        """An external metric's average over all replicas, ready or not."""
        return super().recommendation(current, current)

    def replicas(self, now_s: float, current: int, ready: int) -> int:
        """The HPA's part; it does not touch an idle pool."""
        if current <= self.policy.resting_replicas < max(1, self.policy.min_replicas):
            return current
        return super().replicas(now_s, current, ready)

    def poll(self, now_s: float, totals: Iterable[float], current: int) -> int:
        """Replicas after KEDA has looked at the metrics itself."""
        policy = self.policy
        first = max(1, policy.min_replicas)
        if any(total > policy.activation_threshold for total in totals):
            self._active_s = now_s
            return max(first, current)
        rests = policy.min_replicas == 0 or policy.idle_replicas is not None
        if rests and now_s - self._active_s >= policy.cooldown_s - ROUNDING:
            return policy.resting_replicas
        return current


class KnativeRule:
    """The KPA: a stable window, a panic window, and the way to zero."""

    def __init__(self, policy: Knative, start_s: float, ready: int) -> None:
        self.policy = policy
        samples = round(policy.stable_window_s / policy.sample_period_s)
        self._samples: deque[float] = deque(maxlen=samples)
        self._panic_samples = round(samples * policy.panic_window_share)
        # "We always start in the panic mode, if the deployment is scaled up over 1 pod."
        self._panic_since_s = start_s if ready > 1 else math.nan
        self._panic_replicas = ready
        self._idle_since_s = math.nan
        self._recommendations: History = deque()

    def see(self, now_s: float, total: float) -> None:
        """Take in the metric of the pool: one sample of both windows."""
        self._samples.append(total)

    def averages(self) -> tuple[float, float]:
        """Means over the stable and over the panic window."""
        samples = self._samples
        recent = list(islice(reversed(samples), self._panic_samples))
        return sum(samples) / len(samples), sum(recent) / len(recent)

    def replicas(self, now_s: float, current: int, ready: int) -> int:
        """Replicas from now on."""
        if not self._samples:
            return current
        wanted = self._delayed(now_s, self._wanted(now_s, ready))
        wanted = min(max(wanted, self.policy.min_replicas), self.policy.max_replicas)
        return self._to_zero(now_s, current, wanted)

    def _wanted(self, now_s: float, ready: int) -> int:
        policy, base = self.policy, max(1, ready)
        target = policy.target * policy.target_utilisation
        stable, panic = (ceiling(average / target) for average in self.averages())
        most = ceiling(policy.max_scale_up_rate * base)
        least = math.floor(base / policy.max_scale_down_rate)

        def bounded(count: int) -> int:
            within = min(max(count, least), most)
            return max(within, policy.activation_scale) if count > 0 else within

        self._note_panic(now_s, panic / base >= policy.panic_threshold)
        if math.isnan(self._panic_since_s):
            return bounded(stable)
        self._panic_replicas = max(self._panic_replicas, bounded(stable), bounded(panic))
        return self._panic_replicas

    def _note_panic(self, now_s: float, over: bool) -> None:
        if over:
            if math.isnan(self._panic_since_s):
                self._panic_replicas = 0
            self._panic_since_s = now_s
        elif now_s - self._panic_since_s > self.policy.stable_window_s:
            self._panic_since_s, self._panic_replicas = math.nan, 0

    def _delayed(self, now_s: float, wanted: int) -> int:
        """The largest recommendation of the last ``scale_down_delay_s``."""
        if self.policy.scale_down_delay_s == 0:
            return wanted
        self._recommendations.append((now_s, wanted))
        _forget(self._recommendations, now_s - self.policy.scale_down_delay_s)
        return max(count for _, count in self._recommendations)

    def _to_zero(self, now_s: float, current: int, wanted: int) -> int:
        if wanted > 0:
            self._idle_since_s = math.nan
            return wanted
        if math.isnan(self._idle_since_s):
            self._idle_since_s = now_s
        waited_s = now_s - self._idle_since_s
        return 0 if waited_s >= self.policy.scale_to_zero_grace_s - ROUNDING else current


class PredictiveRule(HpaRule):
    """An HPA whose minimum is what yesterday's curve announces."""

    policy: Predictive

    def __init__(self, policy: Predictive) -> None:
        super().__init__(policy)
        self._past: deque[tuple[float, float]] = deque()  # of the last day, in order
        self._coming: deque[tuple[float, float]] = deque()  # falling: maxima of the lead time

    def see(self, now_s: float, *totals: float) -> None:
        """Take in the metric of the pool, for now and for tomorrow."""
        super().see(now_s, *totals)
        self._past += [(now_s, total) for total in totals]

    def forecast(self, now_s: float) -> float:
        """Largest value of the metric a day ago within the lead time from now; NaN at first."""
        yesterday_s = now_s - DAY_S
        while self._past and self._past[0][0] <= yesterday_s + self.policy.lead_s + ROUNDING:
            at_s, total = self._past.popleft()
            while self._coming and self._coming[-1][1] <= total:
                self._coming.pop()
            self._coming.append((at_s, total))
        while self._coming and self._coming[0][0] < yesterday_s - ROUNDING:
            self._coming.popleft()
        return self._coming[0][1] * self.policy.growth if self._coming else math.nan

    def least(self, now_s: float) -> int:
        """What the forecast asks for is the HPA's minimum."""
        forecast = self.forecast(now_s)
        wanted = 0 if math.isnan(forecast) else ceiling(forecast / self.policy.target)
        return min(max(wanted, super().least(now_s)), self.policy.max_replicas)


def replicas_at(policy: Scheduled, moment: datetime) -> int:
    """The most that the table asks for from now until a lead time ahead.

    So more replicas come a lead time early, and fewer at their time, unless more are due again
    within the lead time. Of two entries of one instant the larger number counts.
    """
    changes = _changes(policy, moment - timedelta(days=8), moment + _lead(policy))
    _, held = max(change for change in changes if change[0] <= moment)
    return max([held, *(replicas for at, replicas in changes if at > moment)])


def next_change(policy: Scheduled, moment: datetime) -> datetime:
    """When an entry begins to count, or to count alone, after ``moment``."""
    lead = _lead(policy)
    changes = _changes(policy, moment, moment + lead + timedelta(days=8))
    times = [at for at, _ in changes] + [at - lead for at, _ in changes]
    return min(at for at in times if at > moment)


def _lead(policy: Scheduled) -> timedelta:
    return timedelta(seconds=policy.lead_s)


def _changes(policy: Scheduled, after: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """Entries of the table in (after, until], and when."""
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [midnight + timedelta(days=n) for n in range((until - after).days + 2)]
    times = [
        (day + timedelta(seconds=entry.time_of_day_s), entry.replicas)
        for day in days
        for entry in policy.table
        if day.weekday() in entry.weekdays
    ]
    return [(at, replicas) for at, replicas in times if after < at <= until]
