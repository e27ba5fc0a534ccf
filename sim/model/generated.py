"""Requests drawn from distributions."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sim.model.arrivals import (
    BLOCK_REQUESTS,
    YEAR_S,
    Dispersion,
    RateCurve,
    Renewal,
    arrival_blocks,
)
from sim.model.chain import Chain
from sim.model.distributions import FloatArray
from sim.model.lengths import Lengths, draw_lengths
from sim.model.rule import require, require_finite
from sim.model.streams import Streams
from sim.model.tasks import FollowUps
from sim.model.workload import RequestBlock


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedSource:
    """Requests whose arrivals and lengths are drawn from distributions.

    A request's time and lengths depend on the seed, the world and the workload's name, and not on
    the window that is asked for. Arrivals, prompts and outputs have streams of their own: changing
    the law of one moves neither of the others.

    Attributes
    ----------
    curve : RateCurve
        Expected rate.
    prompt, output : Lengths
        Tokens per request, at time 0.
    gaps : Renewal
        Law of the gaps between requests.
    dispersion : Dispersion or None
        Slow random swings of the rate.
    rank_correlation : float
        Spearman's correlation of prompt and output lengths, within (-1, 1).
    prompt_growth_per_year : float
        Factor per year on prompt lengths, compounding continuously (context creep).
    follow_ups : FollowUps or None
        Calls that follow each request; the curve is the rate of the tasks that requests begin.
    epoch_s : float
        How long prompts have grown at time 0.
    chain : Chain or None
        Requests of other workloads that come after each request; then there are no follow-ups.
    is_brought : bool
        Whether its requests come after those of another workload, whose source brings them: this
        one says how many they are on the average, and how long.
    """

    curve: RateCurve
    prompt: Lengths
    output: Lengths
    gaps: Renewal = field(default_factory=Renewal)
    dispersion: Dispersion | None = None
    rank_correlation: float = 0.0
    prompt_growth_per_year: float = 1.0
    follow_ups: FollowUps | None = None
    epoch_s: float = 0.0
    chain: Chain | None = None
    is_brought: bool = False

    def __post_init__(self) -> None:
        r, growth = self.rank_correlation, self.prompt_growth_per_year
        require_finite(prompt_growth=growth)
        require(-1 < r < 1, "rank correlation", r, "must be between -1 and 1, both excluded")
        require(growth > 0, "prompt growth", growth, "must be above 0 per year")

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        """Requests that arrive in [start_s, end_s), which the curve covers, block by block."""
        covered = self.curve.start_s <= start_s <= end_s <= self.curve.end_s
        within = f"must be within the rate curve ({self.curve.start_s:g} to {self.curve.end_s:g} s)"
        require(covered, "window", f"{start_s:g} to {end_s:g} s", within)
        if self.is_brought:
            return
        curve = self.world_curve(name, streams)
        for key, times_s in arrival_blocks(curve, self.gaps, name, streams, start_s, end_s):
            first, last = np.searchsorted(times_s, (start_s, end_s))
            if first < last:
                here = slice(int(first), int(last))
                block = self._block(name, streams, key, times_s[here], here)
                yield from self._tasks(name, streams, key, block, here)

    def world_curve(self, name: str, streams: Streams) -> RateCurve:
        """Rate of one world: the expected rate times that world's random factor."""
        if self.dispersion is None or self.dispersion.cv == 0:
            return self.curve
        window = (self.curve.start_s, self.curve.end_s)
        return self.curve.times(*self.dispersion.factors(name, streams, *window))

    def _block(
        self, name: str, streams: Streams, key: str, arrival_s: FloatArray, here: slice
    ) -> RequestBlock:
        """Give lengths to the requests ``here`` of a block."""
        prompt, output = draw_lengths(
            self.prompt.distribution,
            self.output.distribution,
            self.rank_correlation,
            streams(f"tokens/{name}/prompt/{key}"),
            streams(f"tokens/{name}/output/{key}"),
            BLOCK_REQUESTS,
        )
        prompt = prompt[here]
        growth = self._growth(arrival_s)
        if growth is not None:
            prompt = prompt * growth
        return RequestBlock(
            arrival_s, self.prompt.in_tokens(prompt), self.output.in_tokens(output[here])
        )

    def _growth(self, arrival_s: FloatArray) -> FloatArray | None:
        """Factor on the prompts of these arrivals; None if it is 1 at all times."""
        if self.prompt_growth_per_year == 1:
            return None
        return np.asarray(self.prompt_growth_per_year ** ((arrival_s + self.epoch_s) / YEAR_S))

    def _tasks(
        self, name: str, streams: Streams, key: str, block: RequestBlock, here: slice
    ) -> Iterator[RequestBlock]:
        """The requests ``here`` of a block with the calls that follow them, if any do."""
        if self.chain is not None:
            calls = self.chain.chains(name, streams, key, here, block.arrival_s + self.epoch_s)
        elif self.follow_ups is not None:
            growth = self._growth(block.arrival_s)
            calls = self.follow_ups.chains(name, streams, key, here, growth)
        else:
            yield block
            return
        for rows, chains in calls:
            yield RequestBlock(
                block.arrival_s[rows],
                block.prompt_tokens[rows],
                block.output_tokens[rows],
                chains=chains,
            )
