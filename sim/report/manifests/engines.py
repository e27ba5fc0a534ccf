"""Flags of serving engines that make them what a profile says.

From the engines' own command lines: ``vllm serve`` (0.14), ``sglang.launch_server`` (0.5),
``trtllm-serve`` (1.2), which takes what has no flag from a file of options.
"""

import math
from dataclasses import dataclass
from typing import Any

from sim.model.design import GpuPool
from sim.model.profile import ServiceProfile

GIB = 2**30
MODEL = "$(MODEL)"  # as Kubernetes expands a variable of the container's environment
OPTIONS = "options.yaml"
OPTIONS_FOLDER = "/etc/engine"


@dataclass(frozen=True, slots=True)
class Engine:
    """How an engine is started.

    Attributes
    ----------
    image : str
        Without its version, which is the user's choice.
    command : tuple of str
        Empty for the image's own.
    args : tuple of str
    port : int
    options : dict
        Of the file of options; empty where it needs none.
    """

    image: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    port: int
    options: dict[str, Any]


def engine_of(pool: GpuPool) -> Engine | None:
    """How the engine of a pool is started; None for an engine whose flags are not known."""
    name = pool.profile.engine.lower()
    for known, started in (("vllm", _vllm), ("sglang", _sglang), ("trt", _tensorrt_llm)):
        if known in name:
            return started(pool)
    return None


def tensor_parallel(profile: ServiceProfile) -> int:
    """GPUs that a rank is spread over."""
    return max(1, profile.gpus_per_replica // profile.data_parallel_ranks)


def _vllm(pool: GpuPool) -> Engine:
    profile = pool.profile
    args = [
        f"--model={MODEL}",
        f"--tensor-parallel-size={tensor_parallel(profile)}",
        f"--max-num-seqs={profile.max_num_seqs}",
        f"--max-num-batched-tokens={profile.max_num_batched_tokens}",
        f"--max-model-len={profile.max_model_len}",
        f"--block-size={profile.kv_block_tokens}",
        f"--kv-cache-dtype={_cache(profile, bf16='bfloat16')}",
        "--enable-prefix-caching" if pool.prefix_cache else "--no-enable-prefix-caching",
        "--async-scheduling" if profile.steps_in_flight > 1 else "--no-async-scheduling",
    ]
    if profile.data_parallel_ranks > 1:
        args += [f"--data-parallel-size={profile.data_parallel_ranks}", "--enable-expert-parallel"]
    if profile.frontend_processes > 1:
        args.append(f"--api-server-count={profile.frontend_processes}")
    if (host := _host_bytes(pool)) > 0:  # of all GPUs of a rank together
        args += ["--kv-offloading-backend=native", f"--kv-offloading-size={host / GIB:.6g}"]
    if (held := pool.adapters) is not None:
        args += ["--enable-lora", f"--max-loras={held.slots}", f"--max-lora-rank={held.max_rank}"]
        args.append(f"--max-cpu-loras={held.host_slots}")
    return Engine("vllm/vllm-openai", (), tuple(args), 8000, {})


def _sglang(pool: GpuPool) -> Engine:
    profile = pool.profile
    ranks = profile.data_parallel_ranks
    args = [
        f"--model-path={MODEL}",
        "--host=0.0.0.0",
        f"--tp-size={profile.gpus_per_replica}",
        # Its limit is of the whole server, and of all ranks together.
        f"--max-running-requests={profile.max_num_seqs * ranks}",
        f"--chunked-prefill-size={profile.max_num_batched_tokens}",
        f"--context-length={profile.max_model_len}",
        f"--page-size={profile.kv_block_tokens}",
        f"--kv-cache-dtype={_cache(profile, bf16='bf16', fp8='fp8_e4m3')}",
    ]
    if pool.prefix_cache is None:
        args.append("--disable-radix-cache")
    if (host := _host_bytes(pool)) > 0:  # of each GPU
        size = math.ceil(host / tensor_parallel(profile) / 1e9)
        args += ["--enable-hierarchical-cache", f"--hicache-size={size}"]
        args.append(f"--hicache-write-policy={_write_policy(pool)}")
    if (held := pool.adapters) is not None:
        args += ["--enable-lora", f"--max-loras-per-batch={held.slots}"]
        args += [f"--max-loaded-loras={held.host_slots}", f"--max-lora-rank={held.max_rank}"]
    if profile.steps_in_flight == 1:
        args.append("--disable-overlap-schedule")
    if ranks > 1:
        args += [f"--dp-size={ranks}", "--enable-dp-attention"]
    command = ("python3", "-m", "sglang.launch_server")
    return Engine("lmsysorg/sglang", command, tuple(args), 30000, {})


def _tensorrt_llm(pool: GpuPool) -> Engine:
    profile = pool.profile
    args = [
        MODEL,
        "--host=0.0.0.0",
        f"--tp_size={profile.gpus_per_replica}",
        f"--max_batch_size={profile.max_num_seqs}",
        f"--max_num_tokens={profile.max_num_batched_tokens}",
        f"--max_seq_len={profile.max_model_len}",
        f"--extra_llm_api_options={OPTIONS_FOLDER}/{OPTIONS}",
    ]
    options: dict[str, Any] = {
        "kv_cache_config": {
            "dtype": _cache(profile, fp4="nvfp4"),
            "enable_block_reuse": pool.prefix_cache is not None,
            "tokens_per_block": profile.kv_block_tokens,
        },
        "enable_chunked_prefill": profile.scheduler == "chunked",
    }
    if (host := _host_bytes(pool)) > 0:  # of each GPU
        options["kv_cache_config"]["host_cache_size"] = int(host / tensor_parallel(profile))
    if profile.admission == "whole":
        options["scheduler_config"] = {"capacity_scheduler_policy": "GUARANTEED_NO_EVICT"}
    if profile.steps_in_flight == 1:
        options["disable_overlap_scheduler"] = True
    if profile.data_parallel_ranks > 1:
        options["enable_attention_dp"] = True
    image = "nvcr.io/nvidia/tensorrt-llm/release"
    return Engine(image, ("trtllm-serve",), tuple(args), 8000, options)


def _host_bytes(pool: GpuPool) -> float:
    """Of the tier in host memory of a rank; what lies below it has no flags of its own."""
    cache = pool.prefix_cache
    tiers = () if cache is None else cache.tiers
    return sum(
        tier.capacity_tokens * cache.bytes_per_token
        for tier in tiers
        if cache is not None and tier.kind == "host"
    )


def _write_policy(pool: GpuPool) -> str:
    tiers = () if pool.prefix_cache is None else pool.prefix_cache.tiers
    through = all(tier.writes_through for tier in tiers if tier.kind == "host")
    return "write_through" if through else "write_back"


def _cache(profile: ServiceProfile, **names: str) -> str:
    """Precision of the KV cache by the engine's name; where it has none, the checkpoint's own."""
    dtype = profile.kv_cache_dtype
    usual = "auto" if dtype in ("bf16", "fp16") else dtype
    return names.get(dtype, usual)
