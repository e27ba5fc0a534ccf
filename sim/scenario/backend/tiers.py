"""Tiers under the caches of prompts: their keys, and what they make.

Defaults of their links: a GPU reads from and writes to its host over PCIe 5.0 x16 at about 32 GB/s
(half of its 63 GB/s each way, as copies of blocks reach them: vLLM's account of its offloading
connector of January 2026), each GPU of a replica over its own; an NVMe drive reads 7 GB/s and
writes 5, after 80 us (datasheets of PCIe 4.0 drives). The network of a shared store is the user's.
"""

from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple, get_args

from sim.catalog import model as catalogued
from sim.errors import CatalogError
from sim.model import cache as model
from sim.model.kv_cache import BYTES
from sim.model.profile import ServiceProfile
from sim.scenario.values.fields import number, one_of
from sim.scenario.values.numbers import (
    BANDWIDTH_REMEDY,
    LEAST_BYTES_PER_S,
    Number,
    extent,
    in_words,
    known,
)
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Findings, Path

KINDS: Final = get_args(model.TierKind)
POLICIES: Final = ("write_through", "lru")
MOST_BLOCKS: Final = 4_000_000  # of a tier: more are no answer to any question, and take memory
GPU_LINK: Final = 32e9  # bytes per second and GPU, each way
NVME_READ, NVME_WRITE, NVME_LATENCY_S = 7e9, 5e9, 80e-6
# Of a host for each of its GPUs: 4 TB beside eight (DGX H200 and B200), 2 TiB in most clouds.
MOST_HOST_BYTES: Final = 512 * 2**30
GIB: Final = 2**30

Size = Annotated[Number, number("size", above=0, most=1e18)]
Rate = Annotated[
    Number, number("bandwidth", least=LEAST_BYTES_PER_S, most=1e15, remedy=BANDWIDTH_REMEDY)
]


class Tier(Model):
    """Memory under the prefix cache, such as {kind: host, capacity: 100 GiB}."""

    kind: Annotated[str, one_of(*KINDS)]
    """host, nvme, both of each replica (of each of its ranks), or shared: one store for all
    replicas of the pool, over its network."""
    capacity: Size | None = None
    """Bytes that it keeps, such as 100 GiB; of a shared one in all."""
    capacity_tokens: Annotated[Number, number("count", least=1, most=1e12)] | None = None
    """The same in tokens, such as 1.5M."""
    read: Rate | None = None
    """Bandwidth at which it is read, shared fairly by who reads at the same time; default 32 GB/s
    for each GPU of a host, 7 GB/s of an nvme; a shared one has none."""
    write: Rate | None = None
    """Bandwidth at which it is written; default 32 GB/s for each GPU of a host, 5 GB/s of an nvme,
    that of reading of a shared one. What is written is there at once: where more is written than
    the link carries, a warning says so."""
    latency: Annotated[Number, number("duration", least=0, most=60)] | None = None
    """From the last byte that is read until it is there; default 0, 80us of an nvme."""
    policy: Annotated[str, one_of(*POLICIES)] = "write_through"
    """write_through: it takes each block when that is computed, as vLLM, SGLang and LMCache do by
    default. lru: it takes what is dropped above it. The least recently used goes first in both."""
    usd_per_gib_month: Annotated[Number, number("money", least=0, most=1e6)] = 0.0
    """Price of its memory, of each replica's while that is rented; default 0, as the host comes
    with its GPUs."""


class Host(NamedTuple):
    """Its memory, where that is known, and how many replicas share it."""

    memory: Number | None
    replicas: int


def checked(tiers: list[Tier], path: Path, findings: Findings) -> None:
    """Note tiers that cannot be together, or say too little."""
    kinds = [tier.kind for tier in tiers]
    if sorted(set(kinds), key=KINDS.index) != kinds:
        message = f"{', '.join(kinds)} must be of different kinds, in the order {', '.join(KINDS)}"
        findings.add(path, message)
    for at, tier in enumerate(tiers):
        place = (*path, at)
        if (tier.capacity is None) == (tier.capacity_tokens is None):
            message = "must have one of capacity and capacity_tokens"
            findings.add(place, message, "such as capacity: 100 GiB")
        if tier.kind == "shared" and tier.read is None:
            message = "is missing: nobody else knows the network of a shared store"
            findings.add((*place, "read"), message, "add it, such as read: 25 GB/s")
        if tier.kind == "shared" and tier.policy == "lru":
            message = "lru must be write_through for a shared store, which all replicas write to"
            findings.add((*place, "policy"), message)


def resolved(tier: Tier, profile: ServiceProfile) -> Tier:
    """The tier with the defaults of its kind."""
    if tier.kind == "shared":
        given = {"write": tier.read, "latency": 0.0}
    elif tier.kind == "nvme":
        given = {"read": NVME_READ, "write": NVME_WRITE, "latency": NVME_LATENCY_S}
    else:
        own = GPU_LINK * _parts(profile)
        given = {"read": own, "write": own, "latency": 0.0}
    missing = {key: value for key, value in given.items() if getattr(tier, key) is None}
    return tier.model_copy(update=missing)


def check_sizes(
    tiers: list[Tier],
    bytes_per_token: Number | None,
    block: int,
    host: Host,
    profile: ServiceProfile,
    path: Path,
    findings: Findings,
) -> None:
    """Note tiers that hold no block, or more than there can be."""
    each = 1.0 if bytes_per_token is None else extent(bytes_per_token)[0]
    for at, tier in enumerate(tiers):
        place = (*path, at, "capacity" if tier.capacity_tokens is None else "capacity_tokens")
        given = tier.capacity if tier.capacity_tokens is None else tier.capacity_tokens
        if given is None or (tier.capacity_tokens is None and bytes_per_token is None):
            continue
        per_token = each if tier.capacity_tokens is None else 1.0
        least, most = (bound / per_token for bound in extent(given))
        if least < block:
            message = f"{in_words(given)} holds {least:,.0f} tokens, less than a block of {block}"
            findings.add(place, message)
        if tier.kind == "host" and bytes_per_token is not None:
            asked = most * each * profile.data_parallel_ranks * host.replicas
            _check_host(asked, host, profile, place, findings)
        elif most / block > MOST_BLOCKS:
            message = f"makes {most / block:,.0f} blocks of {block} tokens, more than "
            remedy = "give larger blocks, such as prefix_cache.block_tokens: 256"
            findings.add(place, f"{message}{MOST_BLOCKS:,}", remedy)


def _check_host(
    asked: float, host: Host, profile: ServiceProfile, place: Path, findings: Findings
) -> None:
    there: float = MOST_HOST_BYTES * profile.gpus_per_replica * host.replicas
    whose = "its GPUs' share of the largest hosts"
    remedy = "give host_memory if yours has more"
    if host.memory is not None:
        there, whose, remedy = extent(host.memory)[0], "host_memory", "make it smaller"
    if asked > there:
        count = "a replica" if host.replicas == 1 else f"the {host.replicas} replicas of a host"
        message = f"takes {asked / GIB:,.0f} GiB for {count}, more than {whose}"
        findings.add(place, f"{message} ({there / GIB:,.0f} GiB)", remedy)


def bytes_per_token(profile: ServiceProfile) -> float | None:
    """Of keys and values, where the model is in the catalogue.

    Of layers with windows nothing is kept but the last, as engines of today do (vLLM's hybrid
    manager of the KV cache): what a token more of a long prompt takes.
    """
    try:
        of_model = catalogued(profile.model)
    except CatalogError:
        return None
    return of_model.growth_bytes_per_token * BYTES[profile.kv_cache_dtype] / BYTES["fp16"]


def _parts(profile: ServiceProfile) -> int:
    """GPUs of a rank that hold parts of their own of a token, and send them over their own links.

    Beyond the heads that keep keys and values these are copied.
    """
    own = profile.gpus_per_replica // profile.data_parallel_ranks
    try:
        return max(1, min(own, catalogued(profile.model).kv_heads))
    except CatalogError:
        return max(1, own)


def compiled(tier: Tier, per_token: float, draws: Mapping[str, float]) -> model.Tier:
    """The tier in a world."""
    assert tier.read is not None and tier.write is not None and tier.latency is not None
    if tier.capacity_tokens is not None:
        tokens = known(tier.capacity_tokens, draws)
    else:
        assert tier.capacity is not None
        tokens = known(tier.capacity, draws) / per_token
    return model.Tier(
        tier.kind,  # type: ignore[arg-type]
        int(tokens),
        known(tier.read, draws),
        known(tier.write, draws),
        known(tier.latency, draws),
        tier.policy == "write_through",
        known(tier.usd_per_gib_month, draws),
    )
