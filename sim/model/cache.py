"""Caches: of the attention states of prompts that begin alike, and of whole answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrefixCache:
    """Blocks of prompt tokens that each replica keeps, the least recently used going first.

    A prompt finds its leading blocks, as many as are there without a gap, and prefills the rest;
    its last token is always computed. It leaves its own blocks when its prefill ends; a call of a
    task also leaves those of its answer. The cache holds ``capacity_tokens`` whatever the batch
    needs: blocks of running requests are shared with it, as engines share them, and blocks on the
    host (offloading) can make it larger than the memory of the GPU. It dies with its replica.

    Attributes
    ----------
    block_tokens : int
    capacity_tokens : int
        Of one replica.
    """

    block_tokens: int
    capacity_tokens: int

    @property
    def blocks(self) -> int:
        """Whole blocks that fit."""
        return self.capacity_tokens // self.block_tokens


@dataclass(frozen=True, slots=True)
class ResponseCache:
    """Answers that are kept: a hit costs nothing but ``latency_s``, for the whole answer.

    Attributes
    ----------
    hit_rate : float
        Share of requests that hit, each by chance.
    latency_s : float
    """

    hit_rate: float
    latency_s: float
