"""Diagnosis: why a world missed its SLO, lost requests or fell behind.

It rests on what a monitoring system would show. A world is looked at in its *hot* bins: those in
which at least half as many requests waited as ever did; where hardly any waited, those in which the
batches were fullest. Meant are the backends of the workloads that miss their SLO; where none does,
of those that lose requests. An API that turns attempts away comes first, then the pool
with the longest queue for each ready replica, and where nobody waits whatever turns most away or
fails most often. Its cause is the first that applies, in this order; "at least 1 %" is "any" where
requests are lost, no SLO is missed, and the fleet keeps up.

==================  ===============================================================================
budget              at least 1 % of an API's attempts were turned away as its budget was spent
cooldown            at least 1 % of the attempts at a backend with a cooldown were turned away
provisioned         an API with units of its own turned at least 1 % of its attempts away
quota               any other API with a quota did
outage              at least 1 % of an API's attempts failed, more than it always fails
provider            at least 1 % of an API's attempts failed
pace                an API answers too slowly by itself
devices             of users' devices, some cannot run the model
context length      at least 1 % of first prompts are longer than the model takes
shedding            at least 1 % of a pool's attempts, and half of those turned away, were sheddable
lost replicas       at least 1 % of a pool's attempts failed, or found no replica
capacity limit      there are as many replicas as are to be had, in at least half of the hot bins
cluster GPUs        requests wait while replicas wait for GPUs, in at least half of the hot bins
first replica       at least half of all waiting fell in bins in which a fleet had come from zero
cold start          requests wait while replicas start, in at least half of the hot bins
max replicas        the autoscaler is at its limit, in at least half of the hot bins
queue limit         at least 1 % were turned away by a full queue, with no hour over capacity
concurrency limit   likewise by the most requests of a workload at once
autoscaler          requests wait, and its metric asks for no further replica
KV memory           the KV cache is filled to 85 % or more, on average over a hot bin
decode              the batch has no place left, or tokens come too slowly with nobody waiting
adapters            requests wait although batch and memory have room and work is below capacity
front end           the front end takes more of a replica's time than its GPUs do
prefill             requests wait although the batch and its memory have room
==================  ===============================================================================
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.closed import drawn_lengths
from sim.model.design import Design, GpuPool
from sim.model.managed import ManagedApi
from sim.model.profile import ServiceProfile
from sim.model.scheduling import SHEDDABLE
from sim.model.trace import TraceSource
from sim.model.workload import Workload
from sim.montecarlo import budgets
from sim.montecarlo.cause import Cause
from sim.montecarlo.sample import OVERLOADED, Sample

FloatArray = npt.NDArray[np.float64]
Column = npt.NDArray[np.floating]
Columns = dict[str, Column]
Backend = GpuPool | ManagedApi

NOTICED = 0.01  # share of attempts or prompts, as many as an SLO of 99 % allows to fail
FULL = 0.85  # averaged over a bin of minutes and over replicas, a cache that overflows is no fuller
HALF = 0.5
ONE = 1.0 - 1e-6  # replica on average over a bin: below, for a part of it there was none
WAITING = 1.0  # requests that wait for each ready replica, below which nobody waits to speak of
LOST = ("rejected", "failed", "timed_out", "gave_up")  # as metrics of a workload


def diagnose(sample: Sample, design: Design, world: int) -> Cause:
    """The cause in one world that missed its SLO, lost requests or fell behind.

    Parameters
    ----------
    sample : Sample
    design : Design
        Of this world.
    world : int
    """
    look = _Look(sample, world, design)
    names = {name for workload in look.troubled() for name in workload.route.backends}
    apis = [api for api in design.managed if api.name in names]
    pools = [pool for pool in design.pools if pool.name in names]
    least = look.noticed()
    away = [api for api in apis if look.share(api.name, "rejections") >= least]
    if away or not pools:
        return look.of_api(max(away or apis, key=look.lost_at))
    longest = max(pools, key=look.queue_per_replica)
    if look.queue_per_replica(longest) <= WAITING:
        both: list[Backend] = [*pools, *apis]
        failing = [each for each in both if look.lost_at(each) >= least]
        if failing:
            most = max(failing, key=look.lost_at)
            return look.of_api(most) if isinstance(most, ManagedApi) else look.of_pool(most)
    return look.of_pool(longest)


@dataclass(frozen=True, slots=True)
class _Look:
    """One world of a run."""

    sample: Sample
    world: int
    design: Design

    def value(self, name: str) -> float:
        return self.sample.figure(self.world, name)

    def share(self, backend: str, metric: str) -> float:
        """Of the attempts at a backend."""
        attempts = self.value(f"backends.{backend}.attempts")
        return self.value(f"backends.{backend}.{metric}") / attempts if attempts > 0 else 0.0

    def lost_at(self, backend: Backend) -> float:
        """Share of the attempts at a backend that it turned away or failed."""
        return self.share(backend.name, "rejections") + self.share(backend.name, "errors")

    def missing(self) -> list[Workload]:
        """The workloads that miss their SLO."""
        return [
            workload
            for workload in self.design.workloads
            if self.value(f"workloads.{workload.name}.slo_attainment") < workload.slo.attainment
        ]

    def troubled(self) -> list[Workload]:
        """Those that miss their SLO, else those that lose requests, else all."""
        losing = [
            workload
            for workload in self.design.workloads
            if sum(self.value(f"workloads.{workload.name}.{fate}") for fate in LOST) > 0
        ]
        return self.missing() or losing or list(self.design.workloads)

    def noticed(self) -> float:
        """Share from which on it counts what is turned away, fails or is too long."""
        behind = self.sample.verdict(self.world) == OVERLOADED
        return NOTICED if behind or self.missing() else math.ulp(0.0)

    def of_api(self, api: ManagedApi) -> Cause:
        fit = self._refused() if api.capable_share < 1.0 else 0.0
        signs = {
            "rejected": max(self.share(api.name, "rejections"), fit),
            "errors": self.share(api.name, "errors"),
            "lateness": self._lateness(),
            "too_long": self._too_long(api),
            **self._everywhere(),
        }
        name = self._name_of_api(api, signs)
        if name == "budget":
            group = budgets.group_of(api, self.design.managed)
            attempts, rejected = (
                sum(self.value(f"backends.{each.name}.{what}") for each in group)
                for what in ("attempts", "rejections")
            )
            return Cause(name, budgets.named(group), signs | {"rejected": rejected / attempts})
        return Cause(name, api.name, signs)

    def _name_of_api(self, api: ManagedApi, signs: dict[str, float]) -> str:
        least, rejected, errors = self.noticed(), signs["rejected"], signs["errors"]
        units = api.provisioned
        applies = {
            "devices": rejected >= least and api.capable_share < 1.0,
            "context length": signs["too_long"] >= max(least, HALF * rejected),
            "budget": self.share(api.name, "over_budget") >= max(least, HALF * rejected),
            "cooldown": rejected >= least and api.cooldown_s > 0,
            "provisioned": rejected >= least and units is not None and units.units > 0,
            "quota": rejected >= least and api.quota.is_limited,
            "concurrency limit": rejected >= least,
            "outage": errors >= least + api.error_share and api.outages is not None,
            "provider": errors >= least,
        }
        return next((name for name, does in applies.items() if does), "pace")

    def _refused(self) -> float:
        """Share of the requests that were turned away, by whom or for what ever."""
        names = [f"workloads.{workload.name}" for workload in self.troubled()]
        asked, refused = (
            sum(self.value(f"{name}.{what}") for name in names) for what in ("requests", "rejected")
        )
        return refused / asked if asked > 0 else 0.0

    def of_pool(self, pool: GpuPool) -> Cause:
        hot = _Hot.of(self._columns(pool), pool)
        signs = {
            "kv": hot.kv,
            "batch": hot.batch,
            "queue": hot.queue,
            "ready": hot.ready,
            "starting": hot.starting,
            "first": hot.first,
            "pending": hot.pending,
            "at_limit": hot.at_limit,
            "utilisation": hot.utilisation,
            "preemptions": self.value("preemptions"),
            "too_long": self._too_long(pool),
            "rejected": self._rejected(pool),
            "errors": self.share(pool.name, "errors"),
            "offered": self.value(f"backends.{pool.name}.offered_load_peak"),
            **self._everywhere(),
        }
        return Cause(self._name_of_pool(pool, hot, signs), pool.name, signs)

    def _shed(self, pool: GpuPool) -> float:
        """Share of the attempts at a pool that were shed."""
        own = [each.name for each in self.design.workloads if pool.name in each.route.backends]
        attempts = max(self.value(f"backends.{pool.name}.attempts"), 1.0)
        shed = sum(self.value(f"workloads.{name}.shed") for name in own)
        return min(shed / attempts, self.share(pool.name, "rejections"))

    def _loses_sheddable(self) -> bool:
        return any(workload.priority == SHEDDABLE for workload in self.troubled())

    def _rejected(self, pool: GpuPool) -> float:
        shed = 0.0 if self._loses_sheddable() else self._shed(pool)
        return self.share(pool.name, "rejections") - shed

    def _name_of_pool(self, pool: GpuPool, hot: "_Hot", signs: dict[str, float]) -> str:
        least, scales = self.noticed(), pool.autoscaler is not None
        full = signs["rejected"] >= least and self._within_capacity(pool)
        most_at_once = min(workload.max_concurrency for workload in self.troubled())
        unlimited = math.isinf(min(pool.gateway.max_queue, most_at_once))
        idle = hot.queue <= WAITING and signs["rejected"] < least
        at_limit = scales and hot.at_limit >= HALF and not idle
        applies = {
            "context length": hot.queue <= WAITING
            and signs["too_long"] >= max(least, HALF * signs["rejected"]),
            "cooldown": full and pool.cooldown_s > 0,
            "shedding": self._loses_sheddable()
            and self._shed(pool) >= max(least, HALF * signs["rejected"]),
            "lost replicas": signs["errors"] >= least or (full and unlimited),
            "capacity limit": at_limit and pool.capacity_limit < pool.limits[1],
            "cluster GPUs": self._waits_for_gpus(hot) and not idle,
            "first replica": scales and hot.first >= HALF and self._waits_too_long(),
            "cold start": scales and hot.starting >= HALF and not idle,
            "max replicas": at_limit,
            "queue limit": full and math.isfinite(pool.gateway.max_queue),
            "concurrency limit": full and math.isfinite(most_at_once),
            "autoscaler": scales and hot.ready < pool.limits[1] - HALF and not idle,
            "decode": idle and self._slow_in_decoding(),
            "prefill": idle,
            "KV memory": hot.kv >= FULL,
            "adapters": pool.adapters is not None and hot.batch < FULL and signs["offered"] < ONE,
            "front end": hot.batch < FULL and self._front_end_first(pool.profile),
        }
        found = next((name for name, does in applies.items() if does), "")
        return found or ("decode" if hot.batch >= FULL else "prefill")

    def _waits_for_gpus(self, hot: "_Hot") -> bool:
        return self.design.cluster is not None and hot.pending >= HALF

    def _within_capacity(self, pool: GpuPool) -> bool:
        return self.value(f"backends.{pool.name}.hours_over_capacity") == 0

    def _too_long(self, backend: Backend) -> float:
        """Share of the first prompts that do not fit into the model's context."""
        engine = backend.profile if isinstance(backend, GpuPool) else backend
        return max(_share_from(workload, engine.max_model_len) for workload in self.troubled())

    def _everywhere(self) -> dict[str, float]:
        names = ("unanswered_share", "retry_amplification", "wasted_work_share")
        withheld = self.value("retries_withheld") / max(self.value("requests"), 1.0)
        found = {name: float(np.nan_to_num(self.value(name))) for name in names}
        return {**found, "withheld": float(np.nan_to_num(withheld))}

    def _lateness(self) -> float:
        """The largest 95th percentile of a latency over the threshold that is asked of it."""
        return max(
            float(np.nan_to_num(self.value(f"workloads.{w.name}.{latency}_p95_s"))) / asked_s
            for w in self.troubled()
            for latency, asked_s in (
                ("ttft", w.slo.ttft_s),
                ("tpot", w.slo.tpot_s),
                ("e2e", w.slo.e2e_s),
            )
        )

    def _slow_in_decoding(self) -> bool:
        """Whether the first tokens come in time, and the answers do not."""
        return all(
            w.generates and self.value(f"workloads.{w.name}.ttft_p95_s") <= w.slo.ttft_s
            for w in self.troubled()
        )

    def _waits_too_long(self) -> bool:
        """Whether what is missed is a time that counts waiting: to the first token, or the last."""
        missing = self.missing()
        return not missing or any(
            self.value(f"workloads.{w.name}.{latency}_p95_s") > asked_s
            for w in missing
            for latency, asked_s in (("ttft", w.slo.ttft_s), ("e2e", w.slo.e2e_s))
        )

    def _front_end_first(self, profile: ServiceProfile) -> bool:
        requests = max(self.value("requests"), 1.0)
        output = self.value("output_tokens") / requests
        whole = self.value("prompt_tokens") / requests
        prompt = whole - self.value("cached_tokens") / requests
        front_s = profile.frontend_s_per_request + profile.frontend_s_per_token * output
        per_prompt_token_s = (
            profile.frontend_s_per_prompt_token + profile.frontend_s_per_prompt_token_out
        )
        front_s += per_prompt_token_s * whole
        base_s, _ = profile.step_tables()
        batch = profile.max_num_seqs
        gpu_s = (
            profile.prefill_s_per_request
            + profile.prefill_s_per_token * prompt
            + output * float(base_s[batch]) / batch
        )
        return front_s / profile.frontend_processes > gpu_s

    def queue_per_replica(self, pool: GpuPool) -> float:
        """In the hot bins."""
        return _Hot.of(self._columns(pool), pool).queue

    def _columns(self, pool: GpuPool) -> Columns:
        timeline: Columns = dict(self.sample.timelines.until_end(self.world))
        prefix = f"backends.{pool.name}." if len(self.design.pools) > 1 else ""
        names = (
            "queue",
            "running",
            "ready_replicas",
            "starting_replicas",
            "pending_replicas",
            "utilisation",
            "kv_utilisation",
        )
        return {name: timeline[prefix + name].astype(np.float64) for name in names}


@dataclass(frozen=True, slots=True)
class _Hot:
    """What a pool was like when most requests waited.

    Attributes
    ----------
    kv, batch, utilisation : float
        Share filled, and busy; of cache and batch in the fullest hot bin.
    queue, ready : float
        Requests that waited for each ready replica, in the worst bin; ready replicas on average.
    starting, pending, at_limit : float
        Share of the hot bins in which a replica started, in which one waited for GPUs, and in which
        there were as many as may be.
    first : float
        Share of all waiting that fell in bins with no replica for a part of the time, or after such
        a one.
    """

    kv: float
    batch: float
    utilisation: float
    queue: float
    ready: float
    starting: float
    pending: float
    at_limit: float
    first: float

    @classmethod
    def of(cls, columns: Columns, pool: GpuPool) -> "_Hot":
        ready = columns["ready_replicas"]
        serving = np.maximum(ready, 1.0)
        queue, running = columns["queue"], columns["running"]
        measure = queue if (queue / serving).max() > WAITING else running
        hot = measure >= HALF * measure.max()
        batch = running / (serving * pool.profile.replica_seqs)
        return cls(
            kv=float(np.nan_to_num(columns["kv_utilisation"][hot]).max()),
            batch=float(batch[hot].max()),
            utilisation=float(np.nan_to_num(columns["utilisation"][hot]).mean()),
            queue=float((queue / serving)[hot].max()),
            ready=float(ready[hot].mean()),
            starting=float(np.mean(columns["starting_replicas"][hot] >= HALF)),
            pending=float(np.mean(columns["pending_replicas"][hot] >= HALF)),
            at_limit=float(np.mean(ready[hot] >= _limit(pool) - HALF)),
            first=_from_zero(ready, queue, pool.replicas),
        )


def _from_zero(ready: Column, queue: Column, initial: int) -> float:
    """Share of all waiting that fell in bins in which a fleet had come from zero replicas."""
    least = np.minimum(ready, np.concatenate(([float(initial)], ready[:-1])))
    waited = float(queue.sum())
    return float(queue[least < ONE].sum()) / waited if waited > 0 else 0.0


def _limit(pool: GpuPool) -> float:
    if pool.autoscaler is None:
        return pool.replicas
    return min(pool.limits[1], pool.capacity_limit)


def _share_from(workload: Workload, tokens: int) -> float:
    """Share of a workload's first prompts that have so many tokens or more."""
    source, drawn = workload.source, drawn_lengths(workload.source)
    if isinstance(source, TraceSource):
        return float(np.mean(source.trace.prompt_tokens >= tokens))
    if drawn is None or drawn.prompt.maximum < tokens:
        return 0.0
    return float(1.0 - drawn.prompt.distribution.cdf(np.array([float(tokens) - HALF]))[0])
