"""Limits of an engine in place of those of its profile, which must fit each other."""

from dataclasses import replace

from sim.catalog.checkpoints import checkpoint_dtype
from sim.model.kv_cache import AUTO, recast
from sim.model.profile import ServiceProfile
from sim.scenario.backend.gpu_pool import Engine
from sim.scenario.values.problems import Findings, Path


def limited(
    profile: ServiceProfile, engine: Engine | None, path: Path, findings: Findings
) -> ServiceProfile:
    """The profile with the engine's limits, which must fit each other."""
    if engine is None:
        return profile
    given = {key: value for key, value in engine if value is not None}
    dtype = given.pop("kv_cache_dtype", None)
    if dtype is not None:
        of_checkpoint = checkpoint_dtype(profile.model, profile.precision)
        profile = recast(profile, of_checkpoint if dtype == AUTO else dtype)
    profile = replace(profile, **given)
    path = (*path, "engine")
    if profile.kv_block_tokens & (profile.kv_block_tokens - 1):
        message = f"{profile.kv_block_tokens} must be a power of two"
        findings.add((*path, "kv_block_tokens"), message)
    held = profile.longest_held
    limits = (
        ("max_num_batched_tokens", profile.max_num_batched_tokens < profile.max_num_seqs,
         f"must be at least max_num_seqs ({profile.max_num_seqs})"),
        ("max_model_len", profile.max_model_len > held,
         f"must be at most what the KV cache holds ({held} tokens)"),
        ("steps_in_flight", profile.steps_in_flight > 1 and profile.scheduler == "prefill_first",
         "must be 1 where the scheduler is prefill_first"),
        ("data_parallel_ranks", profile.gpus_per_replica % profile.data_parallel_ranks != 0,
         f"must divide the GPUs of a replica ({profile.gpus_per_replica})"),
    )  # fmt: skip
    for key, broken, rule in limits:
        if broken:
            whose = "" if key in given else " of the profile"
            value = getattr(profile, key)
            findings.add(
                (*path, key), f"{value}{whose} {rule}", f"set {key} as well" if whose else ""
            )
    return profile


def fitting(profile: ServiceProfile) -> ServiceProfile:
    """The profile with requests no longer than what drafts and adapters leave of the KV cache."""
    longest = min(profile.max_model_len, max(profile.longest_held, 2))
    return replace(profile, max_model_len=longest)
