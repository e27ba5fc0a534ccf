"""Pools of GPUs: their keys."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from sim.model.design import Router
from sim.model.kv_cache import AUTO, BYTES
from sim.model.profile import MOST_RANKS, Admission, Scheduler
from sim.scenario.backend.adapters import AdapterSlots
from sim.scenario.backend.autoscaler import Autoscaler
from sim.scenario.backend.caches import PrefixCache
from sim.scenario.backend.energy import PoolEnergy
from sim.scenario.backend.failures import Failures, Spot
from sim.scenario.backend.gateway import Cooldown, Gateway
from sim.scenario.backend.gpu_price import GpuPrices
from sim.scenario.backend.handoff import Handoff
from sim.scenario.backend.lifecycle import Capacity, ColdStart, Standby, starting_time
from sim.scenario.backend.region import PoolThere, with_replicas
from sim.scenario.backend.replicas import Replicas, replica_limits
from sim.scenario.backend.scheduling import Scheduling
from sim.scenario.backend.scorers import Scorers
from sim.scenario.backend.speculation import Drafting, Speculation, tokens_per_step
from sim.scenario.values.fields import flag, kind, number, one_of, whole
from sim.scenario.values.numbers import Number
from sim.scenario.values.part import Factor, Model, Text
from sim.scenario.values.service import Service, service_profile

Coefficients = Literal["drawn", "fixed"]


class Engine(Model):
    """Limits of the serving engine in place of those of the profile."""

    max_num_seqs: Annotated[int, whole(1, 100_000)] | None = None
    """Requests in the batch at once."""
    max_num_batched_tokens: Annotated[int, whole(1, 10**8)] | None = None
    """Token budget of a step."""
    max_model_len: Annotated[int, whole(2, 10**8)] | None = None
    """Longest prompt plus output."""
    kv_capacity_tokens: Annotated[int, whole(1, 10**12)] | None = None
    """Tokens that the KV cache of a replica holds."""
    kv_block_tokens: Annotated[int, whole(1, 4096)] | None = None
    """Tokens in a block of the KV cache, a power of two."""
    kv_cache_dtype: Annotated[str, one_of(AUTO, *BYTES)] | None = None
    """Precision of the KV cache, auto for that of the checkpoint: the cache holds more tokens the
    fewer bytes they take, and reads them faster."""
    scheduler: Annotated[Scheduler, one_of(*get_args(Scheduler))] | None = None
    """Whether prefill rides along with decoding in chunks, or goes first."""
    steps_in_flight: Annotated[int, whole(1, 2)] | None = None
    """1, or 2 where the engine composes a step while the one before it runs, as engines of today do
    (vLLM since 0.14, SGLang since 0.4): a request then waits for one step more."""
    admission: Annotated[Admission, one_of(*get_args(Admission))] | None = None
    """What must fit into the KV cache before a request is admitted: its prompt, the whole of prompt
    and answer, so that nobody is ever evicted, or its prompt below a watermark."""
    data_parallel_ranks: Annotated[int, whole(1, MOST_RANKS)] | None = None
    """Ranks of a replica with data-parallel attention, as vLLM's --data-parallel-size and SGLang's
    --dp-size have it: each has a batch and a KV cache of its own, and all step together, as slowly
    as the slowest. Times, limits and KV tokens of the profile are then those of a rank; its GPUs
    and their price are those of the replica. The router spreads requests over all ranks."""


class GpuPool(Model):
    """Replicas of one model on rented GPUs behind one router."""

    kind: Annotated[Literal["gpu_pool"], kind("gpu_pool")]
    """What it is."""
    service: Annotated[Service, service_profile()]
    """Service profile: a name of 'sim catalog profiles', the path of a profile's file, or what to
    compute one of: {model: qwen3-32b, gpu: l40s, gpus: 2, precision: fp8}, where the model may be
    the path of a config.json of Hugging Face, which says its precision itself; or the times of a
    step where each request takes a fixed number of them: {step: {1: 95ms, 4: 350ms}, gpu: l4}."""
    replicas: Annotated[Replicas, replica_limits()]
    """Copies of the model; the limits of an autoscaler as {min: 2, max: 40, initial: 6}. With
    regions so many in each that says nothing else."""
    autoscaler: Autoscaler | None = None
    """Who decides how many there are, such as {preset: keda, target_concurrency: 24}."""
    cold_start: Annotated[ColdStart, starting_time()] | None = None
    """From the request for a replica to its serving: how long, a distribution, or a mapping of
    parts: node (not billed), image_pull, weights over load_bandwidth, engine_start,
    graph_capture."""
    standby: Standby | None = None
    """Loaded replicas in reserve; default none."""
    capacity: Capacity | None = None
    """How many replicas are to be had at all; default as many as wanted."""
    drain_limit: Annotated[Number, number("duration", least=0, most=30 * 86_400.0)] | None = None
    """How long a replica may take to finish its requests when it is no longer wanted, before it is
    killed; default unlimited."""
    failures: Failures | None = None
    """Crashes and slow replicas; default none."""
    spot: Spot | None = None
    """Instances that their owner takes back; default none is."""
    regions: Annotated[dict[str, PoolThere], Field(min_length=1)] | None = None
    """Where it stands, a pool in each region: replicas by name, such as {eu: 4, us: 6}, or what
    else differs there, {eu: {replicas: 4, price: {usd_per_gpu_hour: 3.2}}}, {} for nothing. Default
    next to all users."""
    zones: Annotated[list[Text], Field(min_length=1)] | None = None
    """Which of the scenario's zones its replicas are spread over, evenly, such as [a, b]; default
    all."""
    node_gpus: Annotated[int, whole(1, 1024)] | None = None
    """GPUs of a node, such as 8, where nodes are bought whole: replicas are put on them, as many as
    fit, and those larger than one take several. Default GPUs are bought by the replica."""
    engine: Engine | None = None
    """What is set otherwise than in the profile."""
    router: Annotated[Router, one_of(*get_args(Router))] = "least_loaded"
    """How a request finds its replica, or the rank of one; session keeps sessions and tasks
    together, prefix goes to what is cached, scored weighs that against queues and memory."""
    scorers: Scorers | None = None
    """Weights of the router scored, as llm-d and the Gateway API Inference Extension have them;
    default {prefix: 3, queue: 2, kv_cache: 2}."""
    scheduling: Scheduling | None = None
    """Whom a replica takes next of those that wait there, such as priority, or {order: priority,
    preemption: places, ageing: 5min}; default fcfs, first come first served, whatever their
    priority."""
    prefix_cache: PrefixCache | None = None
    """Prompts that the replicas keep, such as {block_tokens: 64}, {} with all defaults; default
    none."""
    adapters: AdapterSlots | None = None
    """Adapters (LoRA) that a replica can load, such as {slots: 8}, which requests of workloads with
    adapters need; default none."""
    handoff: Handoff | None = None
    """Where its prompts are answered, if not here: {to: decode, bandwidth: 50 GB/s} makes this a
    pool that only computes prompts (prefill) for the pool decode; default here."""
    gateway: Gateway | None = None
    """What is taken in, held back and turned away; by default every request is taken in and sent
    to a replica at once."""
    cooldown: Cooldown | None = None
    """How long the router leaves the pool out after a request that failed, timed out or was turned
    away there; default 0."""
    throughput_factor: Factor | None = None
    """Speed of the engine relative to its profile; by default uncertain by the profile's fit
    error."""
    coefficients: Annotated[Coefficients, one_of(*get_args(Coefficients))] | None = None
    """Of the profile, where the joint error of its coefficients is known: drawn anew in each world,
    or fixed; drawn unless throughput_factor is given."""
    speculative_decoding: Annotated[Speculation | Drafting, tokens_per_step()] | None = None
    """Tokens that a step brings to a sequence: as measured, by batch size, {1: 2.5, 64: 1.4}, or by
    what is drafted and accepted, {draft_tokens: 3, acceptance: [82%, 70%, 60%], draft_cost: 3%},
    with one probability for each position, where those before it were accepted, and the time that a
    drafted token takes as a share of a decode step. A step then verifies four tokens of each
    sequence: worth much for few, little for many. Default one token."""
    price: GpuPrices | None = None
    """Price of a GPU, or a list of prices that are filled in order, such as [{purchase:
    reserved_1y, gpus: 8, usd_per_gpu_hour: 1.8}, {purchase: on_demand, usd_per_gpu_hour: 3}]; by
    default the median on-demand price in the catalogue."""
    fixed_usd_per_month: Annotated[Number, number("money", least=0, most=1e9)] = 0.0
    """What is paid every month beside the GPUs, busy or not: staff, licences, support; default
    0."""
    power_cap: Annotated[Number, number("cap", above=0, most=1e5)] | None = None
    """Most that a GPU may draw, such as 80% of its thermal design power or 560 W: arithmetic slows
    down as the catalogue's measurements have it, memory does not. Default no cap of its own."""
    energy: PoolEnergy | None = None
    """Energy and carbon where they differ from those of the site (energy at the top)."""
    candidate: Annotated[bool, flag()] | None = None
    """Whether it is only there to be compared: while no route or fallback names it, it is neither
    simulated nor paid ('sim breakeven' asks it all the same); default false."""
    quality: Annotated[Number, number("factor", least=-1e6, most=1e6)] | None = None
    """Quality of its answers in points of any unit."""

    @model_validator(mode="before")
    @classmethod
    def _of_regions(cls, raw: Any) -> Any:
        """Where each region has replicas of its own, they need not be said of all."""
        return with_replicas(raw)
