"""A pool's engine as Kubernetes runs it: a Deployment, or a Service of Knative."""

import math
from typing import Any

from sim.model.autoscaler import Knative
from sim.model.design import GpuPool
from sim.report.manifests import knative
from sim.report.manifests.engines import OPTIONS, OPTIONS_FOLDER, Engine, engine_of

Document = dict[str, Any]

APP = "app.kubernetes.io/name"
PROBE_S = 10
LONGEST_WAIT_S = 3600.0  # for a replica to start, where nothing is said


def deployment(name: str, pool: GpuPool, model: str) -> Document:
    """Replicas of a pool; how many is left to an autoscaler, if there is one."""
    spec: Document = {} if pool.autoscaler else {"replicas": pool.replicas}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {APP: name}},
        "spec": {
            **spec,
            "selector": {"matchLabels": {APP: name}},
            "template": {
                "metadata": {"labels": {APP: name}},
                "spec": _pod(name, pool, model),
            },
        },
    }


def knative_service(name: str, pool: GpuPool, policy: Knative, model: str) -> Document:
    """The same behind Knative's autoscaler, which takes its settings from annotations."""
    settings = {f"{knative.PREFIX}/{key}": value for key, value in
                knative.annotations(policy).items()}  # fmt: skip
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {APP: name}},
        "spec": {
            "template": {
                "metadata": {"labels": {APP: name}, "annotations": settings},
                "spec": _pod(name, pool, model, in_knative=True),
            },
        },
    }


def options_file(name: str, engine: Engine) -> Document:
    """What an engine takes from a file, as a ConfigMap; ``data`` is YAML in YAML."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": _options_name(name)},
        "data": {OPTIONS: engine.options},
    }


def remarks(pool: GpuPool) -> list[str]:
    """What a user has to look at."""
    profile = pool.profile
    lines = [f"MODEL is to be the checkpoint of {profile.model} in {profile.precision}."]
    if engine_of(pool) is None:
        lines.append(
            f"The flags of {profile.engine or 'this engine'} are not known here. Simulated: at most"
            f" {profile.max_num_seqs} sequences, {profile.max_num_batched_tokens} tokens a step,"
            f" {profile.max_model_len} tokens a request, KV cache in {profile.kv_cache_dtype}."
        )
    if math.isfinite(pool.lifecycle.capacity_limit):
        lines.append(
            f"Simulated with at most {pool.lifecycle.capacity_limit:g} replicas to be had."
        )
    if profile.gpus_per_replica > 8:
        lines.append(
            f"{profile.gpus_per_replica} GPUs do not fit a node of eight: a LeaderWorkerSet or the"
            " like has to spread a replica over nodes."
        )
    return lines


def _pod(name: str, pool: GpuPool, model: str, in_knative: bool = False) -> Document:
    engine = engine_of(pool)
    container: Document = {
        "name": "engine",
        "image": engine.image if engine else "your-engine",
        **({"command": list(engine.command)} if engine and engine.command else {}),
        **({"args": list(engine.args)} if engine else {}),
        "env": [{"name": "MODEL", "value": model}],
        "ports": [{"containerPort": engine.port if engine else 8000}],
        "resources": {"limits": {"nvidia.com/gpu": pool.gpus_per_replica}},
    }
    if not in_knative:  # which has probes and deadlines of its own
        health = {"httpGet": {"path": "/health", "port": engine.port if engine else 8000}}
        tries = math.ceil(_patience_s(pool) / PROBE_S)
        container["startupProbe"] = {
            **health, "periodSeconds": PROBE_S, "failureThreshold": tries
        }  # fmt: skip
        container["readinessProbe"] = health
    pod: Document = {"containers": [container]}
    if engine and engine.options:
        container["volumeMounts"] = [{"name": "options", "mountPath": OPTIONS_FOLDER}]
        pod["volumes"] = [{"name": "options", "configMap": {"name": _options_name(name)}}]
    if math.isfinite(pool.lifecycle.drain_limit_s) and not in_knative:
        pod["terminationGracePeriodSeconds"] = max(1, round(pool.lifecycle.drain_limit_s))
    return pod


def _patience_s(pool: GpuPool) -> float:
    """How long a replica may take to start before it is killed."""
    deadline_s = pool.lifecycle.cold_start.deadline_s
    return deadline_s if math.isfinite(deadline_s) else LONGEST_WAIT_S


def _options_name(name: str) -> str:
    return f"{name}-options"
