"""What an autoscaler measures of a pool."""

from collections import deque

from sim.engine.control.fleet import Fleet
from sim.model.autoscaler import Metric


class Meter:
    """A metric of the pool at this instant.

    Rates are those since the last reading that is at least ``rate_window_s`` old, or since the
    first.
    """

    def __init__(self, fleet: Fleet, metric: Metric, rate_window_s: float) -> None:
        self._fleet = fleet
        self._metric = metric
        self._window_s = rate_window_s
        self._counts: deque[tuple[float, float]] = deque()
        if metric in ("requests_per_s", "output_tokens_per_s"):
            self.read()

    def read(self) -> float:
        """The metric, summed over the pool; counts once more for the rates."""
        view = self._fleet.view
        match self._metric:
            case "concurrency":
                return view.held + view.waiting + view.running
            case "queue":
                return view.held + view.waiting
            case "kv_utilisation":
                return view.kv_utilisation * view.ready
            case "requests_per_s":
                return self._rate(view.attempts)
            case "output_tokens_per_s":
                return self._rate(view.output_tokens)

    def _rate(self, count: float) -> float:
        now_s, counts = float(self._fleet.env.now), self._counts
        while len(counts) > 1 and counts[1][0] <= now_s - self._window_s:
            counts.popleft()
        counts.append((now_s, count))
        since_s, before = counts[0]
        return (count - before) / (now_s - since_s) if now_s > since_s else 0.0
