"""What a bill stands for, in tokens: a line for each workload whose volume is known by one."""

from collections.abc import Iterator

from sim.model.design import Design
from sim.model.generated import GeneratedSource
from sim.model.price import DAY_S, MONTH_S
from sim.model.workload import Workload
from sim.scenario.schema import ScenarioDocument


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
    expected = float(source.curve.cumulative(duration_s)) * workload.month_weight
    per_day = expected * DAY_S / duration_s
    if source.follow_ups is not None:
        return f"the bill stands for {_short(per_day)} tasks a day in the median world"
    prompt, output = source.prompt.mean_tokens(), source.output.mean_tokens()
    month = per_day * MONTH_S / DAY_S
    cached = f", {workload.prefix_hit_rate:.0%} of them cached".replace("%", " %")
    part = f"{output / (prompt + output):.0%}".replace("%", " %")
    return (
        f"the bill stands for {_short(per_day)} requests a day in the median world, with"
        f" {prompt:,.0f} tokens of prompt{cached if workload.prefix_hit_rate > 0 else ''} and"
        f" {output:,.0f} of answer on average: {_short(prompt * month)} and"
        f" {_short(output * month)} tokens a month; answers are {part} of its tokens"
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
