"""A request in the naive simulator, over all attempts to get it answered."""

from dataclasses import dataclass, field

from naive.attempt import NOT_YET, Attempt
from naive.cache import Name, names_of_task
from naive.task import Call, Task
from sim.engine.state import status
from sim.model.routing import Leg
from sim.model.workload import OWN

OF_THE_LAST_ATTEMPT = {
    "backend",
    "replica",
    "dispatched_s",
    "ready_s",
    "admitted_s",
    "first_token_s",
    "preemptions",
}


@dataclass(slots=True, eq=False)
class Request:
    """What a user wants, over all attempts to get it."""

    number: int
    arrival_s: float  # since then its user waits
    task: Task
    call: Call
    carried: int = 0  # tokens of its prompt that were said in the task before
    prompt: int = field(init=False)
    output: int = field(init=False)
    leg: Leg = field(init=False)
    chain: list[int] = field(init=False)  # backends to which an attempt goes, one after the other
    position: int = 0  # in the chain
    asks_again: bool = False  # an answer of the leg was not good enough
    is_degraded: bool = False
    follows_steps: bool = False  # whether times of its attempts follow from ends of steps
    status: int = status.IN_FLIGHT
    finish_s: float = NOT_YET  # when the status became final
    attempts: int = 0
    hedges: int = 0  # among the attempts, like the next
    fallbacks: int = 0
    escalations: int = 0
    living: list[Attempt] = field(default_factory=list)  # that the client waits for: two at most
    last: Attempt = field(init=False)  # the one that counts, as far as the client saw it
    finds: list[int] = field(default_factory=list)  # tokens, at each admission to a batch

    def __post_init__(self) -> None:
        self.prompt = max(self.carried + self.call.new_tokens, 1)
        self.output = self.call.output
        self.last = Attempt(self.number, -1, self.prompt, self.output)

    def limit_output(self, longest: int) -> None:
        """A model stops when prompt and answer are of its length."""
        if longest > self.prompt:
            self.output = min(self.output, longest - self.prompt)

    @property
    def retries(self) -> int:
        """Attempts that the client has asked for after others were lost."""
        return self.attempts - 1 - self.hedges - self.fallbacks - self.escalations

    @property
    def has_elsewhere(self) -> bool:
        """Whether there is a backend to go on to."""
        return self.position + 1 < len(self.chain)

    @property
    def is_of_another(self) -> bool:
        """Whether its workload is not that of its task, from whose arrival it counts then."""
        return self.call.workload != OWN

    @property
    def workload(self) -> int:
        return self.call.workload if self.is_of_another else self.task.workload

    @property
    def said(self) -> int:
        """Tokens that it adds to its task when it is completed."""
        return self.prompt - self.carried + self.output

    def entry(self, column: str) -> float:
        """An entry of its row in a log."""
        if column == "task":
            return self.task.number
        if column == "cached_tokens":
            return self.last.hits
        if self.last.home >= 0 and column in ("dispatched_s", "ready_s"):
            return self.last.sent_s if column == "dispatched_s" else self.last.seen_s
        entry: float = getattr(self.last if column in OF_THE_LAST_ATTEMPT else self, column)
        return entry

    def is_waited_for(self, attempt: Attempt) -> bool:
        return attempt in self.living

    # Names of blocks

    def has_own_names(self, carry: float) -> bool:
        return len(self.task.calls) > 1 and carry == 1.0 and not self.task.fed_names

    def is_alone(self) -> bool:
        return len(self.task.of_stage(self.call.stage)) == 1

    def names(self, carry: float, block_tokens: int) -> tuple[Name, ...] | None:
        """Of the leading blocks of its prompt; None if they have no names."""
        whole = self.prompt // block_tokens
        if self.task.fed_names and self.call.index == 0:
            return self.task.fed_names[:whole]
        if not self.has_own_names(carry):
            return None
        common = whole if self.is_alone() else self.carried // block_tokens
        return names_of_task(self.task.number, common)

    def names_of_all(self, carry: float, block_tokens: int) -> tuple[Name, ...]:
        """Of the blocks that it leaves when it is completed, its answer's too, if it is alone."""
        if not self.has_own_names(carry) or not self.is_alone():
            return ()
        return names_of_task(self.task.number, (self.prompt + self.output) // block_tokens)
