"""Worlds that cost nothing, for workers that import no engine."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.model.streams import Streams


@dataclass(frozen=True)
class TinyScenario:
    """As much of a scenario as is looked at on the way to workers and back.

    ``slow_s`` is what each world takes, ``kills`` are those whose process dies.
    """

    slow_s: float = 0.0
    kills: tuple[int, ...] = ()
    seed: int = 0
    worlds: int = 20
    inputs: tuple[Any, ...] = ()
    document: dict[str, Any] = field(default_factory=dict)
    content: Any = None

    def design(self, values: Mapping[str, float]) -> None:
        return None


@dataclass(frozen=True)
class TinyReplication:
    world: int
    metrics: dict[str, float]
    draws: dict[str, float] = field(default_factory=dict)
    verdict: str = "stable"
    timeline: dict[str, np.ndarray] = field(default_factory=dict)
    requests: None = None
    exports: None = None


def replicate(
    scenario: TinyScenario,
    seed: int,
    world: int,
    draws: Mapping[str, float],
    record_requests: bool = False,
) -> TinyReplication:
    """A world with a figure of its own."""
    time.sleep(scenario.slow_s)
    if world in scenario.kills:
        os._exit(1)
    return TinyReplication(world, {"figure": float(Streams(seed, world)("figure").random())})
