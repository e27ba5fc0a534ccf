"""Which backend an attempt goes to, and which when that one does not answer, or not well enough."""

import math
from dataclasses import dataclass, field

LONGEST_PROMPT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Leg:
    """A backend that requests of a workload begin with.

    A request takes one of the legs that its prompt's length allows, by chance in proportion to
    their shares, and keeps it for all of its attempts.

    Attributes
    ----------
    to : str
        Name of the backend.
    share : float
    least_prompt, most_prompt : int
        Lengths of prompts in tokens that it is for, both included.
    escalates_to : str
        Backend that is asked again when the answer is not good enough; empty for none. The user
        sees the second answer only: both are paid, and both latencies felt.
    escalation_share : float
        Share of the answers that are not good enough, each by chance.
    """

    to: str
    share: float = 1.0
    least_prompt: int = 0
    most_prompt: int = LONGEST_PROMPT
    escalates_to: str = ""
    escalation_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Degradation:
    """Shorter answers while a queue is long.

    Attributes
    ----------
    queue : float
        Requests waiting in a backend from which on answers are shortened.
    output_share : float
        What is left of their tokens.
    quality_loss : float
        Points that such an answer is worse.
    """

    queue: float
    output_share: float
    quality_loss: float = 0.0


@dataclass(frozen=True, slots=True)
class Routing:
    """Where the requests of a workload go.

    An attempt that comes to nothing at one backend goes on to the next of ``fallback`` at once,
    without asking the client; so does one that does not fit there, or finds a queue that is too
    long. After the last the client decides: its retry begins with the leg again.

    Attributes
    ----------
    legs : tuple of Leg
        At least one.
    fallback : tuple of str
        Backends in their order. One that has just been tried is passed over.
    after_rejection, after_failure, after_timeout : bool
        After what an attempt goes on.
    overflow_queue : float
        Requests waiting in a backend from which on attempts go on without trying it, if there is
        somewhere to go; as they do where no replica is there or to come.
    degradation : Degradation or None
    onward : tuple of str
        Pools that one of these hands the prompts to, which it has computed for them.
    trips_s : tuple of (str, float)
        Backends that are far from the users of the workload, and the seconds of a round trip.
    orders : tuple of (str, tuple of str)
        Where attempts go on to that begin with a backend, in place of ``fallback``, which names
        all of these too.
    """

    legs: tuple[Leg, ...]
    fallback: tuple[str, ...] = ()
    after_rejection: bool = True
    after_failure: bool = True
    after_timeout: bool = True
    overflow_queue: float = math.inf
    degradation: Degradation | None = None
    onward: tuple[str, ...] = field(default=(), kw_only=True)
    trips_s: tuple[tuple[str, float], ...] = field(default=(), kw_only=True)
    orders: tuple[tuple[str, tuple[str, ...]], ...] = field(default=(), kw_only=True)

    def after(self, begin: str) -> tuple[str, ...]:
        """Where attempts that begin with a backend go on to."""
        return dict(self.orders).get(begin, self.fallback)

    @property
    def backends(self) -> frozenset[str]:
        """All that an attempt may go to."""
        first = {leg.to for leg in self.legs} | {leg.escalates_to for leg in self.legs}
        return frozenset((first | {*self.fallback, *self.onward}) - {""})


def to_one(backend: str) -> Routing:
    """Everything to one backend."""
    return Routing((Leg(backend),))
