"""The answer of ``sim plan``: a sentence, then the months."""

import math
from collections.abc import Iterator

import numpy as np

from sim.montecarlo.cause import MEANINGS
from sim.montecarlo.shares import Share
from sim.report.columns import Column
from sim.report.evidence import evidence
from sim.report.figures import Figure, scale
from sim.report.parts import Grid, Items, Telling, Verdict, paragraphs
from sim.report.verdicts import in_worlds
from sim.studies.plan.answer import Plan
from sim.studies.plan.breaking import OVER_BUDGET, Break
from sim.studies.plan.days import busiest
from sim.studies.plan.months import TOLERANCE
from sim.studies.plan.outlook import Outlook
from sim.studies.plan.purchase import TERM
from sim.studies.stress.verdict import Judge

Row = tuple[str, ...]

THOUSANDS = 10_000.0  # USD a month, from which on they are counted in thousands
MOST = 0.5  # of worlds, in which a month keeps to the budget or does not
ROWS = 12  # months that are shown at most, besides those simulated
FEW = 8  # on one screen
ROUGH = 0.25  # error of a p95, from which on there is a warning
USD = Figure("cost_usd", "", "usd")
SECONDS = Figure("ttft", "", "seconds")


def tell(answer: Plan) -> Telling:
    """The whole answer."""
    unit = 1e3 if np.quantile(answer.cost_usd, 0.5, axis=0).max() >= THOUSANDS else 1.0
    head = tuple(_head(unit, answer.outlook.peak_days > 0, answer.waiting))
    rows, few = (
        [_row(answer, month, unit) for month in _shown(answer, most)] for most in (ROWS, FEW)
    )
    broken = tuple(_broken(answer))
    gives_way = Items(broken, "What gives way")
    return Telling(
        answer.sentence,
        verdicts=tuple(_verdicts(answer)),
        figures=(
            Grid(head, (("", rows),)),
            *([gives_way] if broken else []),
        ),
        method=(Items(tuple(_notes(answer))),),
        brief=(
            Grid(head, (("", few),)),
            *([gives_way] if broken else []),
            *paragraphs(_undecided(answer)),
        ),
    )


def _verdicts(answer: Plan) -> Iterator[Verdict]:
    """Whether today's fleet and the plan keep every SLO to the end, and the budget."""
    kept, months = answer.kept, answer.outlook.months
    what = f"Every SLO with {kept.subject}, to month {months}"
    if kept.broken is not None:
        yield _missed(kept.broken, what)
    for each in answer.breaks:
        yield _missed(each, f"The plan, to month {months}: {each.what}")
    if all(word == "holds" for word in answer.words):
        what = f"Every SLO with the planned fleet, to month {months}"
        yield Verdict(True, what, f"in each of the {len(answer.words)} months simulated")
    if answer.budget_usd is not None and all(each.what != OVER_BUDGET for each in answer.breaks):
        usd = f"{answer.budget_usd:,.0f} USD a month, in every month to {months}"
        within = (answer.cost_usd <= answer.budget_usd).all(axis=1)
        yield in_worlds(Share.of(within), usd, MOST)


def _missed(broken: Break, what: str) -> Verdict:
    where = f"from month {broken.month + 1} on" if broken.month else "already in month 1"
    return Verdict(False, what, f"{where}, in {broken.share.words()}")


def _head(unit: float, has_peak: bool = True, waiting: str = "") -> list[Column]:
    of_whom = f" of {waiting}" if waiting else ""
    usd = "USD" if unit == 1.0 else "kUSD"
    return [
        Column(head)
        for head in (
            "month",
            "volume\ntimes",
            "GPUs\nat peak",
            "GPUs\nreserved",
            f"cost a month,\np50 (p5 … p95) {usd}",
            "gross\nmargin",
            f"first token p95{of_whom}\n{'weekday, peak' if has_peak else 'weekday'}",
            "worlds\nthat hold",
        )
    ]


def _shown(answer: Plan, most: int) -> list[int]:
    """Months in the table: evenly spread, and those simulated, unless these are too many."""
    months = answer.outlook.months
    step = math.ceil(months / most)
    first = {each.month for each in answer.all_breaks}
    if most < ROWS or len(answer.simulated) > most:
        return sorted({*range(0, months, step), months - 1, *first})
    return sorted({*range(0, months, step), *answer.simulated, *first})


def _row(answer: Plan, month: int, unit: float) -> Row:
    volume, gpus = answer.volume[:, month], answer.most_gpus[:, month]
    reserved = sum(each.gpus for each in answer.commitments if each.first <= month < each.end)
    margin = answer.margin[:, month]
    held = dict(zip(answer.simulated, answer.held, strict=True)).get(month)
    return (
        str(month + 1),
        f"{np.median(volume):.3g}",
        _spread(gpus) if answer.gpus else "",
        f"{reserved:,.0f}" if answer.commitments else "",
        _spread(answer.cost_usd[:, month] / unit),
        "" if np.isnan(margin).all() else f"{100.0 * np.median(margin):.0f} %",
        ", ".join(
            _seconds(days[:, month])
            for days in (answer.weekday_p95_s, answer.peak_p95_s)
            if not np.isnan(days).all()
        ),
        "" if held is None else f"{held} of {answer.worlds}",
    )


def _spread(values: np.ndarray) -> str:
    """Median, p5 and p95 over worlds; one number if all are the same."""
    low, middle, high = (float(each) for each in np.quantile(values, (0.05, 0.5, 0.95)))
    digits = 0 if middle >= 100 or round(middle, 1).is_integer() else 1
    shown = [f"{each:,.{digits}f}" for each in (low, middle, high)]
    return shown[1] if low == high else f"{shown[1]} ({shown[0]} … {shown[2]})"


def _seconds(values: np.ndarray) -> str:
    middle = float(np.median(values))
    unit = scale(SECONDS, middle)
    return f"{unit.text(middle)} {unit.unit}"


def _broken(answer: Plan) -> Iterator[str]:
    """A paragraph for each thing that breaks, with the evidence; the median of worlds that fail."""
    for each in answer.all_breaks:
        if each.cause is None:
            continue
        signs = evidence(each.cause.name, each.cause.signs)
        yield (
            f"month {each.month + 1}, {each.what}: {MEANINGS[each.cause.name]}"
            f" ({each.cause.backend}, in {each.share.words()}): {signs}"
        )


def _notes(answer: Plan) -> Iterator[str]:
    outlook, worlds = answer.outlook, answer.worlds
    yield f"A month is {_days(outlook)}; {_simulated(answer)} {worlds} worlds."
    if answer.unused:
        gpus = sum(float(np.median(answer.gpus[name][:, 0].max(axis=1))) for name in answer.unused)
        yield (
            f"Nothing is sent to {', '.join(answer.unused)} on any simulated day, and yet"
            f" {gpus:,.0f} GPUs are paid for in the first month."
        )
    yield from _kept(answer)
    margins = [margin for margin in answer.margins if not math.isnan(margin)]
    if margins:
        low, high = min(margins), max(margins)
        guessed = low < high and len(answer.simulated) < outlook.months
        step = "; an interpolated month may ask for either" if guessed else ""
        yield (
            f"Replicas are {f'{low:g} to ' if low < high else ''}{high:g} times what the"
            f" {busiest(outlook)} fills by a fluid estimate, as the SLO asks{step}."
        )
    yield from _undecided(answer)
    for each in answer.breaks:
        if not each.exact and each.month > 0:
            yield _inexact(each)
    if outlook.refreshes:
        yield (
            "At a refresh every GPU is exchanged for a new one with as much memory; today's fleet"
            " is judged on today's hardware all along."
        )
    yield from _training(answer)
    if any(each.first + TERM > each.end for each in answer.commitments):
        yield "A reservation that the plan cuts short is paid to its last month here only."


def _undecided(answer: Plan) -> Iterator[str]:
    """Of which months too few worlds tell whether they hold, and how many would."""
    unsure = [
        m + 1 for m, w in zip(answer.simulated, answer.words, strict=True) if w == "cannot tell"
    ]
    if not unsure:
        return
    share = f"{100.0 * answer.probability:g} %"
    named = f"month{'' if len(unsure) == 1 else 's'} {', '.join(map(str, unsure))}"
    where = "any month" if len(unsure) == len(answer.simulated) else named
    fewest = Judge(answer.probability).fewest
    few = answer.worlds < fewest
    more = f"at least {fewest} can (--worlds {fewest})" if few else "try more --worlds"
    yield (
        f"Cannot tell at {answer.worlds} worlds whether {share} of worlds keep the SLO in {where};"
        f" {more}."
    )


def _days(outlook: Outlook) -> str:
    if not outlook.peak_days:
        return "weekdays and weekend days"
    days = "1 peak day" if outlook.peak_days == 1 else f"{outlook.peak_days:g} peak days"
    return f"weekdays, weekend days, and {days} of {outlook.peak_factor:g} times the volume"


def _simulated(answer: Plan) -> str:
    """Which months were simulated, and how far off the others may be."""
    if len(answer.simulated) == answer.outlook.months:
        return "all months were simulated."
    months = ", ".join(str(month + 1) for month in answer.simulated)
    text = f"months {months} were simulated, the others are interpolated."
    if not answer.checks:
        return f"{text} None of them lies between two others, so how well is not known."
    cost, p95 = (answer.typical_error(figure) for figure in ("cost", "p95"))
    worst = max(answer.checks, key=lambda each: abs(each.cost))
    one = len(answer.checks) == 1
    which = "The one" if one else f"Each of the {len(answer.checks)}"
    most = "" if one else f", at most by {_per_cent(worst.cost)} in cost (month {worst.month + 1})"
    about = "" if one else "typically "
    text += (
        f" {which} with neighbours on the same hardware, left out and interpolated from these, is"
        f" off by {about}{_per_cent(cost)} in cost and {_per_cent(p95)} in the"
        f" median p95 of a {busiest(answer.outlook)}{most}: about as far may an interpolated month"
        " be off, and some further."
    )
    if p95 > ROUGH:
        text += " A p95 in between is rough: it hangs on how replicas are rounded."
    if max(cost, p95) > TOLERANCE:
        text += " To interpolate fewer, --simulate more of them, or all."
    return text


def _per_cent(share: float) -> str:
    """A relative error; a large one as a factor.

    >>> _per_cent(-0.041), _per_cent(13.2)
    ('4.1 %', 'a factor of 14')
    """
    return f"{100.0 * abs(share):.1f} %" if share < 1.0 else f"a factor of {1.0 + share:.0f}"


def _kept(answer: Plan) -> Iterator[str]:
    kept, worlds = answer.kept, answer.worlds
    looks = ", ".join(f"{held} in month {m + 1}" for m, held in sorted(kept.held.items()))
    yield (
        f"Worlds of {worlds} that keep every SLO on a {busiest(answer.outlook)} with"
        f" {kept.subject}: {looks}; at least {100.0 * answer.probability:g} % are asked for."
    )


def _inexact(broken: Break) -> str:
    itself = "" if broken.simulated else f" {broken.month + 1} itself was interpolated, and"
    return (
        f"That {broken.what} may begin before month {broken.month + 1} or after it:{itself} the"
        f" last month before it that was simulated is {broken.after + 1}; --simulate more of them."
    )


def _training(answer: Plan) -> Iterator[str]:
    """Training against inference over the life."""
    if not answer.trains:
        return
    months = answer.outlook.months
    looks = sorted({min(month, months) for month in (1, 6, 12, 24, 36, 60, months)})
    share = np.median(answer.training_share, axis=0)
    shown = ", ".join(f"{100.0 * share[m - 1]:.0f} % by month {m}" for m in looks if m <= months)
    usd = float(np.median(answer.training_usd[:, -1]))
    yield (
        f"Training, {usd:,.0f} USD in all, is this share of all that is paid so far, the rest being"
        f" inference: {shown}."
    )
