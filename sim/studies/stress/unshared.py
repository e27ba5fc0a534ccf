"""More misses of caches whose hit rate emerges: some tasks begin with something of their own.

Where a pool keeps blocks of real prompts, no number says how many tokens are found. A cache misses
more when prompts no longer begin as others did: a time of day put in front, tools in another order,
an edited history. So a share of the tasks (of a trace: of the requests) begins with a block that
nobody else has, and finds nothing; the others are as before. With a share h of the prompt tokens
found today, misses become k times as many if it is x::

    1 − h·(1 − x) = k·(1 − h)   ⇒   x = (k − 1)·(1 − h) / h,   at most 1

h is that of the median world of the scenario itself. What is found elsewhere follows by simulation:
later requests of a trace may have found what an unshared one would have left, and a larger volume
drives out blocks sooner. Which tasks are unshared hangs on seed, world and the order of arrival,
and those of a smaller share are among those of a larger one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.model import ragged
from sim.model.design import Design, GpuPool
from sim.model.generated import GeneratedSource
from sim.model.streams import Streams
from sim.model.trace import TraceSource
from sim.model.workload import Prefixes, RequestBlock, RequestSource, Workload
from sim.scenario.sharing import has_names, served_by

Hits = Mapping[str, float]  # share of the prompt tokens found today, by workload

FIRST_OWN_NAME, LAST_OWN_NAME = 1 << 40, 1 << 47  # above all names of traces, below their width


@dataclass(frozen=True, slots=True, eq=False)
class UnsharedTasks(GeneratedSource):
    """Generated requests, of which a share begins tasks whose prompts nobody finds.

    Attributes
    ----------
    unshared : float
        Share of the tasks.
    """

    unshared: float = 0.0

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        """The same requests as those of the source itself."""
        rng = streams(f"misses/{name}")
        for block in GeneratedSource.blocks(self, name, streams, start_s, end_s):
            chosen, own = _drawn(rng, len(block.arrival_s), self.unshared)
            # Whoever brings a name of his own has none after his task: what follows is not found.
            yield block._replace(prefixes=Prefixes(chosen.astype(np.int32), own[chosen]))


@dataclass(frozen=True, slots=True, eq=False)
class UnsharedRequests(TraceSource):
    """A trace, a share of whose requests have prompts that nobody else has.

    Attributes
    ----------
    unshared : float
        Share of the requests.
    """

    unshared: float = 0.0

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        """The same requests as those of the source itself."""
        rng = streams(f"misses/{name}")
        for block in TraceSource.blocks(self, name, streams, start_s, end_s):
            chosen, own = _drawn(rng, len(block.arrival_s), self.unshared)
            yield block._replace(prefixes=_renamed(block.prefixes, chosen, own))


def _drawn(
    rng: np.random.Generator, n: int, share: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Which of n requests are unshared, and a name for each; the same draws for every share."""
    chance = rng.random(2 * n).reshape(n, 2)
    span = LAST_OWN_NAME - FIRST_OWN_NAME
    return chance[:, 0] < share, FIRST_OWN_NAME + (chance[:, 1] * span).astype(np.int64)


def _renamed(
    prefixes: Prefixes | None, chosen: npt.NDArray[np.bool_], own: npt.NDArray[np.int64]
) -> Prefixes | None:
    """Blocks with names of their own for all of those chosen."""
    if prefixes is None:
        return None
    renamed = np.repeat(chosen, prefixes.count)
    name = prefixes.name.copy()
    name[renamed] = ragged.places(own[chosen], prefixes.count[chosen])
    return prefixes._replace(name=name)


def unshared(source: RequestSource, share: float) -> RequestSource:
    """The source, of which a share does not begin as others do."""
    if share <= 0:
        return source
    match source:
        case GeneratedSource():
            return UnsharedTasks(**_values(source, GeneratedSource), unshared=share)
        case TraceSource():
            return UnsharedRequests(**_values(source, TraceSource), unshared=share)
    raise TypeError(f"a source of requests ({type(source).__name__}) that cannot be unshared")


def _values(source: RequestSource, kind: type[GeneratedSource] | type[TraceSource]) -> Any:
    return {each.name: getattr(source, each.name) for each in fields(kind)}


def emergent(design: Design) -> list[Workload]:
    """The workloads whose prompts a pool finds, or not, by the names of their blocks."""
    return [
        workload
        for workload in design.workloads
        if has_names(workload)
        and any(
            isinstance(backend, GpuPool) and backend.prefix_cache is not None
            for backend in served_by(design, workload)
        )
    ]


def share_of(hit_share: float, miss: float) -> float:
    """Share of tasks to unshare so that misses are ``miss`` times as many, at most all.

    >>> round(share_of(0.9, 2.0), 4), share_of(0.5, 4.0), share_of(0.0, 2.0)
    (0.1111, 1.0, 0.0)
    """
    if not hit_share > 0 or miss <= 1:
        return 0.0
    return min((miss - 1.0) * (1.0 - hit_share) / hit_share, 1.0)


def kept_as_they_are(design: Design) -> list[str]:
    """Notes on caches that growth of misses leaves alone."""
    return [
        f"misses: what {api.name} finds by prompt_caching is as before; state prefix_cache.hit_rate"
        " of the workload in its place to let its misses grow"
        for api in design.managed
        if api.caching is not None
        and any(
            not workload.prefix_hit_rate and api in served_by(design, workload)
            for workload in design.workloads
        )
    ]
