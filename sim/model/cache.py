"""Caches: of the attention states of prompts that begin alike, and of whole answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrefixCache:
    """Blocks of prompt tokens that each replica keeps, the least recently used going first.

    A prompt finds its leading blocks, as many as are there without a gap, and prefills the rest;
    its last token is always computed. It leaves its own blocks when its prefill ends; a call of a
    task also leaves those of its answer. It dies with its replica.

    A cache that ``shares`` lies in the KV cache, as in the engines: what requests in the batch have
    in common takes its memory once, and what none of them needs is kept until its memory is
    needed. Else it holds ``capacity_tokens`` whatever the batch needs, as on the host (offloading),
    and each request has blocks of its own.

    Attributes
    ----------
    block_tokens : int
        Of a cache that shares a multiple of the engine's ``kv_block_tokens``.
    capacity_tokens : int
        Of one replica; that of its KV cache if it shares.
    shares : bool
    """

    block_tokens: int
    capacity_tokens: int
    shares: bool = False

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
