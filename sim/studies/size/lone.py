"""What a lone request takes: no number of replicas makes it faster.

A request that has a replica to itself waits for nobody. If one of those that the SLO counts, the
95th longest of 100, say, is late even so, other replicas do not help: a faster service does, which
may be the same GPU with more of them to a replica.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.catalog import profile
from sim.catalog.hardware import gpu, gpus
from sim.errors import PeakfleetError
from sim.model.closed import drawn_lengths
from sim.model.design import Design
from sim.model.lengths import Lengths
from sim.model.profile import ServiceProfile
from sim.model.trace import TraceSource
from sim.model.workload import Workload
from sim.studies.size.fleet import Kind, pool_named, services_on
from sim.studies.size.question import Question, bound

NEAR = 0.7  # of a threshold: what is left does not forgive much of a queue


@dataclass(frozen=True, slots=True)
class Lone:
    """A lone request against the threshold that it comes nearest to.

    Attributes
    ----------
    workload : str
    what : str
        In words: ``to its first token``.
    tokens : int
        Of its prompt, or of its answer.
    of : str
        Which of the two.
    seconds, limit_s : float
    asked : str
        What the limit is called.
    """

    workload: str
    what: str
    tokens: int
    of: str
    seconds: float
    limit_s: float
    asked: str = "SLO"

    @property
    def is_late(self) -> bool:
        """Whether it is beyond the threshold."""
        return self.seconds > self.limit_s

    def words(self, service: str) -> str:
        """What it takes, in a clause."""
        already = "already " if self.is_late else ""
        return (
            f"on {service} a lone request of {self.workload} ({self.tokens:,} tokens of {self.of})"
            f" {already}takes {seconds_text(self.seconds)} {self.what} ({self.asked}"
            f" {seconds_text(self.limit_s)})"
        )


def lone(design: Design, service: ServiceProfile, pool: str, question: Question) -> Lone | None:
    """The lone request that comes nearest to a threshold, or exceeds it most; None without any.

    Parameters
    ----------
    design : Design
    service : ServiceProfile
    pool : str
        Whose workloads are meant.
    question : Question
        Which share of the requests counts.
    """
    if design.is_part(pool):
        return None  # what a request takes elsewhere is not known from the service
    mine = (w for w in bound(design) if pool in w.route.backends)
    found = [each for w in mine for each in _each(w, service, question.asked_of(w))]
    return max(found, key=lambda each: each.seconds / each.limit_s, default=None)


def lone_of(kind: Kind, question: Question) -> Lone | None:
    """The same of a kind of fleet, in its median world."""
    design = kind.case.load().typical_design()
    return lone(design, pool_named(design, kind.pool).profile, kind.pool, question)


def ruled_out(kinds: Sequence[Kind], question: Question) -> str:
    """Why more replicas of some kinds may not help, and on what they might; empty where they do."""
    found = [(kind, each) for kind in kinds if (each := lone_of(kind, question)) is not None]
    if not found:
        return ""
    kind, best = min(found, key=lambda pair: pair[1].seconds / pair[1].limit_s)
    if best.seconds < NEAR * best.limit_s:
        return ""
    faster = next(_faster(kind, {k.service for k in kinds}, question), "")
    return best.words(kind.service) + faster


def _faster(kind: Kind, tried: set[str], question: Question) -> Iterator[str]:
    """Other degrees of the same GPU on which a lone request has time in hand, the fewest first."""
    design = kind.case.load().typical_design()
    own = pool_named(design, kind.pool).profile
    if own.gpu not in gpus():
        return
    try:
        offered = [profile(name) for name in services_on([gpu(own.gpu).name], own)]
    except PeakfleetError:  # a model that the catalogue does not know
        return
    for service in sorted(offered, key=lambda each: each.gpus_per_replica):
        there = lone(design, service, kind.pool, question)
        if service.name not in tried and there and there.seconds < NEAR * there.limit_s:
            yield f"; {service.name} takes {seconds_text(there.seconds)} (--service {service.name})"


def _each(workload: Workload, service: ServiceProfile, share: float) -> Iterator[Lone]:
    """Against each of the thresholds."""
    long, usual = _tokens(workload, share), _tokens(workload, 0.5)
    if long is None or usual is None:
        return
    fresh = 1.0 - workload.prefix_hit_rate
    slo, name = workload.slo, workload.name
    if math.isfinite(slo.ttft_s):
        first_s = _first_s(service, long[0], fresh)
        yield Lone(name, "to its first token", long[0], "prompt", first_s, slo.ttft_s)
    pace_s = service.step_s(1, float(usual[0]))
    if math.isfinite(slo.tpot_s):
        yield Lone(name, "a further token", usual[0], "prompt", pace_s, slo.tpot_s)
    if math.isfinite(slo.e2e_s):
        whole_s = _first_s(service, usual[0], fresh) + (long[1] - 1) * pace_s
        asked = "deadline" if workload.has_deadline else "SLO"
        yield Lone(name, "for its answer", long[1], "answer", whole_s, slo.e2e_s, asked)


def _first_s(service: ServiceProfile, prompt: int, fresh: float) -> float:
    return service.passage_s(prompt) + service.prefill_s(max(1, round(fresh * prompt)))


def _tokens(workload: Workload, level: float) -> tuple[int, int] | None:
    """Tokens of prompt and answer that a share of the requests does not exceed."""
    source, drawn = workload.source, drawn_lengths(workload.source)
    if isinstance(source, TraceSource):
        lengths = source.trace.prompt_tokens, source.trace.output_tokens
        prompt, output = (int(np.quantile(each, level)) for each in lengths)
        return prompt, output
    if drawn is None:
        return None
    return _at(drawn.prompt, level), _at(drawn.output, level)


def _at(lengths: Lengths, level: float) -> int:
    values: npt.NDArray[np.float64] = lengths.distribution.ppf(np.array([level]))
    return int(lengths.in_tokens(values)[0])


def seconds_text(value: float) -> str:
    """Seconds in two or three digits.

    >>> seconds_text(2.34), seconds_text(0.9), seconds_text(0.0047), seconds_text(61.2)
    ('2.3 s', '900 ms', '4.7 ms', '61 s')
    """
    if value < 1.0:
        return f"{1000 * value:.0f} ms" if value >= 0.01 else f"{1000 * value:.1f} ms"
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
