"""Caches of prompts and of answers: the keys, and what they make."""

from collections.abc import Mapping
from typing import Annotated, Final

from sim.model import cache as model
from sim.model.profile import ServiceProfile
from sim.scenario.values.fields import number, whole
from sim.scenario.values.numbers import Number, extent, in_words, known
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Findings, Path

LATENCY_S: Final = 0.05  # to embed a request and to look for its like: an assumption
BLOCK_TOKENS: Final = 128
MOST_BLOCKS: Final = 4_000_000  # 512 million tokens by default: 60 TB of a model of 70e9 parameters
HIT_RATE: Final = number("share", least=0, most=1)


class PrefixHits(Model):
    """How much of the prompts the replicas have cached, as far as it is not simulated."""

    hit_rate: Annotated[Number, HIT_RATE]
    """Share of the tokens of every prompt that are not prefilled again."""


class ResponseCache(Model):
    """Answers kept before the gateway: a hit takes no replica's time."""

    hit_rate: Annotated[Number, HIT_RATE]
    """Share of the requests that hit, each by chance."""
    latency: Annotated[Number, number("duration", least=0, most=3600)] = LATENCY_S
    """Time in which a hit is answered; default 50ms."""


class PrefixCache(Model):
    """Blocks of prompts that each replica keeps, the least recently used going first.

    Prompts that begin alike, and the calls of a task, find them. Without a capacity they lie in the
    KV cache: what requests in the batch have in common is there once, and what none of them needs
    is kept until its memory is needed.
    """

    block_tokens: Annotated[int, whole(1, 65_536)] | None = None
    """Tokens of a block, such as 64; by default those of the trace that names its blocks, else 128.
    In the KV cache a multiple of its own blocks, of mostly 16. Larger ones take less memory here
    and lose half a block a prompt."""
    capacity: Annotated[Number, number("count", least=1, most=1e12, integer=True)] | None = None
    """Tokens that a replica keeps in memory of their own (the host's), such as 2M; default none:
    they lie in the KV cache."""


def resolved(
    cache: PrefixCache | None,
    profile: ServiceProfile,
    named: Mapping[str, int],
    path: Path,
    findings: Findings,
) -> PrefixCache | None:
    """The cache of a pool with its defaults; notes what cannot be.

    Parameters
    ----------
    named : mapping
        Tokens of the blocks that traces name, by the workload of the pool that replays one.
    """
    if cache is None:
        return None
    path = (*path, "prefix_cache")
    block = profile.kv_block_tokens
    size = cache.block_tokens or next(iter(named.values()), max(block, BLOCK_TOKENS))
    capacity = float(profile.kv_capacity_tokens) if cache.capacity is None else cache.capacity
    for workload, tokens in named.items():
        if tokens != size:
            message = f"{size} must be {tokens}, the tokens of a block in the trace of '{workload}'"
            remedy = "remove it" if cache.block_tokens else "route it to a backend of its own"
            findings.add((*path, "block_tokens"), message, remedy)
            break
    if cache.capacity is None and size % block:
        message = f"{size} must be a multiple of {block}, the tokens of a block of the KV cache"
        remedy = f"or give a capacity, such as capacity: {profile.kv_capacity_tokens}"
        findings.add((*path, "block_tokens"), message, remedy)
    most = extent(capacity)[1] / size
    if most > MOST_BLOCKS:
        message = f"makes {most:,.0f} blocks of {size} tokens, more than {MOST_BLOCKS:,}"
        findings.add((*path, "capacity"), message, "no replica has memory for as many")
    if extent(capacity)[0] < size:
        rule = f"must be at least block_tokens ({size}), or nothing is ever kept"
        message = f"{in_words(capacity)} {rule}"
        findings.add((*path, "capacity"), message)
    return cache.model_copy(update={"block_tokens": size})


def compiled(
    cache: PrefixCache | None, profile: ServiceProfile, draws: Mapping[str, float]
) -> model.PrefixCache | None:
    """The cache of each replica of a pool in a world."""
    if cache is None:
        return None
    assert cache.block_tokens is not None
    if cache.capacity is None:
        return model.PrefixCache(cache.block_tokens, profile.kv_capacity_tokens, shares=True)
    return model.PrefixCache(cache.block_tokens, int(known(cache.capacity, draws)))


def compiled_responses(
    cache: ResponseCache | None, draws: Mapping[str, float]
) -> model.ResponseCache | None:
    """The cache of a workload's answers in a world."""
    if cache is None:
        return None
    return model.ResponseCache(known(cache.hit_rate, draws), known(cache.latency, draws))
