"""What switching saves, in words."""

import math
from collections.abc import Iterator

import numpy as np

from sim.montecarlo.estimates import quantile
from sim.montecarlo.shares import spread_over
from sim.studies.breakeven.findings import Findings
from sim.studies.breakeven.switching import Switch

WORTH_SAYING = 0.01  # of what is saved in a month


def best_switch(answer: Findings) -> Switch | None:
    """The side to switch to: of those that keep the SLO, the one that saves most."""
    able = [each for each in answer.switches if each.able]
    return max(able, key=lambda each: each.saved(0.5), default=None)


def own_volume_words(answer: Findings) -> str:
    """The scenario's own volume, with its spread over worlds."""
    ordered = np.sort(answer.own.volume)
    at = f"{short(quantile(ordered, 0.5))} {answer.arrivals} a day"
    least, most, said = spread_over(answer.worlds)
    if ordered[0] < ordered[-1]:
        at += f" ({short(quantile(ordered, least))} to {short(quantile(ordered, most))} {said})"
    return at


def saving(answer: Findings) -> str:
    """What switching saves a month, the risk that it costs more, what is paid at once."""
    at = own_volume_words(answer)
    best = best_switch(answer)
    if best is None:
        return f"at the scenario's own volume, {at}, no side but {answer.reference} keeps the SLO"
    return f"at the scenario's own volume, {at}, " + "; ".join(_parts(answer, best))


def _parts(answer: Findings, best: Switch) -> Iterator[str]:
    least, most, said = spread_over(answer.worlds)
    low, middle, high = (best.saved(level) for level in (least, 0.5, most))
    sign, verb, more = (1, "saves", "") if middle >= 0 else (-1, "costs", " more")
    ends = sorted((sign * low, sign * high))
    least_said, most_said = map(amount, ends)
    spread = f" ({least_said} to {most_said} {said})" if least_said != most_said else ""
    yield (
        f"switching from {answer.reference} to {best.side}{_fleet(best)} {verb}"
        f" {amount(abs(middle))} USD a month{more}{spread}"
    )
    yield f"it costs more in {best.costs_more.words()}"
    yield _paid(answer, best)


def _fleet(best: Switch) -> str:
    if best.replicas is None:
        return ""
    many = "replica" if best.replicas == 1 else "replicas"
    gpus = "GPU" if best.gpus == 1 else "GPUs"
    return f" ({best.replicas:,} {many}, {best.gpus:,} {gpus})"


def _paid(answer: Findings, best: Switch) -> str:
    if not best.paid_usd.any():
        return "nothing is paid at once, as no cost of switching is stated"
    least, most, said = spread_over(answer.worlds)
    low, middle, high = (quantile(np.sort(best.paid_usd), level) for level in (least, 0.5, most))
    paid = f"the {amount(middle)} USD"
    paid += f" ({amount(low)} to {amount(high)} {said})" if amount(low) != amount(high) else ""
    paid += " that are paid at once"
    months = [best.payback_months(level) for level in (least, 0.5, most)]
    late = f"later than {_term(best)} or never in {best.too_late.words()}"
    if math.isinf(months[1]):
        return f"{paid} are never saved in the median world, {late}"
    if not best.too_late.count:
        late = f"within {_term(best)} in {best.pays_back.words()}"
    soon, late_on = whole(months[0]), whole(months[2])
    spread = f" ({soon} to {late_on} {said})" if soon != late_on else ""
    again = best.written_off_usd
    why = f" (a month's cost has {amount(again)} USD of them, which are not paid again)"
    beside = why if again > WORTH_SAYING * abs(best.saved(0.5)) else ""
    return f"{paid} are saved in {whole(months[1])} months{spread}{beside}, {late}"


def _term(best: Switch) -> str:
    """Within which what is paid at once has to be saved."""
    months = best.term_months
    return f"{months:g} months" if math.isfinite(months) else "their life"


def whole(months: float) -> str:
    """Months, in tenths where they are few.

    >>> whole(3.26), whole(31.4), whole(math.inf)
    ('3.3', '31', 'never')
    """
    if math.isinf(months):
        return "never"
    return f"{months:.1f}" if months < 9.95 else f"{months:.0f}"


def amount(value: float) -> str:
    """Dollars without cents; a minus sign as printed ones have it.

    >>> amount(21834.4), amount(-1200.0), amount(-0.3)
    ('21,834', '−1,200', '0')
    """
    shown = f"{abs(value):,.0f}"
    return f"−{shown}" if value < 0 and shown != "0" else shown


def short(volume: float) -> str:
    """A volume in three digits, with its unit.

    >>> short(1000.0), short(43210.0), short(1.25e6), short(12.0)
    ('1k', '43.2k', '1.25M', '12')
    """
    if math.isinf(volume):
        return "none"
    for unit, size in (("M", 1e6), ("k", 1e3)):
        # What would be rounded up to the next unit belongs to it.
        if volume >= size * 0.9995:
            return f"{volume / size:.3g}{unit}"
    return f"{volume:.3g}"
