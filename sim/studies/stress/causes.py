"""What breaks: the resource that ran out, read from what a monitoring system would show.

A world is looked at in its *hot* bins: those in which at least half as many requests waited as ever
did; where hardly any waited, those in which the batches were fullest. Of the backends that serve a
workload whose SLO was missed, an API that turned attempts away comes first, then the pool with the
longest queue for each ready replica. Its cause is the first that applies, in this order:

==================  ===============================================================================
quota               an API turned at least 1 % of its attempts away
provider            at least 1 % of an API's attempts failed
pace                an API answers too slowly by itself
context length      at least 1 % of first prompts are longer than the model takes
cold start          requests wait while replicas start, in at least half of the hot bins
max replicas        the autoscaler is at its limit, in at least half of the hot bins
autoscaler          requests wait, and its metric asks for no further replica
KV memory           the KV cache is filled to 85 % or more, on average over a hot bin
decode              the batch has no place left, or tokens come too slowly with nobody waiting
front end           the serial front end takes more of a replica's time than its GPUs do
prefill             requests wait although the batch and its memory have room
==================  ===============================================================================
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.autoscaler import Autoscaler
from sim.model.design import Design, GpuPool
from sim.model.generated import GeneratedSource
from sim.model.managed import ManagedApi
from sim.model.profile import ServiceProfile
from sim.model.workload import Workload
from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import INPUT_PREFIX

FloatArray = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[np.floating]]

NOTICED = 0.01  # share of attempts or prompts, as many as an SLO of 99 % allows to fail
FULL = 0.85  # averaged over a bin of minutes and over replicas, a cache that overflows is no fuller
HALF = 0.5
WAITING = 1.0  # requests that wait for each ready replica, below which nobody waits to speak of

MEANINGS = {
    "quota": "the API's quota",
    "provider": "the provider's errors",
    "pace": "the pace of the API",
    "context length": "the longest prompt that the model takes",
    "cold start": "cold starts",
    "max replicas": "the most replicas that the autoscaler may have",
    "autoscaler": "an autoscaler that asks for no more",
    "KV memory": "KV memory",
    "decode": "decoding",
    "front end": "the front end of the engine",
    "prefill": "prefill",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a world missed its SLO.

    Attributes
    ----------
    name : str
        A key of ``MEANINGS``.
    backend : str
    signs : dict of str to float
        The evidence by name; shares, and counts of requests and replicas.
    """

    name: str
    backend: str
    signs: dict[str, float]


def cause(result: RunResult, world: int) -> Cause:
    """The cause in one world that missed its SLO or overloaded."""
    sample = result.sample
    draws = {
        each.path: float(sample.values(INPUT_PREFIX + each.path)[world])
        for each in result.scenario.inputs
    }
    design = result.scenario.design(draws)
    look = _Look(result, world, design)
    backends = {name for workload in look.missing() for name in workload.route.backends}
    apis = [api for api in design.managed if api.name in backends]
    pools = [pool for pool in design.pools if pool.name in backends]
    turned_away = [api for api in apis if look.share(api.name, "rejections") >= NOTICED]
    if turned_away or not pools:
        return look.of_api(max(turned_away or apis, key=lambda a: look.share(a.name, "rejections")))
    return look.of_pool(max(pools, key=look.queue_per_replica))


@dataclass(frozen=True, slots=True)
class _Look:
    """One world of a run."""

    result: RunResult
    world: int
    design: Design

    def value(self, name: str) -> float:
        return float(self.result.sample.values(name)[self.world])

    def share(self, backend: str, metric: str) -> float:
        """Of the attempts at a backend."""
        attempts = self.value(f"backends.{backend}.attempts")
        return self.value(f"backends.{backend}.{metric}") / attempts if attempts > 0 else 0.0

    def missing(self) -> list[Workload]:
        """The workloads that miss their SLO, or all if the fleet only falls behind."""
        missing = [
            workload
            for workload in self.design.workloads
            if self.value(f"workloads.{workload.name}.slo_attainment") < workload.slo.attainment
        ]
        return missing or list(self.design.workloads)

    def of_api(self, api: ManagedApi) -> Cause:
        rejected, errors = self.share(api.name, "rejections"), self.share(api.name, "errors")
        name = "quota" if rejected >= NOTICED else "provider" if errors >= NOTICED else "pace"
        signs = {"rejected": rejected, "errors": errors, "lateness": self._lateness()}
        return Cause(name, api.name, {**signs, **self._everywhere()})

    def of_pool(self, pool: GpuPool) -> Cause:
        hot = _Hot.of(self._columns(pool), pool)
        signs = {
            "kv": hot.kv,
            "batch": hot.batch,
            "queue": hot.queue,
            "ready": hot.ready,
            "starting": hot.starting,
            "at_limit": hot.at_limit,
            "utilisation": hot.utilisation,
            "preemptions": self.value("preemptions"),
            "too_long": max(_too_long(w, pool) for w in self.missing()),
            **self._everywhere(),
        }
        return Cause(self._name(pool, hot, signs), pool.name, signs)

    def _name(self, pool: GpuPool, hot: "_Hot", signs: dict[str, float]) -> str:
        if hot.queue <= WAITING:
            slow = "decode" if self._slow_in_decoding() else "prefill"
            return "context length" if signs["too_long"] >= NOTICED else slow
        applies = {
            "cold start": pool.autoscaler is not None and hot.starting >= HALF,
            "max replicas": pool.autoscaler is not None and hot.at_limit >= HALF,
            "autoscaler": hot.ready < pool.limits[1] - HALF and pool.autoscaler is not None,
            "KV memory": hot.kv >= FULL,
            "decode": hot.batch >= FULL,
            "front end": self._front_end_first(pool.profile),
        }
        return next((name for name, does in applies.items() if does), "prefill")

    def _everywhere(self) -> dict[str, float]:
        names = ("unanswered_share", "retry_amplification", "wasted_work_share")
        return {name: float(np.nan_to_num(self.value(name))) for name in names}

    def _lateness(self) -> float:
        """The largest 95th percentile of a latency over the threshold that is asked of it."""
        return max(
            float(np.nan_to_num(self.value(f"workloads.{w.name}.{latency}_p95_s"))) / asked_s
            for w in self.missing()
            for latency, asked_s in (
                ("ttft", w.slo.ttft_s),
                ("tpot", w.slo.tpot_s),
                ("e2e", w.slo.e2e_s),
            )
        )

    def _slow_in_decoding(self) -> bool:
        """Whether the first tokens come in time, and the answers do not."""
        return all(
            self.value(f"workloads.{w.name}.ttft_p95_s") <= w.slo.ttft_s for w in self.missing()
        )

    def _front_end_first(self, profile: ServiceProfile) -> bool:
        requests = max(self.value("requests"), 1.0)
        output = self.value("output_tokens") / requests
        prompt = (self.value("prompt_tokens") - self.value("cached_tokens")) / requests
        front_s = profile.frontend_s_per_request + profile.frontend_s_per_token * output
        base_s, _ = profile.step_tables()
        batch = profile.max_num_seqs
        gpu_s = (
            profile.prefill_s_per_request
            + profile.prefill_s_per_token * prompt
            + output * float(base_s[batch]) / batch
        )
        return front_s > gpu_s

    def queue_per_replica(self, pool: GpuPool) -> float:
        """In the hot bins."""
        return _Hot.of(self._columns(pool), pool).queue

    def _columns(self, pool: GpuPool) -> Columns:
        timeline: Columns = dict(self.result.sample.timelines.timeline(self.world))
        prefix = f"backends.{pool.name}." if len(self.design.pools) > 1 else ""
        names = (
            "queue",
            "running",
            "ready_replicas",
            "starting_replicas",
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
    starting, at_limit : float
        Share of the hot bins in which a replica started, and in which there were as many as may be.
    """

    kv: float
    batch: float
    utilisation: float
    queue: float
    ready: float
    starting: float
    at_limit: float

    @classmethod
    def of(cls, columns: Columns, pool: GpuPool) -> "_Hot":
        ready = columns["ready_replicas"]
        serving = np.maximum(ready, 1.0)
        queue, running = columns["queue"], columns["running"]
        measure = queue if (queue / serving).max() > WAITING else running
        hot = measure >= HALF * measure.max()
        batch = running / (serving * pool.profile.max_num_seqs)
        return cls(
            kv=float(np.nan_to_num(columns["kv_utilisation"][hot]).max()),
            batch=float(batch[hot].max()),
            utilisation=float(np.nan_to_num(columns["utilisation"][hot]).mean()),
            queue=float((queue / serving)[hot].max()),
            ready=float(ready[hot].mean()),
            starting=float(np.mean(columns["starting_replicas"][hot] >= HALF)),
            at_limit=float(np.mean(ready[hot] >= _limit(pool) - HALF)),
        )


def _limit(pool: GpuPool) -> float:
    scaler: Autoscaler | None = pool.autoscaler
    return min(pool.limits[1], pool.lifecycle.capacity_limit) if scaler else pool.replicas


def _too_long(workload: Workload, pool: GpuPool) -> float:
    """Share of the first prompts that do not fit into the model's context."""
    source, most = workload.source, pool.profile.max_model_len
    if isinstance(source, GeneratedSource):
        if source.prompt.maximum < most:
            return 0.0
        return float(1.0 - source.prompt.distribution.cdf(np.array([float(most)]))[0])
    return 0.0


EVIDENCE = {  # signs of each cause, in the words of its table
    "quota": ("rejected", "retry_amplification", "unanswered_share"),
    "provider": ("errors", "unanswered_share"),
    "pace": ("lateness", "unanswered_share"),
    "context length": ("too_long", "unanswered_share"),
    "cold start": ("starting", "queue", "ready"),
    "max replicas": ("at_limit", "ready", "queue"),
    "autoscaler": ("queue", "ready", "batch"),
    "KV memory": ("kv", "preemptions", "queue"),
    "decode": ("batch", "queue", "utilisation"),
    "front end": ("queue", "utilisation"),
    "prefill": ("queue", "batch", "kv"),
}


def main_cause(causes: list[Cause]) -> Cause:
    """The most frequent cause of some worlds, its signs those of their median world.

    Of equally frequent ones that which comes first in ``MEANINGS``.
    """
    order = list(MEANINGS)
    names = [each.name for each in causes]
    name = max(sorted(set(names), key=order.index), key=names.count)
    alike = [each for each in causes if each.name == name]
    return Cause(name, alike[0].backend, dict(_medians(alike)))


def _medians(causes: list[Cause]) -> Iterator[tuple[str, float]]:
    for sign in causes[0].signs:
        values = [each.signs[sign] for each in causes if sign in each.signs]
        yield sign, float(np.median(values))
