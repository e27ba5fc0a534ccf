"""Small profiles and pools for tests: an engine of round figures, changed where a test asks."""

from dataclasses import replace
from typing import Any

from sim.model.design import GpuPool, Router
from sim.model.price import GpuPrice
from sim.model.profile import ServiceProfile

# A step takes 1 s however many sequences decode; prefill, memory and the front end cost nothing.
PLAIN = ServiceProfile(
    name="plain",
    model="none",
    gpu="none",
    precision="none",
    engine="none",
    gpus_per_replica=1,
    batch=(0,),
    step_base_s=(1.0,),
    step_s_per_kv_token=(0.0,),
    prefill_s_per_request=0.0,
    prefill_s_per_token=0.0,
    prefill_s_per_token_context=0.0,
    overhead_s=0.0,
    frontend_s_per_request=0.0,
    frontend_s_per_token=0.0,
    kv_capacity_tokens=1 << 20,
    kv_block_tokens=16,
    max_num_seqs=256,
    max_num_batched_tokens=8192,
    max_model_len=1 << 20,
    scheduler="chunked",
)


def profile(**changes: Any) -> ServiceProfile:
    """The plain engine with some of its figures changed."""
    return replace(PLAIN, **changes)


def pool(
    engine: ServiceProfile = PLAIN,
    replicas: int = 1,
    router: Router = "round_robin",
    name: str = "pool",
) -> GpuPool:
    """Replicas of an engine, at 1 USD per GPU-hour."""
    return GpuPool(name, engine, replicas, router, GpuPrice(1.0))
