"""What a bill stands for, in tokens: a line for each workload whose volume is known by one."""

from collections.abc import Iterator

from sim.model.design import Design
from sim.model.generated import GeneratedSource
from sim.model.price import DAY_S, MONTH_S
from sim.model.workload import Workload
from sim.scenario.schema import ScenarioDocument

SAME = 0.02  # of a mean day, within which the simulated one is no other


def of_bills(document: ScenarioDocument, design: Design) -> Iterator[str]:
    """Requests a day and tokens a month that bills stand for, as a median world has them."""
    for workload in design.workloads:
        arrivals = document.workloads[workload.name].arrivals
        if arrivals.usd_per_month is None or not isinstance(workload.source, GeneratedSource):
            continue
        dollars = "" if arrivals.bill_shares is None else " (bill_shares are of its dollars)"
        place = f"workloads.{workload.name}.arrivals.usd_per_month"
        yield f"{place}: {_tokens(workload, workload.source, design)}{dollars}"


def _tokens(workload: Workload, source: GeneratedSource, design: Design) -> str:
    """The bill in requests and tokens."""
    duration_s = design.horizon.duration_s
    simulated = float(source.curve.cumulative(duration_s)) * DAY_S / duration_s
    per_day = simulated * workload.month_weight
    what = "requests" if source.follow_ups is None else "tasks"
    stands = f"the bill stands for {_short(per_day)} {what} a day in the median world"
    stands += _beside(design, simulated, per_day)
    if source.follow_ups is not None:
        return stands
    prompt, output = source.prompt.mean_tokens(), source.output.mean_tokens()
    month = per_day * MONTH_S / DAY_S
    cached = f", {workload.prefix_hit_rate:.0%} of them cached".replace("%", " %")
    part = f"{output / (prompt + output):.0%}".replace("%", " %")
    return (
        f"{stands}, with"
        f" {prompt:,.0f} tokens of prompt{cached if workload.prefix_hit_rate > 0 else ''} and"
        f" {output:,.0f} of answer on average: {_short(prompt * month)} and"
        f" {_short(output * month)} tokens a month; answers are {part} of its tokens"
    )


def _beside(design: Design, simulated: float, mean: float) -> str:
    """That a day is a mean one, where what is simulated is another."""
    if abs(simulated - mean) <= SAME * mean:
        return ""
    horizon = design.horizon
    one_day = horizon.duration_s == DAY_S
    when = f"{horizon.start:%A}" if one_day else "time"
    return (
        f" (a mean day of the month; the {when} that is simulated has {_short(simulated)}"
        f"{'' if one_day else ' a day'}, and its cost of a month is that of mean days)"
    )


def _short(value: float) -> str:
    """In three digits.

    >>> _short(9.5123e9), _short(183_640.0), _short(12.0)
    ('9.51G', '184k', '12')
    """
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size * 0.9995:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
