"""The answer of ``sim stress``: a sentence, how it served, what it cost, what broke."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sim.montecarlo.cause import MEANINGS
from sim.montecarlo.estimates import Estimate
from sim.montecarlo.shares import Share
from sim.report.columns import Column
from sim.report.evidence import evidence
from sim.report.figures import BY_METRIC, scale
from sim.report.parts import Grid, Items, Paragraph, Part, Telling, Verdict, cells_of
from sim.report.table import AT_LEAST
from sim.studies.stress.answer import Stress
from sim.studies.stress.fleets import AUTOSCALED, FIXED, RESIZED
from sim.studies.stress.outcome import Outcome

Row = tuple[str, ...]

WITHIN = 4  # its place among the headings
TITLES = {FIXED: "Fixed", AUTOSCALED: "Autoscaled", RESIZED: "Re-sized at every step"}
SERVICE_HEAD = (
    "",
    "replicas\nready",
    "worlds\nthat hold",
    "verdict",
    "within\nthe SLO",
    "first token p95, worst hour\np50 (95 % interval)",
    "recovers\nfrom a spike",
)
BRIEF_HEAD = (
    *SERVICE_HEAD[:4],
    "first token\np95, worst hour",
    "cost a\nmonth",
)
BACKLOG = (
    f"{AT_LEAST}  at least: in some worlds the backlog or the recovery goes on at the end, or only"
    " some of the days are simulated"
)
MONEY_HEAD = (
    "",
    "cost a month\np50 (95 % interval)",
    "cost of 1,000 requests\np50 (95 % interval)",
    "elasticity of cost\nup to the step",
)


def tell(answer: Stress) -> Telling:
    """The whole answer."""
    fleets = {_title(answer, fleet): answer.of(fleet) for fleet in answer.fleets}
    service = {title: [_service(each) for each in own] for title, own in fleets.items()}
    money = {title: [_money(answer, each) for each in own] for title, own in fleets.items()}
    tables = (_table(_service_head(answer), service), _table(MONEY_HEAD, money))
    broken = (*_broken(answer), *_money_lost(answer))
    return Telling(
        answer.sentence,
        verdicts=tuple(_verdicts(answer)),
        details=(Paragraph(answer.detail),),
        figures=(*tables, *([Items(broken, "What gives way")] if broken else [])),
        method=(Items(tuple(_notes(answer, cells_of(tables)))),),
        brief=(*_deciding(answer, fleets), *_next(answer, broken)),
    )


def _deciding(answer: Stress, fleets: Mapping[str, Sequence[Outcome]]) -> tuple[Grid]:
    """How each fleet serves at each step, and what that costs: medians."""
    rows = {
        title: [
            (
                f"  {each.growth}",
                *_service(each)[1:4],
                _middle("peak_hour_ttft_p95_s", each.first_token),
                _middle("cost_usd_per_month", each.figures["cost_usd_per_month"]),
            )
            for each in own
        ]
        for title, own in fleets.items()
    }
    shown = _table(BRIEF_HEAD, rows)
    at_least = AT_LEAST in cells_of((shown,))
    return (replace(shown, notes=(BACKLOG,) if at_least else ()),)


def _next(answer: Stress, broken: Sequence[str]) -> Iterator[Part]:
    """The first thing that gives way of each fleet, and how many worlds would tell more."""
    first: dict[str, str] = {}
    for each in broken:
        first.setdefault(each.partition(",")[0], each)
    if first:
        yield Items(tuple(first.values()), "What gives way first")
    untold = [each for each in answer.outcomes if each.word == "cannot tell"]
    needed = [each.worlds + int(each.more) for each in untold if math.isfinite(each.more)]
    if needed:
        yield Paragraph(f"At these shares --worlds {max(needed)} would tell what these cannot.")


HELD: Mapping[str, bool | None] = {"holds": True, "breaks": False, "cannot tell": None}


def _verdicts(answer: Stress) -> Iterator[Verdict]:
    """Each fleet at the furthest step: whether it keeps every SLO, and the budget."""
    for fleet in answer.fleets:
        last = answer.of(fleet)[-1]
        title = _title(answer, fleet)
        yield Verdict(
            HELD[last.word],
            f"{title}, {last.growth}: every SLO kept, no backlog growing",
            f"in {last.kept.words()}, {100.0 * answer.probability:g} % asked",
        )
        if answer.budget_usd is not None:
            over = round(last.over_budget_share * last.worlds)
            within = Share(last.worlds - over, last.worlds)
            usd = f"{answer.budget_usd:,.0f} USD a month"
            found = f"in {within.words()}"
            yield Verdict("budget" not in last.breaks, f"{title}, {last.growth}: {usd}", found)


def _service_head(answer: Stress) -> Row:
    """Nothing is within an SLO where none is stated; of several workloads it is the worst's."""
    design = answer.outcomes[0].result.design
    within = SERVICE_HEAD[WITHIN]
    if not any(workload.slo.is_stated for workload in design.workloads):
        within = "answered"
    if len(design.workloads) > 1:
        within += ", worst"
    return (*SERVICE_HEAD[:WITHIN], within, *SERVICE_HEAD[WITHIN + 1 :])


def _title(answer: Stress, fleet: str) -> str:
    """Of a fleet; where only APIs serve, what is sized anew are their quotas."""
    if fleet == RESIZED and not answer.of(fleet)[0].counts:
        return "With higher quotas"
    return TITLES[fleet]


def _table(heads: Row, fleets: dict[str, list[Row]]) -> Grid:
    """Each fleet under its title."""
    return Grid(tuple(Column(head, right=False) for head in heads), tuple(fleets.items()))


def _service(outcome: Outcome) -> Row:
    ready = outcome.figures["ready_replicas_mean"].p50
    return (
        f"  {outcome.growth}",
        f"{ready:.0f}" if outcome.counts else f"{ready:.1f}" if ready > 0 else "",
        f"{outcome.held} of {outcome.worlds}",
        outcome.word,
        _share(outcome.worst_attainment),
        _first_token(outcome),
        _recovery(outcome),
    )


def _first_token(outcome: Outcome) -> str:
    """Of several workloads that of the worst served, with its name."""
    of_whom = f" of {outcome.worst.workload}" if outcome.worst else ""
    return _estimate("peak_hour_ttft_p95_s", outcome.first_token) + of_whom


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{100.0 * value:.1f} %"


def _middle(metric: str, figure: Estimate) -> str:
    """A median over worlds with its unit."""
    if math.isnan(figure.p50):
        return "–"
    unit = scale(BY_METRIC[metric], figure.p50)
    bound = AT_LEAST if "p50" in figure.at_least else ""
    return f"{bound}{unit.text(figure.p50)} {unit.unit}"


def _estimate(metric: str, figure: Estimate, times: float = 1.0) -> str:
    """A median over worlds with its interval and unit, of so many.

    Where the interval has no end for lack of worlds, a question mark; none where it has neither.
    """
    if math.isnan(figure.p50):
        return "–"
    p50, low, high = (times * value for value in (figure.p50, *figure.p50_ci))
    unit = scale(BY_METRIC[metric], p50, 0.0 if math.isnan(high) else high)
    ends = ["?" if math.isnan(end) else unit.text(end) for end in (low, high)]
    bound = AT_LEAST if "p50" in figure.at_least else ""
    higher = AT_LEAST if "p50_ci" in figure.at_least and ends[1] != "?" else ""
    untold = low == high or ends == ["?", "?"]
    interval = "" if untold else f" ({ends[0]} … {higher}{ends[1]})"
    return f"{bound}{unit.text(p50)}{interval} {unit.unit}"


def _recovery(outcome: Outcome) -> str:
    after = outcome.recovery
    if after is None:
        return "–"
    if after.recovered == 0:
        return f"never, {after.worlds} of {after.worlds}"
    time_s = scale(BY_METRIC["time_to_recover_s"], after.time_s.p50)
    bound = AT_LEAST if "p50" in after.time_s.at_least else ""
    when = "at once" if after.time_s.p50 == 0 else f"{bound}{time_s.text(after.time_s.p50)}"
    unit = "" if after.time_s.p50 == 0 else f" {time_s.unit}"
    return f"{after.recovered} of {after.worlds}, {when}{unit}"


def _money(answer: Stress, outcome: Outcome) -> Row:
    step = next(
        (
            each
            for each in answer.elasticities
            if not each.overall and each.fleet == outcome.fleet and each.until == outcome.growth
        ),
        None,
    )
    shown = ""
    if step is not None:
        middle, (low, high) = step.value.middle
        known = math.isfinite(low) and math.isfinite(high) and f"{low:.2f}" != f"{high:.2f}"
        interval = f" ({low:.2f} … {high:.2f})" if known else ""
        shown = f"{middle:.2f}{interval}{' *' if step.broken else ''}"
    return (
        f"  {outcome.growth}",
        _estimate("cost_usd_per_month", outcome.figures["cost_usd_per_month"]),
        _estimate("cost_usd_per_request", outcome.figures["cost_usd_per_request"], 1000.0),
        shown,
    )


def _broken(answer: Stress) -> Iterator[str]:
    """A paragraph for each fleet and step at which worlds do not hold, with the evidence.

    Its numbers are those of the median of the worlds that fail in this way.
    """
    for outcome in answer.outcomes:
        if outcome.cause is None:
            continue
        shown = evidence(outcome.cause.name, outcome.cause.signs)
        failed = outcome.worlds - outcome.held
        where = f"{outcome.caused} of {failed} world{'' if failed == 1 else 's'}"
        yield (
            f"{outcome.fleet}, {outcome.growth}: {MEANINGS[outcome.cause.name]}"
            f" ({outcome.cause.backend}, {where}): {shown}"
        )


def _money_lost(answer: Stress) -> Iterator[str]:
    """For each fleet, from where on it costs more than it may, or than it brings in."""
    for name in ("budget", "margin"):
        for fleet in answer.fleets:
            looked = sorted(
                (
                    each
                    for each in (*answer.of(fleet), *answer.probes(fleet))
                    if name in each.breaks
                ),
                key=lambda each: (each.growth.volume, each.step),
            )
            if looked:
                words = _loss(answer, name, looked[0])
                yield f"{fleet}, from {looked[0].growth}: {words}"


def _loss(answer: Stress, name: str, outcome: Outcome) -> str:
    """The evidence that a fleet costs too much: in how many worlds, and what."""
    share = outcome.over_budget_share if name == "budget" else outcome.loses_share
    worlds = f"in {Share(round(share * outcome.worlds), outcome.worlds).words()}"
    if name == "budget":
        cost = _estimate("cost_usd_per_month", outcome.figures["cost_usd_per_month"])
        return f"over the budget of {answer.budget_usd or 0.0:,.0f} USD a month, {worlds}: {cost}"
    margin = outcome.figures["gross_margin"].p50
    left = "no revenue" if math.isnan(margin) else f"a gross margin of {100.0 * margin:.0f} %"
    return f"losing money, {worlds}: {left}"


def _notes(answer: Stress, shown: str) -> Iterator[str]:
    share = f"{100.0 * answer.probability:g} %"
    yield (
        f"A fleet holds if, with 95 % confidence, in at least {share} of worlds every SLO is kept"
        f" and no backlog grows; {answer.worlds} worlds, the same for every fleet and step"
        + (", or the first of them where these leave no doubt." if _fewer(answer) else ".")
    )
    counts = sorted({(each.worlds, each.held) for each in answer.outcomes}, reverse=True)
    told = (f"{held} of {worlds} {Share(held, worlds).bounds()}" for worlds, held in counts)
    yield f"Probability to hold, 95 % interval, by worlds that do: {', '.join(told)}."
    yield from (_undecided(each) for each in answer.outcomes if each.word == "cannot tell")
    if answer.spike is not None:
        minutes = answer.spike.duration_s / 60.0
        yield (
            f"Spike: {answer.spike.factor:g} times the rate for {minutes:g} min at the busiest of"
            " the first day; tried at the first and the furthest step that do not break, in worlds"
            " that hold without it."
        )
    if " *" in shown:
        yield "*  the fleet breaks at one end, so this is not what the service would cost"
    yield from _budget_kept(answer)
    if AT_LEAST in shown:
        yield BACKLOG
    for note in answer.notes:
        yield note[0].upper() + note[1:] + "."


def _budget_kept(answer: Stress) -> Iterator[str]:
    """That no fleet exceeds the budget in most worlds, where none does: it is never passed over."""
    every = [each for fleet in answer.fleets for each in (*answer.of(fleet), *answer.probes(fleet))]
    if answer.budget_usd is None or any("budget" in each.breaks for each in every):
        return
    most = max(every, key=lambda each: each.over_budget_share)
    over = round(most.over_budget_share * most.worlds)
    where = (
        f", and exceeded in at most {over} of {most.worlds} ({most.fleet}, {most.growth})"
        if over
        else ""
    )
    kept = "in most worlds" if over else "in every world"
    yield (
        f"The budget of {answer.budget_usd:,.0f} USD a month is kept {kept} by every fleet at every"
        f" step{where}."
    )


def _fewer(answer: Stress) -> bool:
    return any(each.worlds < answer.worlds for each in answer.outcomes)


def _undecided(outcome: Outcome) -> str:
    """That it cannot be told, and what would."""
    begin = (
        f"{outcome.fleet.capitalize()}, {outcome.growth}: cannot tell at {outcome.worlds} worlds,"
        f" for it holds in {outcome.kept.words()}"
    )
    if math.isinf(outcome.more):
        return f"{begin}, as just so many hold as are asked for."
    return f"{begin}; at this share --worlds {outcome.worlds + int(outcome.more)} would."
