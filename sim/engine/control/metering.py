"""What an autoscaler measures of a pool."""

from collections import deque

from sim.engine.control.scaled import Scaled
from sim.model.autoscaler import FULL_KV, FULL_QUEUE, Metric, Reactive


class Gauge:
    """A metric of the pool at this instant.

    Rates are those since the last reading that is at least ``rate_window_s`` old, or since the
    first.

    Parameters
    ----------
    fleet : Scaled
    metric : Metric
    rate_window_s : float
    full_queue, full_kv : float
        At which a replica counts as saturated.
    """

    def __init__(
        self,
        fleet: Scaled,
        metric: Metric,
        rate_window_s: float,
        full_queue: float = FULL_QUEUE,
        full_kv: float = FULL_KV,
    ) -> None:
        self._fleet = fleet
        self._metric = metric
        self._window_s = rate_window_s
        self._full = full_queue, full_kv
        self._counts: deque[tuple[float, float]] = deque()
        if metric in ("requests_per_s", "output_tokens_per_s"):
            self.read()

    def read(self) -> float:
        """The metric, summed over the pool; counts once more for the rates."""
        view = self._fleet.view
        match self._metric:
            case "concurrency":
                total: float = view.held + view.waiting + view.running
            case "queue":
                total = view.held + view.waiting
            case "running":
                total = view.running
            case "kv_utilisation":
                total = view.kv_utilisation * view.ready
            case "saturation":
                total = self._fleet.saturation(*self._full)
            case "requests_per_s":
                total = self._rate(view.attempts)
            case "output_tokens_per_s":
                total = self._rate(view.output_tokens)
        return total

    def _rate(self, count: float) -> float:
        now_s, counts = float(self._fleet.env.now), self._counts
        while len(counts) > 1 and counts[1][0] <= now_s - self._window_s:
            counts.popleft()
        counts.append((now_s, count))
        since_s, before = counts[0]
        return (count - before) / (now_s - since_s) if now_s > since_s else 0.0


class Meter:
    """All metrics that an autoscaler looks at, at this instant or as they were collected.

    Before anything was collected they are those of the instant.

    Parameters
    ----------
    fleet : Scaled
    policy : Reactive
    """

    def __init__(self, fleet: Scaled, policy: Reactive) -> None:
        self._fleet = fleet
        self._window_s = policy.metric_window_s
        self._collected: deque[tuple[float, tuple[float, ...]]] = deque()
        self._gauges = [
            Gauge(fleet, each.metric, policy.rate_window_s, policy.full_queue, policy.full_kv)
            for each in policy.triggers
        ]

    def collect(self) -> None:
        """Keep the metrics of this instant, and of the window before it."""
        now_s = float(self._fleet.env.now)
        self._collected.append((now_s, self._now()))
        while self._collected[0][0] <= now_s - self._window_s and len(self._collected) > 1:
            self._collected.popleft()

    def read(self) -> tuple[float, ...]:
        """The metrics in the order of the triggers."""
        if not self._collected:
            return self._now()
        columns = zip(*(totals for _, totals in self._collected), strict=True)
        return tuple(sum(column) / len(column) for column in columns)

    def _now(self) -> tuple[float, ...]:
        return tuple(gauge.read() for gauge in self._gauges)
