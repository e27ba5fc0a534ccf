"""Growth: a scenario whose traffic, prompts, cache misses or retries are multiplied.

A design is grown, not the document, so that it does not matter how the traffic is written down
(requests a day or a second, users, a distribution, a trace): the arrivals of a world keep their
streams of random numbers, and stand closer together.

- **Volume** multiplies the expected rate, and the users who pay. Of a trace there are so many
  copies, at its time of day (see :mod:`sim.model.copies`).
- **Prompts**: every prompt, limits included, also the new tokens of following calls.
- **Misses**: the share of prompts, and of answers, that caches do not find, up to all. Stated hit
  rates fall. Where a pool keeps blocks of real prompts, and what is found emerges, a share of the
  tasks begins with something of its own (see ``unshared``).
- **Retries**: how often a client tries again, in whole retries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

import numpy as np

from sim.errors import PeakfleetError
from sim.model.chain import Chain
from sim.model.closed import MOST_USERS, ClosedSource, DrawnRequests
from sim.model.design import Design
from sim.model.distributions.scaled import scaled
from sim.model.generated import GeneratedSource
from sim.model.lengths import MAX_TOKENS, Lengths
from sim.model.tasks import FollowUps
from sim.model.trace import Trace, TraceSource
from sim.model.workload import RequestSource, Workload
from sim.scenario import Scenario
from sim.studies.stress.spike import Spike, with_spike
from sim.studies.stress.unshared import Hits, emergent, share_of, unshared

MOST = 10_000.0
NO_HITS: Hits = {}
SERIES = (1.0, 2.0, 5.0)  # and their multiples by ten: what lies on the way to a factor


@dataclass(frozen=True, slots=True)
class Growth:
    """What is multiplied by how much; 1 everywhere is the scenario itself.

    Attributes
    ----------
    volume, prompt, miss, retry : float
    """

    volume: float = 1.0
    prompt: float = 1.0
    miss: float = 1.0
    retry: float = 1.0

    def __str__(self) -> str:
        """As people say it.

        >>> str(Growth(10)), str(Growth(2, prompt=1.5)), str(Growth())
        ('10x', '2x, prompts 1.5x', '1x')
        """
        others = {"prompts": self.prompt, "misses": self.miss, "retries": self.retry}
        parts = [f"{name} {factor:g}x" for name, factor in others.items() if factor != 1]
        if self.volume != 1 or not parts:
            parts.insert(0, f"{self.volume:g}x")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, eq=False)
class GrownScenario(Scenario):
    """A scenario, grown, perhaps with a spike on its first day.

    Attributes
    ----------
    growth : Growth
    spike : Spike or None
    quotas : float
        Factor on the quotas of APIs.
    hits : mapping of str to float
        Share of the prompt tokens that is found today, of workloads where it emerges.
    """

    growth: Growth = Growth()
    spike: Spike | None = None
    quotas: float = 1.0
    hits: Hits = field(default_factory=dict)

    def design(self, values: Mapping[str, float]) -> Design:
        """The grown design in a world."""
        # The explicit class: with slots, the decorator makes another one than super() would find.
        design = grown(Scenario.design(self, values), self.growth, self.quotas, self.hits)
        return design if self.spike is None else with_spike(design, self.spike)


def grow(
    scenario: Scenario,
    growth: Growth,
    spike: Spike | None = None,
    quotas: float = 1.0,
    hits: Hits = NO_HITS,
) -> Scenario:
    """The scenario after so much growth; itself where there is none."""
    if growth == Growth() and spike is None and quotas == 1.0:
        return scenario
    marks = {
        "growth": asdict(growth),
        "spike": None if spike is None else asdict(spike),
        "quotas": quotas,
        "hits": dict(hits) if growth.miss != 1 else {},
    }
    return GrownScenario(
        file=scenario.file,
        name=scenario.name,
        worlds=scenario.worlds,
        seed=scenario.seed,
        document={**scenario.document, "stress": marks},  # what a world is known by
        inputs=scenario.inputs,
        warnings=scenario.warnings,
        footing=scenario.footing,
        model=scenario.model,
        traces=scenario.traces,
        growth=growth,
        spike=spike,
        quotas=quotas,
        hits=hits,
    )


def grown(design: Design, growth: Growth, quotas: float = 1.0, hits: Hits = NO_HITS) -> Design:
    """The design after so much growth."""
    return replace(
        design,
        workloads=tuple(
            _workload(workload, growth, hits.get(workload.name, 0.0))
            for workload in design.workloads
        ),
        managed=tuple(replace(api, quota=api.quota.times(quotas)) for api in design.managed),
    )


def _workload(workload: Workload, growth: Growth, hits: float) -> Workload:
    retry, cache, economics = workload.client.retry, workload.response_cache, workload.economics
    return replace(
        workload,
        source=unshared(_source(workload.source, growth), share_of(hits, growth.miss)),
        client=replace(
            workload.client,
            retry=replace(retry, max_retries=int(retry.max_retries * growth.retry + 0.5)),
        ),
        prefix_hit_rate=_hits(workload.prefix_hit_rate, growth.miss),
        response_cache=None
        if cache is None
        else replace(cache, hit_rate=_hits(cache.hit_rate, growth.miss)),
        economics=replace(economics, active_users=economics.active_users * growth.volume),
    )


def _hits(hit_rate: float, miss: float) -> float:
    """The hit rate whose misses are so many times as many, at most all.

    >>> _hits(0.5, 1.5), _hits(0.9, 20.0)
    (0.25, 0.0)
    """
    return hit_rate if miss == 1 else max(1.0 - (1.0 - hit_rate) * miss, 0.0)


def _source(source: RequestSource, growth: Growth) -> RequestSource:
    match source:
        case GeneratedSource():
            curve = source.curve
            if growth.volume != 1:
                ends_s = np.array([curve.start_s, curve.end_s])
                curve = curve.times(ends_s, np.array([growth.volume]))
            return replace(
                source,
                curve=curve,
                prompt=_longer(source.prompt, growth.prompt),
                follow_ups=_follow_ups(source.follow_ups, growth.prompt),
                chain=_chain(source.chain, growth.prompt),
            )
        case TraceSource():
            return _played(source, growth)
        case ClosedSource():
            return _more_users(source, growth)
    raise TypeError(f"a source of requests ({type(source).__name__}) that cannot grow")


def _longer(lengths: Lengths, factor: float) -> Lengths:
    if factor == 1:
        return lengths
    least, most = (
        min(max(1, round(factor * n)), MAX_TOKENS) for n in (lengths.minimum, lengths.maximum)
    )
    return Lengths(scaled(lengths.distribution, factor), least, most)


def _follow_ups(calls: FollowUps | None, factor: float) -> FollowUps | None:
    return None if calls is None else replace(calls, prompt=_longer(calls.prompt, factor))


def _chain(chain: Chain | None, factor: float) -> Chain | None:
    if chain is None:
        return None
    each = (replace(one, prompt=_longer(one.prompt, factor)) for one in chain.followers)
    return Chain(tuple(each))


def _played(source: TraceSource, growth: Growth) -> TraceSource:
    trace = _longer_trace(source.trace, growth.prompt)
    return replace(source, trace=trace, rate_scale=source.rate_scale * growth.volume)


def _more_users(source: ClosedSource, growth: Growth) -> ClosedSource:
    """What they ask is an outcome; so many times a given number of requests, too."""
    drawn, total = source.lengths, source.requests
    if not isinstance(drawn, DrawnRequests):
        raise TypeError("a list of requests that cannot grow")
    return replace(
        source,
        users=max(round(source.users * growth.volume), 1),
        lengths=replace(drawn, prompt=_longer(drawn.prompt, growth.prompt)),
        requests=None if total is None else max(round(total * growth.volume), 1),
    )


@lru_cache(maxsize=8)
def _longer_trace(trace: Trace, factor: float) -> Trace:
    if factor == 1:
        return trace
    prompt = np.clip(np.floor(trace.prompt_tokens * factor + 0.5), 1, MAX_TOKENS)
    return replace(trace, prompt_tokens=prompt.astype(np.int32))


def path_of(
    volume: Sequence[float] = (),
    prompt: Sequence[float] = (),
    miss: Sequence[float] = (),
    retry: Sequence[float] = (),
) -> list[Growth]:
    """The steps of a study, from the scenario itself on.

    Lists go side by side and are equally long; a single factor holds at every step, and a volume
    alone is reached by way of the 1-2-5 series. Without any, volume grows tenfold.

    Examples
    --------
    >>> [str(step) for step in path_of([10.0])]
    ['1x', '2x', '5x', '10x']
    >>> [str(step) for step in path_of([2.0, 4.0], prompt=[1.5])]
    ['1x', '2x, prompts 1.5x', '4x, prompts 1.5x']
    """
    lists = {"volume": list(volume), "prompt": list(prompt), "miss": list(miss)}
    lists["retry"] = list(retry)
    if not any(lists.values()):
        lists["volume"] = [10.0]
    _check(lists)
    longest = max(map(len, lists.values()))
    if longest == 1 and lists["volume"]:
        lists["volume"] = _on_the_way(lists["volume"][0])
        longest = len(lists["volume"])
    columns = {
        name: factors * longest if len(factors) == 1 else factors or [1.0] * longest
        for name, factors in lists.items()
    }
    wrong = {name: len(factors) for name, factors in columns.items() if len(factors) != longest}
    if wrong:
        name, length = next(iter(wrong.items()))
        raise PeakfleetError(
            f"{name} growth ({length} factors) must have one factor, or as many as the longest list"
            f" ({longest})"
        )
    steps = [Growth(*factors) for factors in zip(*(columns[name] for name in lists), strict=True)]
    return list(dict.fromkeys([Growth(), *steps]))


def _check(lists: Mapping[str, Sequence[float]]) -> None:
    for name, factors in lists.items():
        for factor in factors:
            if not 0.0 < factor <= MOST:
                raise PeakfleetError(
                    f"{name} growth ({factor:g}) must be a factor above 0 and at most {MOST:g}"
                )
        if list(factors) != sorted(factors):
            shown = ",".join(f"{factor:g}" for factor in factors)
            raise PeakfleetError(f"{name} growth ({shown}) must not decrease; sort it")


def _on_the_way(factor: float) -> list[float]:
    """1, 2, 5, 10, … below a factor, and the factor."""
    steps = (value * 10.0**power for power in range(5) for value in SERIES)
    return [step for step in steps if step < factor * 0.999] + [factor]


def _check_misses(design: Design, least: float) -> None:
    stated = any(w.prefix_hit_rate > 0 or w.response_cache is not None for w in design.workloads)
    found = emergent(design)
    if not stated and not found:
        raise PeakfleetError(
            "miss growth needs a cache to begin from: give a workload prefix_cache.hit_rate or"
            " response_cache.hit_rate, or the pool that serves its tasks prefix_cache: {}"
        )
    if least < 1 and found:
        raise PeakfleetError(
            f"miss growth ({least:g}) cannot be below 1 where the hit rate emerges, as for workload"
            f" '{found[0].name}'; give its pool more room by prefix_cache.capacity instead"
        )


def check_growth(design: Design, steps: Sequence[Growth]) -> None:
    """Refuse growth of something that a design does not have, or beyond what is simulated."""
    for workload in design.workloads:
        if isinstance(workload.source, ClosedSource):
            users = workload.source.users * max(step.volume for step in steps)
            if users > MOST_USERS:
                raise PeakfleetError(
                    f"volume growth makes {users:,.0f} users of workload {workload.name}, of whom"
                    f" each waits for answers: at most {MOST_USERS:,} are simulated"
                )
    if any(step.miss != 1 for step in steps):
        _check_misses(design, min(step.miss for step in steps))
    retried = any(w.client.retry.max_retries > 0 for w in design.workloads)
    if any(step.retry != 1 for step in steps) and not retried:
        raise PeakfleetError(
            "retry growth needs clients that retry: give a workload client.retries, such as"
            " openai-sdk"
        )
    traces = [w.source.trace for w in design.workloads if isinstance(w.source, TraceSource)]
    named = any(trace.prefixes is not None for trace in traces)
    if any(step.prompt < 1 for step in steps) and named:
        raise PeakfleetError(
            "prompt growth below 1 cannot be had of a trace whose prompts name their blocks"
        )
