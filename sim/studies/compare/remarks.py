"""What has to be known beside the figures: what differs between designs that should not."""

from collections.abc import Iterator, Sequence

from sim.model.design import Design
from sim.montecarlo.result import RunResult
from sim.studies.compare.contenders import Contender
from sim.studies.held import of_unused, unused


def for_nothing(labels: Sequence[str], results: Sequence[RunResult]) -> Iterator[str]:
    """Backends that cost and serve nothing: of the designs that have them."""
    by_words: dict[str, list[str]] = {}
    for label, result in zip(labels, results, strict=True):
        if paid := unused(result):
            by_words.setdefault(of_unused(paid), []).append(f"'{label}'")
    for words, whose in by_words.items():
        every = "every design" if len(whose) == len(labels) else " and ".join(whose)
        yield f"Of what {every} costs, {words}."


def unlike(contenders: Sequence[Contender], designs: Sequence[Design]) -> Iterator[str]:
    """What keeps designs from seeing the same worlds."""
    first, label = designs[0], contenders[0].label
    names = {workload.name for workload in first.workloads}
    for each, design in zip(contenders[1:], designs[1:], strict=True):
        same = design.horizon.start == first.horizon.start
        if not same or design.horizon.duration_s != first.horizon.duration_s:
            yield (
                f"{each.label} is simulated over another horizon than {label}: their arrivals are"
                " not the same, and figures over the whole horizon cannot be compared."
            )
        others = {workload.name for workload in design.workloads}
        if names != others:
            odd = ", ".join(sorted(names ^ others))
            yield (
                f"{each.label} and {label} do not have the same workloads ({odd}): arrivals of"
                " other names are other arrivals, so the differences hold more chance."
            )
