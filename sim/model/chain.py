"""Chains: requests of other workloads that come after a request, one stage after the other.

A question that is looked up before it is answered is a request to embed it, one to rank what was
found, and one to answer; each is a request of a workload of its own, with its own backend, lengths,
objectives and client. Those of the first workload arrive; each of another is sent when what comes
before it has been answered, and some time has passed, such as that of a search. Who asked waits
all the while, so that the latencies of all of them count from the first arrival.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.model import ragged
from sim.model.arrivals import YEAR_S
from sim.model.distributions import Constant, Distribution, FloatArray
from sim.model.lengths import Lengths, draw_lengths
from sim.model.streams import Streams
from sim.model.tasks import GROUP_TASKS, whole
from sim.model.workload import Chains


@dataclass(frozen=True, slots=True)
class Follower:
    """A workload whose requests come after those of another.

    Attributes
    ----------
    name : str
    after : str
        The workload that it comes after.
    stage : int
        1 after the first workload, 2 after one of stage 1, and so on. A stage is sent when all of
        the one before is answered.
    prompt, output : Lengths
        Tokens per request.
    delay_s : Distribution
        Seconds before it is sent.
    share : float
        Of the requests that it comes after, those that it does come after, each by chance.
    calls : Distribution
        Its requests after one, sent side by side; rounded half up, at least 1.
    rank_correlation : float
        Spearman's correlation of prompt and output lengths.
    prompt_growth_per_year : float
    """

    name: str
    after: str
    stage: int
    prompt: Lengths
    output: Lengths
    delay_s: Distribution
    share: float = 1.0
    calls: Distribution = field(default_factory=lambda: Constant(1.0))
    rank_correlation: float = 0.0
    prompt_growth_per_year: float = 1.0


@dataclass(frozen=True, slots=True)
class Chain:
    """All that comes after the requests of a workload.

    Attributes
    ----------
    followers : tuple of Follower
        By stage; none before the one that it comes after.
    """

    followers: tuple[Follower, ...]

    def chains(
        self, name: str, streams: Streams, key: str, here: slice, grown_s: FloatArray
    ) -> Iterator[tuple[slice, Chains]]:
        """What comes after the requests ``here`` of a block, a group at a time.

        It hangs on seed, world, names and the place of the request in its block alone.

        Parameters
        ----------
        name, key : str
            Of the first workload, and of the block.
        here : slice
            First request and end, within the block.
        grown_s : (n,) float64
            How long prompts have grown at the arrivals of these requests.

        Yields
        ------
        rows : slice
            Some of the n requests: all of them, in order, group after group.
        chains : Chains
            Whose workloads are places in ``followers``.
        """
        for group in range(here.start // GROUP_TASKS, -(-here.stop // GROUP_TASKS)):
            begin = group * GROUP_TASKS
            first, last = max(here.start, begin), min(here.stop, begin + GROUP_TASKS)
            rows = slice(first - here.start, last - here.start)
            drawn = self._group(name, streams, f"{key}/{group}")
            own = ragged.of_rows(drawn, slice(first - begin, last - begin))
            yield rows, self._whole(own, grown_s[rows])

    def _group(self, name: str, streams: Streams, key: str) -> Chains:
        """The calls of a whole group, each request's by stage; prompts are not whole tokens yet."""
        parts, there = [], {name: np.ones(GROUP_TASKS, bool)}
        for index, one in enumerate(self.followers):
            stream = f"chain/{name}/{one.name}"
            count = whole(one.calls, streams(f"{stream}/calls/{key}"), GROUP_TASKS)
            comes = streams(f"{stream}/share/{key}").random(GROUP_TASKS) < one.share
            there[one.name] = comes & there[one.after]
            parts.append(_calls(one, index, count * there[one.name], streams, stream, key))
        return _in_turn(parts)

    def _whole(self, chains: Chains, grown_s: FloatArray) -> Chains:
        """With prompts in whole tokens, as long as they are by the time of the first requests."""
        prompt = np.empty(len(chains.stage), np.int32)
        years = np.repeat(grown_s / YEAR_S, chains.count)
        for index, one in enumerate(self.followers):
            own = chains.workload == index
            factor = one.prompt_growth_per_year ** years[own]
            prompt[own] = one.prompt.in_tokens(chains.prompt_tokens[own] * factor)
        return chains._replace(prompt_tokens=prompt)


def _calls(
    one: Follower, index: int, count: npt.NDArray[np.int32], streams: Streams, stream: str, key: str
) -> Chains:
    """The requests of a follower after each of a group, their prompts as they were drawn."""
    total = int(count.sum())
    prompt: Any  # in whole tokens once it has grown
    prompt, output = draw_lengths(
        one.prompt.distribution,
        one.output.distribution,
        one.rank_correlation,
        streams(f"{stream}/prompt/{key}"),
        streams(f"{stream}/output/{key}"),
        total,
    )
    delay_s = one.delay_s.sample(streams(f"{stream}/delay/{key}"), total)
    return Chains(
        count,
        np.full(total, one.stage, np.int32),
        np.maximum(delay_s, 0.0),
        prompt,
        one.output.in_tokens(output),
        np.full(total, index, np.int32),
    )


def _in_turn(parts: list[Chains]) -> Chains:
    """The calls of several followers as those of one table: a request's in the order of parts."""
    task = np.concatenate([np.repeat(np.arange(GROUP_TASKS), part.count) for part in parts])
    order = np.argsort(task, kind="stable")
    count = np.stack([part.count for part in parts]).sum(axis=0, dtype=np.int32)
    columns = zip(*(part[1:] for part in parts), strict=True)
    return Chains(count, *(np.concatenate(column)[order] for column in columns))
