"""Caches: of the attention states of prompts that begin alike, and of whole answers."""

from dataclasses import dataclass
from typing import Literal

TierKind = Literal["host", "nvme", "shared"]
Load = Literal["faster", "always"]


@dataclass(frozen=True, slots=True)
class Tier:
    """Memory under the caches of prompts of a pool, from which their blocks are read back.

    Attributes
    ----------
    kind : {"host", "nvme", "shared"}
        Of each replica (of each of its ranks), but for a shared one, of which the pool has one.
    capacity_tokens : int
    read_bytes_per_s, write_bytes_per_s : float
        Of its link, which those that read at the same time share fairly.
    latency_s : float
        From the last byte that is read until it is there.
    writes_through : bool
        Takes blocks when they are computed, not when the cache above drops them.
    usd_per_gib_month : float
    """

    kind: TierKind
    capacity_tokens: int
    read_bytes_per_s: float
    write_bytes_per_s: float
    latency_s: float = 0.0
    writes_through: bool = True
    usd_per_gib_month: float = 0.0

    @property
    def is_shared(self) -> bool:
        """Whether all replicas of the pool have it in common."""
        return self.kind == "shared"


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
    tiers : tuple of Tier
        Under it, from the first that a prompt goes on in.
    bytes_per_token : float
        Of keys and values; 0 without tiers.
    load : {"faster", "always"}
        Whether what lies in a tier is read where that ends sooner than to compute it, or always.
    router_sees_tiers : bool
        Whether a router by prefixes counts what lies in tiers.
    """

    block_tokens: int
    capacity_tokens: int
    shares: bool = False
    tiers: tuple[Tier, ...] = ()
    bytes_per_token: float = 0.0
    load: Load = "faster"
    router_sees_tiers: bool = True

    @property
    def blocks(self) -> int:
        """Whole blocks that fit."""
        return self.capacity_tokens // self.block_tokens

    @property
    def block_bytes(self) -> float:
        """Bytes of keys and values of a block."""
        return self.block_tokens * self.bytes_per_token


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
