"""What the naive simulator counts: attempts by why they are sent, and what is paid by whom."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from naive.attempt import Attempt
from naive.managed import Managed
from naive.request import Request
from sim.engine.state.backend_record import STANDARD

Usage = defaultdict[tuple[int, int, int], Counter[str]]


@dataclass(slots=True)
class Books:
    """Counters by workload, and by workload, backend and billing; the warm-up is in none."""

    counts: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    usage: Usage = field(default_factory=lambda: defaultdict(Counter))

    def count(self, request: Request, what: str, number: int = 1) -> None:
        if request.arrival_s >= 0:
            self.counts[request.workload][what] += number

    def use(self, request: Request, attempt: Attempt, what: str, number: int = 1) -> None:
        """Something of an attempt's backend, however it is paid."""
        if request.arrival_s >= 0:
            self.usage[request.workload, attempt.backend, STANDARD][what] += number

    def answer(self, request: Request, attempt: Attempt, written: int) -> None:
        """Somebody has an answer, good enough or not."""
        if request.arrival_s >= 0:
            self.usage[request.workload, attempt.backend, attempt.billing] += Counter(
                answers=1,
                degraded=int(request.is_degraded),
                prompt_tokens=attempt.prompt,
                cached_tokens=attempt.spared,
                found_later_tokens=attempt.spared - attempt.hits,
                written_tokens=written,
                output_tokens=attempt.output,
            )

    def escalate(self, request: Request, attempt: Attempt) -> None:
        """The answer was not good enough."""
        if request.arrival_s >= 0:
            self.usage[request.workload, attempt.backend, attempt.billing]["escalated"] += 1

    def complete(self, request: Request) -> None:
        """The final answer of a request, unless it was kept."""
        if request.attempts > 0:
            self.count(request, "degraded", int(request.is_degraded))
            self.count(request, "prompt_tokens", request.prompt)
            self.count(request, "output_tokens", request.output)
            self.count(request, "cached_tokens", request.last.spared)
            self.count(request, "found_later_tokens", request.last.spared - request.last.hits)

    def waste(self, request: Request, attempt: Attempt, tokens: int, generated: int) -> None:
        """Tokens that were worked on for nobody, or are to be worked on again."""
        self.count(request, "wasted_tokens", tokens)
        if attempt.home >= 0 and request.arrival_s >= 0:  # its prompt was computed there
            there = min(tokens, attempt.prompt - attempt.spared)
            self.usage[request.workload, attempt.home, STANDARD]["wasted_tokens"] += there
            tokens -= there
        self.use(request, attempt, "wasted_tokens", tokens)
        if generated:
            self.use(request, attempt, "wasted_output_tokens", generated)

    def leave(self, request: Request, attempt: Attempt, backend: Managed, generated: int) -> None:
        """Nobody has the answer of a managed backend, which is paid all the same."""
        if request.arrival_s < 0:
            return
        tokens = attempt.prompt - attempt.spared + generated
        self.count(request, "wasted_tokens", tokens)
        self.usage[request.workload, attempt.backend, attempt.billing] += Counter(
            wasted_tokens=tokens,
            wasted_prompt_tokens=attempt.prompt,
            wasted_cached_tokens=attempt.spared,
            wasted_written_tokens=backend.written(attempt),
            wasted_output_tokens=generated,
        )
