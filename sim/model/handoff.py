"""Handing prompts on: a pool that computes them for another, which makes the answers."""

import math
from dataclasses import dataclass
from typing import Literal

from sim.model.rule import require

LinkPer = Literal["destination", "source", "all"]


@dataclass(frozen=True, slots=True)
class Handoff:
    """How the KV cache of a prompt goes from the pool that has computed it to another.

    Attributes
    ----------
    to : str
        The pool that makes the answers.
    bytes_per_s : float
        Of a link, which all that is sent over it at a time share alike.
    kv_bytes_per_token : float
    latency_s : float
        From the last byte that is sent until it is there.
    per : {"destination", "source", "all"}
        Whether each replica that takes has a link, or each that gives, or all together one.
    local_below : int
        Prompts of fewer tokens are computed where they are answered.
    """

    to: str
    bytes_per_s: float
    kv_bytes_per_token: float
    latency_s: float = 0.0
    per: LinkPer = "destination"
    local_below: int = 0

    def __post_init__(self) -> None:
        for name in ("bytes_per_s", "kv_bytes_per_token"):
            value = getattr(self, name)
            require(0 < value < math.inf, name, f"{value:g}", "must be above 0 and finite")
        ok = 0 <= self.latency_s < math.inf
        require(ok, "latency_s", f"{self.latency_s:g}", "must be at least 0 and finite")
        require(self.local_below >= 0, "local_below", self.local_below, "must be at least 0")

    def work_s(self, tokens: int) -> float:
        """Seconds that so many tokens take on a link of their own, without the latency."""
        return tokens * self.kv_bytes_per_token / self.bytes_per_s
