"""Caches of prompts and of answers: the keys, and what they make."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, get_args

from pydantic import Field

from sim.model import cache as model
from sim.model.profile import ServiceProfile
from sim.scenario.backend import tiers as below
from sim.scenario.values.fields import flag, number, one_of, whole
from sim.scenario.values.numbers import Number, extent, in_words, known
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Findings, Path

LATENCY_S: Final = 0.05  # to embed a request and to look for its like: an assumption
BLOCK_TOKENS: Final = 128
MOST_BLOCKS: Final = 4_000_000  # 512 million tokens by default: 60 TB of a model of 70e9 parameters
OF_TIERS: Final = ("load", "router_sees_tiers", "kv_bytes_per_token", "host_memory")
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
    tiers: Annotated[list[below.Tier], Field(min_length=1)] | None = None
    """Memory under it, from the first that a prompt goes on in, such as [{kind: host, capacity: 100
    GiB}, {kind: nvme, capacity: 1 TB}]; default none."""
    load: Annotated[model.Load, one_of(*get_args(model.Load))] | None = None
    """Whether what a prompt finds in tiers is read from them where that ends sooner than to compute
    it (faster), or always, as vLLM does; default faster. While it is read its request holds KV
    blocks, has no place in the batch, and others go on."""
    router_sees_tiers: Annotated[bool, flag()] | None = None
    """Whether the router prefix counts blocks in the tiers of a replica, each for 0.8 of one in its
    cache, as llm-d does by default; default true."""
    kv_bytes_per_token: Annotated[Number, number("count", above=0, most=1e9)] | None = None
    """Bytes of keys and values of a token, such as 163840; default those of the model in the
    catalogue, without those of layers that look back over a window only."""
    host_memory: Annotated[Number, number("size", above=0, most=1e15)] | None = None
    """Memory of a host, such as 2 TB, which the host tiers of all its replicas are to fit in."""


def resolved(
    cache: PrefixCache | None,
    profile: ServiceProfile,
    named: Mapping[str, int],
    node_gpus: int | None,
    path: Path,
    findings: Findings,
) -> PrefixCache | None:
    """The cache of a pool with its defaults; notes what cannot be.

    Parameters
    ----------
    named : mapping
        Tokens of the blocks that traces name, by the workload of the pool that replays one.
    node_gpus : int or None
        GPUs of a host, where hosts are bought whole.
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
    given = _with_tiers(cache, profile, size, node_gpus, path, findings)
    most = extent(capacity)[1] / size
    if most > MOST_BLOCKS:
        message = f"makes {most:,.0f} blocks of {size} tokens, more than {MOST_BLOCKS:,}"
        findings.add((*path, "capacity"), message, "no replica has memory for as many")
    if extent(capacity)[0] < size:
        rule = f"must be at least block_tokens ({size}), or nothing is ever kept"
        message = f"{in_words(capacity)} {rule}"
        findings.add((*path, "capacity"), message)
    return cache.model_copy(update={"block_tokens": size, **given})


def _with_tiers(
    cache: PrefixCache,
    profile: ServiceProfile,
    block: int,
    node_gpus: int | None,
    path: Path,
    findings: Findings,
) -> dict[str, Any]:
    """What its tiers are by default; notes what cannot be of them."""
    if cache.tiers is None:
        for key in OF_TIERS:
            if getattr(cache, key) is not None:
                message, remedy = "has no meaning without tiers", "add tiers: [{kind: host, …}]"
                findings.add((*path, key), message, remedy)
        return {}
    place, per_token = (*path, "tiers"), cache.kv_bytes_per_token
    below.checked(cache.tiers, place, findings)
    if per_token is None:
        per_token = below.bytes_per_token(profile)
    if per_token is None:
        message = f"is missing: '{profile.model}' is no model of the catalogue"
        remedy = "add it: layers x 2 x heads that keep keys and values x their size x bytes each"
        findings.add((*path, "kv_bytes_per_token"), message, remedy)
    host = below.Host(cache.host_memory, max(1, (node_gpus or 0) // profile.gpus_per_replica))
    below.check_sizes(cache.tiers, per_token, block, host, profile, place, findings)
    return {
        "tiers": [below.resolved(tier, profile) for tier in cache.tiers],
        "load": cache.load or "faster",
        "router_sees_tiers": cache.router_sees_tiers is not False,
        "kv_bytes_per_token": per_token,
    }


def compiled(
    cache: PrefixCache | None, profile: ServiceProfile, draws: Mapping[str, float]
) -> model.PrefixCache | None:
    """The cache of each replica of a pool in a world."""
    if cache is None:
        return None
    assert cache.block_tokens is not None
    shares, capacity = cache.capacity is None, profile.kv_capacity_tokens
    if cache.capacity is not None:
        capacity = int(known(cache.capacity, draws))
    if cache.tiers is None:
        return model.PrefixCache(cache.block_tokens, capacity, shares)
    assert cache.kv_bytes_per_token is not None
    per_token = known(cache.kv_bytes_per_token, draws)
    return model.PrefixCache(
        cache.block_tokens,
        capacity,
        shares,
        tuple(below.compiled(tier, per_token, draws) for tier in cache.tiers),
        per_token,
        cache.load or "faster",
        cache.router_sees_tiers is not False,
    )


def compiled_responses(
    cache: ResponseCache | None, draws: Mapping[str, float]
) -> model.ResponseCache | None:
    """The cache of a workload's answers in a world."""
    if cache is None:
        return None
    return model.ResponseCache(known(cache.hit_rate, draws), known(cache.latency, draws))
