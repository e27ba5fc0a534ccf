"""Scorers: how a router weighs what it sees of replicas.

The Gateway API Inference Extension and llm-d route by them: each scorer gives every replica
between 0 and 1, the weighted sum decides.
"""

from dataclasses import dataclass

from sim.model.rule import require


@dataclass(frozen=True, slots=True)
class Scorers:
    """Weights, each 0 or more and one at least above it.

    Attributes
    ----------
    prefix : float
        What is kept of the prompt: 1 for the replica with most of it, 0 for that with least.
    queue : float
        Requests that wait: 1 for the replica with fewest, 0 for that with most.
    kv_cache : float
        The share of the KV cache that is free.
    running : float
        Requests that run, as ``queue``.
    adapter : float
        Where the adapter of a request is: 1 where the batch has it, less where there is room for
        it, or somebody waits for it.
    """

    prefix: float = 3.0
    queue: float = 2.0
    kv_cache: float = 2.0
    running: float = 0.0
    adapter: float = 0.0

    def __post_init__(self) -> None:
        weights = (self.prefix, self.queue, self.kv_cache, self.running, self.adapter)
        require(min(weights) >= 0, "weights", weights, "must be at least 0")
        require(max(weights) > 0, "weights", weights, "must not all be 0")
