"""Tiers under the caches of the naive simulator: what they keep, and the links to them."""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from naive.cache import Name
from naive.link import Link
from sim.model.cache import PrefixCache
from sim.model.cache import Tier as TierModel

Pace = Callable[[int, int], float]  # seconds to compute tokens after others
GPU_POINTS, TIER_POINTS = 5, 4  # of a block, for a router


@dataclass(slots=True, eq=False)
class Tier:
    """Named blocks, the least recently used first, and what lies under them."""

    model: TierModel
    blocks: int
    s_per_block: float
    below: "Tier | None" = None
    link: Link = field(default_factory=Link)
    kept: OrderedDict[Name, None] = field(default_factory=OrderedDict)
    written: int = 0
    read: int = 0
    loads: int = 0

    def take(self, names: Sequence[Name]) -> None:
        """More blocks, or such as are there, the first last; what has no room goes down."""
        for name in reversed(names):
            self.written += name not in self.kept
            self.kept[name] = None
            self.kept.move_to_end(name)
        while len(self.kept) > self.blocks:
            dropped, _ = self.kept.popitem(last=False)
            fall(self.below, dropped)

    def end_of(self, names: Sequence[Name], first: int) -> int:
        """Where the names end that are there in a row from the ``first``."""
        at = first
        while at < len(names) and names[at] in self.kept:
            at += 1
        return at

    def use(self, names: Sequence[Name], first: int) -> None:
        """These are read from the first on; those before it are used, too, the very first last."""
        for name in reversed(names):
            if name in self.kept:
                self.kept.move_to_end(name)
        self.read += len(names) - first
        self.loads += 1


def chosen(
    tiers: Sequence[Tier], names: Sequence[Name], have: int, block: int, pace: Pace | None
) -> list[tuple[Tier, int]]:
    """What is to be read after the first ``have`` names: of which tiers, and how many blocks.

    None is worth it after one that is not; all are without a pace of computing.
    """
    parts, at = list[tuple[Tier, int]](), have
    for tier in tiers:
        end = tier.end_of(names, at)
        if end == at:
            continue
        reads_s = (end - at) * tier.s_per_block * (len(tier.link.sending) + 1)
        reads_s += tier.model.latency_s
        if pace is not None and reads_s >= pace((end - at) * block, at * block):
            break
        parts.append((tier, end - at))
        at = end
    return parts


def fall(tier: Tier | None, name: Name) -> None:
    """What is dropped goes down, if the next tier takes what is dropped above it."""
    if tier is not None and not tier.model.writes_through:
        tier.take([name])


def write(tiers: Sequence[Tier], names: Sequence[Name]) -> None:
    """Names have been computed."""
    for tier in tiers:
        if tier.model.writes_through:
            tier.take(names[: tier.blocks])


def stack(cache: PrefixCache, shared: Sequence[Tier]) -> list[Tier]:
    """The tiers of a replica from the first; stores that all have in common are given."""
    stores, tiers = list(shared), list[Tier]()
    for model in cache.tiers:
        tiers.append(stores.pop(0) if model.is_shared else alone(cache, model))
    for upper, lower in itertools.pairwise(tiers):
        upper.below = lower
    return tiers


def alone(cache: PrefixCache, model: TierModel) -> Tier:
    """An empty tier."""
    s_per_block = cache.block_tokens * cache.bytes_per_token / model.read_bytes_per_s
    return Tier(model, model.capacity_tokens // cache.block_tokens, s_per_block)
