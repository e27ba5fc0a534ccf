"""Causes of trouble: what ran out, or turned requests away, and the evidence for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

MEANINGS = {
    "budget": "a budget that is spent",
    "cooldown": "the cooldown after failures",
    "quota": "the API's quota",
    "provisioned": "the provisioned throughput, and the quota beyond it",
    "outage": "the provider's outages",
    "provider": "the provider's errors",
    "pace": "the pace of the API",
    "devices": "devices that cannot run the model",
    "context length": "the longest prompt that the model takes",
    "shedding": "the queue from which on sheddable requests are shed",
    "lost replicas": "replicas that are lost",
    "capacity limit": "the most replicas that are to be had",
    "cluster GPUs": "the GPUs of the cluster",
    "first replica": "cold starts from zero, requests waited for the first replica",
    "cold start": "cold starts",
    "max replicas": "the most replicas that the autoscaler may have",
    "queue limit": "the limit of the queue",
    "concurrency limit": "the limit of requests at once",
    "autoscaler": "an autoscaler that asks for no more",
    "KV memory": "KV memory",
    "decode": "decoding",
    "adapters": "adapters, their slots and the time to load them",
    "front end": "the front end of the engine",
    "prefill": "prefill",
}
EVIDENCE = {  # signs of each cause
    "budget": ("rejected", "unanswered_share"),
    "cooldown": ("rejected", "errors", "unanswered_share"),
    "quota": ("rejected", "retry_amplification", "unanswered_share"),
    "provisioned": ("rejected", "retry_amplification", "unanswered_share"),
    "outage": ("errors", "unanswered_share"),
    "provider": ("errors", "unanswered_share"),
    "pace": ("lateness", "unanswered_share"),
    "devices": ("rejected", "unanswered_share"),
    "context length": ("too_long", "unanswered_share"),
    "shedding": ("rejected", "queue", "offered"),
    "lost replicas": ("errors", "rejected", "unanswered_share"),
    "cluster GPUs": ("pending", "queue", "ready"),
    "first replica": ("first", "ready"),
    "cold start": ("starting", "queue", "ready"),
    "max replicas": ("at_limit", "ready", "queue"),
    "capacity limit": ("at_limit", "ready", "queue"),
    "queue limit": ("rejected", "batch", "offered"),
    "concurrency limit": ("rejected", "batch", "offered"),
    "autoscaler": ("queue", "ready", "batch"),
    "KV memory": ("kv", "preemptions", "queue"),
    "decode": ("batch", "queue", "utilisation"),
    "adapters": ("queue", "batch", "offered"),
    "front end": ("queue", "utilisation"),
    "prefill": ("queue", "batch", "kv"),
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a world missed its SLO, lost requests, or fell behind.

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


def main_cause(causes: Sequence[Cause]) -> Cause:
    """The most frequent cause of some worlds, its signs those of their median world.

    Of equally frequent ones that which comes first in ``MEANINGS``.
    """
    order = list(MEANINGS)
    names = [each.name for each in causes]
    name = max(sorted(set(names), key=order.index), key=names.count)
    alike = [each for each in causes if each.name == name]
    return Cause(name, alike[0].backend, dict(_medians(alike)))


def _medians(causes: Sequence[Cause]) -> Iterator[tuple[str, float]]:
    for sign in causes[0].signs:
        values = [each.signs[sign] for each in causes if sign in each.signs]
        yield sign, float(np.median(values))
