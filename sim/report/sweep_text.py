"""The answer of ``sim sweep`` as text: the front, what each of it costs more, and what it gains."""

import math
from collections.abc import Iterable, Iterator

from sim.montecarlo.estimates import Estimate
from sim.montecarlo.shares import percent
from sim.report.columns import Column
from sim.report.means_text import means_text
from sim.report.parts import Grid, Paragraph, Telling, Verdict, paragraphs
from sim.report.verdicts import in_worlds
from sim.studies.measure import Measure
from sim.studies.sweep.answer import Point, Step, Sweep
from sim.studies.sweep.axes import short_names
from sim.studies.sweep.front import FRONT, SAME_AS, UNTOLD, Gap

OPEN, AT_LEAST = "?", "≥"
NAME = 30  # letters of a value, at most
ON_A_SCREEN = 12  # designs of the front
PAIRS = 4  # that are named


def tell(answer: Sweep) -> Telling:
    """The study."""
    return Telling(
        answer.sentence[0].upper() + answer.sentence[1:],
        verdicts=tuple(_verdicts(answer)),
        details=(Paragraph(_basis(answer)),),
        figures=(_front(answer), *_every(answer)),
        method=paragraphs(_notes(answer, full=True)),
        brief=(_front(answer, ON_A_SCREEN), *paragraphs(_notes(answer))),
    )


def _verdicts(answer: Sweep) -> Iterator[Verdict]:
    """Whether the design to take meets the SLO."""
    good = answer.cheapest(answer.probability)
    if good is not None and good.slo_met is not None:
        yield in_worlds(good.slo_met, f"The SLO with '{good.label}'", answer.probability)


def _basis(answer: Sweep) -> str:
    designs = f"{len(answer.points):,} designs"
    how = f"a Latin hypercube of {answer.drawn:,}" if answer.drawn else "every combination"
    return (
        f"{answer.worlds:,} worlds, the same for each of {designs} ({how}); cost and latency are"
        " those of the median world, and differences the median of differences world by world,"
        " whose intervals hold with 95 % for all pairs together."
        f" {means_text(answer.worlds, answer.undrawn)}"
    )


def _front(answer: Sweep, most: int | None = None) -> Grid:
    """The designs of the front in order of cost, each against the one before.

    On one screen differences are without their intervals.
    """
    names = short_names([axis.path for axis in answer.axes])
    heads = [*(Column(name, right=False, text=True) for name in names)]
    heads += [
        Column(answer.cost.words()),
        Column("costs\nmore"),
        Column(answer.latency.words()),
        Column("gains"),
        Column("SLO met", right=False),
    ]
    shown = answer.steps[: len(answer.steps) if most is None else most]
    rows = [
        (
            *map(_shortened, answer.points[step.at].values),
            *_figures(answer, step, brief=most is not None),
        )
        for step in shown
    ]
    left = len(answer.steps) - len(shown)
    interval = "" if most is not None else ", with its interval"
    against = f"costs more, gains: against the line above, world by world (median{interval})"
    more = f"{left:,} more of the front in --full"
    notes = (*([against] if len(shown) > 1 else []), *([more] if left else []))
    return Grid(tuple(heads), (("", rows),), notes=notes)


def _figures(answer: Sweep, step: Step, brief: bool) -> tuple[str, ...]:
    point = answer.points[step.at]
    return (
        _median(point.cost, answer.cost),
        _difference(step.cost, answer.cost, brief),
        _median(point.latency, answer.latency),
        _difference(_gained(answer, step), answer.latency, brief),
        _kept(point),
    )


def _gained(answer: Sweep, step: Step) -> Gap | None:
    """What a design is better by than the one before."""
    found = step.latency
    if found is None or answer.more_is_better:
        return found
    return Gap(-found.median, -found.high, -found.low)


def _median(found: Estimate, measure: Measure) -> str:
    if math.isnan(found.p50):
        return "–"
    return (AT_LEAST if "p50" in found.at_least else "") + measure.amount(found.p50)


def _difference(found: Gap | None, measure: Measure, brief: bool = False) -> str:
    """A difference with its interval, marked where that does not tell its sign."""
    if found is None:
        return ""
    if found.none:
        return "the same"
    (middle, low, high), unit = measure.scaled(found.median, found.low, found.high)
    said = f"{middle} {unit.replace('%', 'points')}".rstrip()
    said = said.removesuffix(" USD") if brief else said  # as in the column beside it
    ends = f" ({low} … {high})".replace("–", OPEN)
    interval = "" if brief or low == high else ends
    return f"{said}{interval}" + ("" if found.sign else f" {OPEN}")


def _interval(found: Estimate, measure: Measure) -> str:
    """Of the median; empty where it is known exactly."""
    (_, low, high), _ = measure.scaled(found.p50, *found.p50_ci)
    return f"{low} … {high}".replace("–", OPEN) if low != high else ""


def _said(answer: Sweep, point: Point) -> str:
    """Where a design is, and which one dominates it."""
    if point.by < 0:
        return "on the front" if point.status == FRONT else point.status
    by = answer.points[point.by].label
    if point.status == SAME_AS:
        return f"the same as {by}"
    maybe = "maybe " if point.status == UNTOLD else ""
    return f"{maybe}dominated by {by}"


def _kept(point: Point) -> str:
    """In what share of worlds a design meets the SLO."""
    share = point.slo_met
    return "–" if share is None else f"{percent(share.value)} {share.bounds()}"


def _every(answer: Sweep) -> Iterator[Grid]:
    """Every design, in the order of cost."""
    names = short_names([axis.path for axis in answer.axes])
    heads = [
        *(Column(name, right=False, text=True) for name in names),
        Column(answer.cost.words()),
        Column("95 % interval", leaves=2),
        Column(answer.latency.words()),
        Column("95 % interval", leaves=1),
        Column("SLO met", right=False),
        Column("", right=False, text=True),
    ]
    ranked = sorted(answer.points, key=lambda each: (each.cost.p50, each.latency.p50))
    rows = [
        (
            *map(_shortened, point.values),
            _median(point.cost, answer.cost),
            _interval(point.cost, answer.cost),
            _median(point.latency, answer.latency),
            _interval(point.latency, answer.latency),
            _kept(point),
            _said(answer, point),
        )
        for point in ranked
    ]
    yield Grid(tuple(heads), (("", rows),), title="Every design")


def _notes(answer: Sweep, full: bool = False) -> Iterator[str]:
    """What the worlds do not tell, and what moves nothing."""
    pairs = [*answer.untold()]
    if pairs:
        shown = pairs if full else pairs[:PAIRS]
        said = "; ".join(f"'{one.label}' and '{other.label}'" for one, other in shown)
        more = f"; and {len(pairs) - len(shown):,} more pairs" if len(pairs) > len(shown) else ""
        yield f"These worlds do not tell apart, in cost and latency: {said}{more}."
    if answer.behind:
        many, fall = ("designs", "fall") if answer.behind > 1 else ("design", "falls")
        yield (
            f"{answer.behind:,} {many} {fall} behind in the median world: the latency has no limit,"
            " so that they are on no front."
        )
    if answer.unmoved:
        yield f"No figure of any world is moved by {_and(answer.unmoved)}."
    figures = "".join(_difference(s.cost, answer.cost) for s in answer.steps)
    figures += "".join(_difference(s.latency, answer.latency) for s in answer.steps)
    if OPEN in figures:
        yield f"{OPEN}  these worlds do not tell which of the two has less."


def _and(names: Iterable[str]) -> str:
    *some, last = names
    return f"{', '.join(some)} or {last}" if some else last


def _shortened(value: str) -> str:
    return value if len(value) <= NAME else f"{value[: NAME - 1]}…"
