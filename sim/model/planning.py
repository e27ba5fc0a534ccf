"""What Dynamo's planner decides: replicas for the load that it predicts (:mod:`sim.model.planner`).

    prompts = requests / interval · TTFT(isl) · min(1, ttft / TTFT(isl now))
    answers = requests · osl / interval / throughput(itl target · ITL / itl)

with TTFT(n) of a lone prompt of n tokens and ITL of a batch by the profile, small letters as
measured in the last interval, and throughput(t) that of the largest batch whose ITL is at most t at
a context of isl + osl / 2 tokens. Where even one sequence takes longer, it is that of one.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from sim.model.autoscaling import ceiling
from sim.model.planner import LEAST_POINTS, Q_LEVEL, Q_TREND, Planner, R
from sim.model.profile import ServiceProfile


class Counts(NamedTuple):
    """What a pool shows, since the beginning; tokens of what is finished.

    ``answers`` are those of the finished that somebody waited for, ``ttft_s`` and ``streamed_s``
    their times to the first token, and from there to the last, summed.
    """

    attempts: float
    prompt_tokens: float
    output_tokens: float
    finished: float
    answers: float
    ttft_s: float
    streamed_s: float


class Constant:
    """The next is as the last."""

    def __init__(self) -> None:
        self._last = math.nan

    def see(self, value: float) -> None:
        """Take in the value of an interval."""
        self._last = value

    def next(self) -> float:
        """That of the next."""
        return self._last


class Kalman:
    """A level and its trend, each with an error that grows from one interval to the next."""

    def __init__(self) -> None:
        self._count = 0
        self._last = self._level = self._trend = 0.0
        self._p = 1.0, 0.0, 1.0  # variances of level and trend, and between them their covariance

    def see(self, value: float) -> None:
        """Take in the value of an interval."""
        if self._count == 0:
            self._level = value
        self._count += 1
        self._last = value
        level, both, trend = self._p
        level, both, trend = level + 2 * both + trend + Q_LEVEL, both + trend, trend + Q_TREND
        expected = self._level + self._trend
        gain, gain_of_trend = level / (level + R), both / (level + R)
        self._level = expected + gain * (value - expected)
        self._trend += gain_of_trend * (value - expected)
        self._p = (1 - gain) * level, (1 - gain) * both, trend - gain_of_trend * both

    def next(self) -> float:
        """That of the next; like the last while few were seen."""
        return self._last if self._count < LEAST_POINTS else max(self._level + self._trend, 0.0)


PREDICTORS: dict[str, type[Constant] | type[Kalman]] = {"constant": Constant, "kalman": Kalman}


@dataclass(frozen=True, slots=True)
class Load:
    """Of an interval: requests, and mean tokens of a prompt and of an answer."""

    requests: float
    isl: float
    osl: float

    @property
    def context(self) -> float:
        """Tokens in the cache of a sequence, in the middle of its answer."""
        return self.isl + self.osl / 2


class PlannerRule:
    """The plan of a pool, interval by interval."""

    def __init__(self, policy: Planner, profile: ServiceProfile, seen: Counts) -> None:
        self.policy, self.profile = policy, profile
        self._before = seen
        self._predictors = [PREDICTORS[policy.predictor]() for _ in range(3)]

    def replicas(self, seen: Counts, current: int, ready: int) -> int:
        """Replicas from now on; as before where an interval had no request, or no answer."""
        policy = self.policy
        past = Counts(*(now - then for now, then in zip(seen, self._before, strict=True)))
        self._before = seen
        if past.attempts <= 0 or past.answers <= 0 or past.finished <= 0:
            return min(max(current, policy.min_replicas), policy.max_replicas)
        last = Load(
            past.attempts, past.prompt_tokens / past.finished, past.output_tokens / past.finished
        )
        for each, value in zip(self._predictors, (last.requests, last.isl, last.osl), strict=True):
            each.see(value)
        coming = Load(*(each.next() for each in self._predictors))
        needed = self._for_prompts(coming, last, past) + self._for_answers(
            coming, last, past, ready
        )
        return min(max(ceiling(needed), policy.min_replicas), policy.max_replicas)

    def _for_prompts(self, coming: Load, last: Load, past: Counts) -> float:
        if self.policy.ttft_s is None:
            return 0.0
        correction = 1.0
        if self.policy.corrects:
            correction = min(1.0, past.ttft_s / past.answers / self._ttft_s(last.isl))
        rate = coming.requests / self.policy.adjustment_interval_s
        return rate * self._ttft_s(coming.isl) * correction / self.profile.data_parallel_ranks

    def _for_answers(self, coming: Load, last: Load, past: Counts, ready: int) -> float:
        itl_s = self.policy.itl_s
        if itl_s is None or last.osl <= 1:
            return 0.0
        if self.policy.corrects and past.streamed_s > 0:
            duration_s = (past.ttft_s + past.streamed_s) / past.answers
            at_once = last.requests / max(ready, 1) * duration_s / self.policy.adjustment_interval_s
            batch = max(1, round(at_once / self.profile.data_parallel_ranks))
            measured_s = past.streamed_s / (past.answers * (last.osl - 1))
            itl_s *= self._itl_s(batch, last.context) / measured_s
        rate = coming.requests * coming.osl / self.policy.adjustment_interval_s
        return rate / self._throughput(itl_s, coming.context)

    def _ttft_s(self, prompt_tokens: float) -> float:
        """Of a lone prompt."""
        tokens = max(1, round(prompt_tokens))
        return self.profile.prefill_s(tokens) + self.profile.passage_s(tokens)

    def _itl_s(self, batch: int, context: float) -> float:
        return self.profile.step_s(batch, batch * context)

    def _throughput(self, itl_s: float, context: float) -> float:
        """Output tokens a second of a replica whose steps take no longer, if that can be."""
        profile = self.profile
        fits = min(profile.max_num_seqs, int(profile.kv_capacity_tokens / context))
        low, high = 1, max(fits, 1)
        while low < high:  # a step of more sequences is never shorter
            middle = (low + high + 1) // 2
            if self._itl_s(middle, context) <= itl_s:
                low = middle
            else:
                high = middle - 1
        return low / self._itl_s(low, context) * profile.data_parallel_ranks
