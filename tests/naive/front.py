"""The front end of a replica in the naive simulator: it does one piece of work after the other."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from naive.attempt import Attempt
from sim.model.profile import ServiceProfile


@dataclass(slots=True)
class FrontEnd:
    """Processes that pass requests into an engine and tokens out of it."""

    profile: ServiceProfile
    free_s: list[float] = field(init=False)  # of each process, when it has done all it has
    taken: int = 0  # requests
    work_s: float = 0.0

    def __post_init__(self) -> None:
        self.free_s = [-math.inf] * self.profile.frontend_processes

    @property
    def streams(self) -> bool:
        """Whether tokens come later to their clients than out of the engine."""
        return self.works_on_tokens or self.profile.output_delay_s > 0

    @property
    def works_on_tokens(self) -> bool:
        """Whether any token costs anything."""
        engine = self.profile
        per_token_s = engine.frontend_s_per_token + engine.frontend_s_per_token_from_rest
        return per_token_s > 0 or engine.frontend_s_per_prompt_token_out > 0

    def next_process(self) -> int:
        """They take turns."""
        self.taken += 1
        return (self.taken - 1) % len(self.free_s)

    def take_request(self, process: int, prompt: int, now_s: float) -> float:
        """A request comes in; when it is through."""
        per_token_s = self.profile.frontend_s_per_prompt_token
        work_s = self.profile.frontend_s_per_request + per_token_s * prompt
        return self._do(process, work_s, now_s)

    def take_tokens(
        self, process: int, made: list[Attempt], decoding: Collection[Attempt], now_s: float
    ) -> float:
        """A step brings a token for each of some, or more if they decode; when they are through.

        They take longer where it had nothing else to do, and the first of an answer is begun by
        reading its prompt. Where no token costs anything, they are through at once.
        """
        if not made or not self.works_on_tokens:
            return now_s
        gain = self.profile.tokens_per_step
        tokens = [gain if attempt in decoding else 1 for attempt in made]
        begins_s = now_s + self.profile.frontend_s_per_token_from_rest * sum(tokens)
        work_s = self.profile.frontend_s_per_token * sum(tokens)
        for attempt in made:
            if attempt.generated == 0:
                work_s += self.profile.frontend_s_per_prompt_token_out * attempt.prompt
        return self._do(process, work_s, begins_s)

    def _do(self, process: int, work_s: float, now_s: float) -> float:
        self.free_s[process] = max(self.free_s[process], now_s) + work_s
        self.work_s += work_s
        return self.free_s[process]
