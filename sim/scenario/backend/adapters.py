"""Adapters that a pool can load (LoRA): the keys, their defaults, and the slots that they make.

Defaults: as many adapters in the host's memory as in slots, and rank 16, as vLLM has them
(`max_cpu_loras`, `max_lora_rank`). An adapter is as large as its matrices, where the catalogue has
their widths. One GPU's link to its host carries 32 GB/s, an NVMe drive 7 GB/s (as of tiers). That a
load takes 20 ms beside, for its several hundred copies, and a fetch 0.1 s, are assumptions, not
measured. So is the step overhead: published for one adapter or several are 9 to 31 % (vLLM pull
request 15655, TPU v6e), 27 to 43 % (SGLang pull request 28091, four adapters of a mixture of
experts) and 51 % (vLLM pull request 11267 of 2024, one of rank 8 on an A100); 25 % is the default.
For each adapter a step reads its numbers once beside those of the model: a lower bound.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, get_args

from sim.catalog import model as catalogued
from sim.catalog.adapter_sizes import Modules, bytes_per_rank
from sim.errors import CatalogError
from sim.model import adapters as model
from sim.model.profile import ServiceProfile
from sim.scenario.backend.tiers import GPU_LINK, NVME_READ, bytes_per_token
from sim.scenario.values.fields import number, one_of, whole
from sim.scenario.values.numbers import (
    BANDWIDTH_REMEDY,
    LEAST_BYTES_PER_S,
    Number,
    known,
)
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Findings, Path

LOAD_LATENCY_S: Final = 0.02
FETCH_LATENCY_S: Final = 0.1
STEP_OVERHEAD: Final = 0.25
MIB: Final = 2**20
WHEN_FULL: Final = ("skip", "block")

Rate = Annotated[
    Number, number("bandwidth", least=LEAST_BYTES_PER_S, most=1e15, remedy=BANDWIDTH_REMEDY)
]
Delay = Annotated[Number, number("duration", least=0, most=600)]
Share = Annotated[Number, number("share", least=0, most=100)]


class AdapterSlots(Model):
    """Adapters (LoRA) that a replica can load, such as {slots: 8, host_slots: 64}."""

    slots: Annotated[int, whole(1, 1024)]
    """Adapters in memory of the GPUs (vLLM's --max-loras, SGLang's --max-loras-per-batch): a batch
    has requests of so many at most. They take memory of the KV cache."""
    host_slots: Annotated[int, whole(1, 1_000_000)] | None = None
    """How many adapters lie in memory of the host, those in slots among them (vLLM's
    --max-cpu-loras, SGLang's --max-loaded-loras); others are fetched. Default as many as slots, as
    vLLM has it."""
    max_rank: Annotated[int, whole(1, 1024)] = 16
    """Largest rank, for which a slot has room whatever is in it; default 16, as in vLLM."""
    modules: Annotated[Modules, one_of(*get_args(Modules))] = "all"
    """Matrices that adapters change: all of attention and of dense layers, or those of attention;
    default all."""
    size: Annotated[Number, number("size", above=0, most=1e13, certain=True)] | None = None
    """Bytes of an adapter of the largest rank, such as 84 MB; default what its modules have, where
    the catalogue knows the widths of the model."""
    kv_tokens: Annotated[Number, number("count", least=0, most=1e9, certain=True)] | None = None
    """Tokens of the KV cache that a slot takes; default its bytes over those of a token."""
    load_bandwidth: Rate = GPU_LINK
    """From the host into a slot; default 32 GB/s. The step that first needs an adapter waits for
    it, and all that is in the batch with it."""
    load_latency: Delay = LOAD_LATENCY_S
    """What a load takes beside, whatever its size; default 20ms, an assumption."""
    fetch_bandwidth: Rate = NVME_READ
    """From a disk or a registry into the host; default 7 GB/s, an NVMe drive."""
    fetch_latency: Delay = FETCH_LATENCY_S
    """What a fetch takes beside; default 100ms, an assumption."""
    step_overhead: Share = STEP_OVERHEAD
    """By how much longer a step is that has requests of any adapter; default 25 %, between the 9 %
    and 51 % that were published."""
    step_overhead_per_adapter: Share | None = None
    """By how much longer it is for each adapter in it; default the bytes of an adapter of the
    largest rank over those of the model, which a step reads once."""
    when_full: Annotated[str, one_of(*WHEN_FULL)] = "skip"
    """What becomes of a request whose adapter finds no slot: others go first (skip, as in vLLM and
    SGLang today), or those behind it wait, too (block, as in SGLang until 2025)."""


def resolved(
    given: AdapterSlots | None, pool: Any, profile: ServiceProfile, path: Path, findings: Findings
) -> AdapterSlots | None:
    """The slots of a pool with their defaults; notes what cannot be."""
    if given is None:
        return None
    path = (*path, "adapters")
    _check_engine(pool, profile, path, findings)
    host = given.slots if given.host_slots is None else given.host_slots
    if host < given.slots:
        rule = f"must be at least slots ({given.slots}), whose adapters are there as well"
        findings.add((*path, "host_slots"), f"{host} {rule}")
    each = bytes_per_rank(profile.model, given.modules)
    size = given.size
    if size is None and each is not None:
        size = each * given.max_rank
    if size is None:
        message = f"has no default, as the catalogue has no widths of '{profile.model}'"
        remedy = "add it: the bytes of an adapter of the largest rank, such as size: 84 MB"
        findings.add((*path, "size"), message, remedy)
        return given
    per_token, kv_tokens = bytes_per_token(profile), given.kv_tokens
    if kv_tokens is None and per_token:
        kv_tokens = float(size) / per_token  # type: ignore[arg-type]
    if kv_tokens is None:
        message = f"has no default, as the catalogue has no model '{profile.model}'"
        remedy = "add it: the bytes of a slot over those of a token in the KV cache"
        findings.add((*path, "kv_tokens"), message, remedy)
        return given
    defaults = {"host_slots": host, "size": size, "kv_tokens": kv_tokens}
    if given.step_overhead_per_adapter is None:
        defaults["step_overhead_per_adapter"] = _share_read(profile, float(size))  # type: ignore[arg-type]
    filled = given.model_copy(update=defaults)
    _check_memory(filled, profile, path, findings)
    return filled


def _share_read(profile: ServiceProfile, size: float) -> float:
    """Bytes of an adapter over those of the model; 0 where nobody knows these."""
    try:
        return size / catalogued(profile.model).weight_bytes(profile.precision)
    except CatalogError:
        return 0.0


def _check_engine(pool: Any, profile: ServiceProfile, path: Path, findings: Findings) -> None:
    """Note what is not simulated beside adapters."""
    others = {
        "handoff": pool.handoff is not None,
        "tiers under its prefix cache": pool.prefix_cache is not None and pool.prefix_cache.tiers,
        "data-parallel ranks": profile.data_parallel_ranks > 1,
    }
    for what, is_there in others.items():
        if is_there:
            findings.add(path, f"cannot be beside {what}, with which they are not simulated")


def _check_memory(
    slots: AdapterSlots, profile: ServiceProfile, path: Path, findings: Findings
) -> None:
    """Note slots that leave no memory to requests."""
    taken = _taken_tokens(slots)
    if reduced(profile, slots).longest_held < profile.max_model_len:
        size = float(slots.size) / MIB  # type: ignore[arg-type]
        message = (
            f"{slots.slots} of {size:,.0f} MiB do not fit: they take {taken:,} of the"
            f" {profile.kv_capacity_tokens:,} tokens of the KV cache, and a request may have"
            f" {profile.max_model_len:,}"
        )
        findings.add((*path, "slots"), message, "make it fewer, or lower max_rank or max_model_len")


def _taken_tokens(slots: AdapterSlots) -> int:
    return int(-(-slots.slots * float(slots.kv_tokens) // 1))  # type: ignore[arg-type]


def reduced(profile: ServiceProfile, slots: AdapterSlots | None) -> ServiceProfile:
    """The profile with what slots leave of the KV cache."""
    if slots is None:
        return profile
    return replace(profile, kv_capacity_tokens=profile.kv_capacity_tokens - _taken_tokens(slots))


def compiled(slots: AdapterSlots | None, draws: Mapping[str, float]) -> model.AdapterSlots | None:
    """The slots of a replica in a world."""
    if slots is None:
        return None
    assert slots.host_slots is not None and slots.size is not None
    assert slots.step_overhead_per_adapter is not None
    return model.AdapterSlots(
        slots.slots,
        slots.host_slots,
        float(slots.size) / slots.max_rank,  # type: ignore[arg-type]
        known(slots.load_bandwidth, draws),
        known(slots.load_latency, draws),
        known(slots.fetch_bandwidth, draws),
        known(slots.fetch_latency, draws),
        known(slots.step_overhead, draws),
        known(slots.step_overhead_per_adapter, draws),
        slots.when_full == "block",
        slots.max_rank,
    )
