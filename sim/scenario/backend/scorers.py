"""Scorers of a router: their weights, and what they make.

The defaults are those of llm-d's guides (precise prefix cache, queue and use of the KV cache 3, 2
and 2: `guides/pd-disaggregation`, 2026).
"""

from collections.abc import Mapping
from typing import Annotated, Any

from sim.model import scorers as model
from sim.scenario.values.fields import number
from sim.scenario.values.numbers import Number, known
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Findings, Path

Weight = Annotated[Number, number("factor", least=0, most=1e6)]


class Scorers(Model):
    """Weights of what a router sees of replicas, such as {prefix: 3, queue: 2, kv_cache: 2}."""

    prefix: Weight = 3.0
    """What a replica keeps of the prompt, beside the one with most and the one with least."""
    queue: Weight = 2.0
    """How few requests wait there, beside the one with most and the one with fewest."""
    kv_cache: Weight = 2.0
    """The share of its KV cache that is free."""
    running: Weight = 0.0
    """How few requests run there."""
    adapter: Weight = 0.0
    """Where the adapter of the request is in use (1), can be loaded beside those in use and awaited
    (0.8), or is awaited (0.6), as the lora-affinity scorer has it."""


def check(path: Path, backend: Mapping[str, Any], findings: Findings) -> None:
    """Note scorers without their router, and weights of nothing."""
    given = backend.get("scorers")
    if not isinstance(given, dict):
        return
    if backend.get("router") != "scored":
        message = "has no meaning but for the router that goes by scorers"
        findings.add((*path, "scorers"), message, "add router: scored")
    if given.get("prefix") and "prefix_cache" not in backend:
        message = "has no meaning where nothing is cached"
        findings.add((*path, "scorers", "prefix"), message, "add prefix_cache: {}")
    if given.get("adapter") and "adapters" not in backend:
        message = "has no meaning where there are no adapters"
        findings.add((*path, "scorers", "adapter"), message, "add adapters: {slots: 8}")
    weights = [given.get(key, field.default) for key, field in Scorers.model_fields.items()]
    if all(isinstance(weight, int | float) and weight == 0 for weight in weights):
        findings.add((*path, "scorers"), "has weights that are all 0", "give one that is above 0")


def compiled(scorers: Scorers | None, draws: Mapping[str, float]) -> model.Scorers:
    """The weights in a world."""
    if scorers is None:
        return model.Scorers()
    given = {key: known(getattr(scorers, key), draws) for key in Scorers.model_fields}
    return model.Scorers(**given)
