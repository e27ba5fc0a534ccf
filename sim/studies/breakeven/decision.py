"""The decision in two sentences, and what must be said beside it.

The first answers for the volume that the scenario has: what switching saves, how probably it
costs more, when what is paid at once has come back. The second says from which volume on a side is
the cheaper one.
"""

import math
from collections.abc import Iterator

import numpy as np

from sim.montecarlo.shares import Share, spread_over
from sim.studies.breakeven.costs import ByFleet
from sim.studies.breakeven.field import Trial
from sim.studies.breakeven.findings import Findings, Verdict
from sim.studies.breakeven.saving import saving, short


def sentence(answer: Findings) -> str:
    """What switching saves now, and from which volume on it does."""
    return f"{answer.scenario}: {saving(answer)}. By volume: {_by_volume(answer)}."


def _by_volume(answer: Findings) -> str:
    """Who breaks even from where on, or that nobody does, or that these worlds do not tell."""
    a_day = f"{answer.arrivals} a day"
    span = f"from {short(answer.volumes[0])} to {short(answer.volumes[-1])} {a_day}"
    if not answer.runs[answer.reference].able:
        return f"nothing to break even with: {answer.reference} keeps the SLO at no volume {span}"
    there = [v for v in answer.verdicts if v.able and v.breaking.exists]
    if there:
        best = min(there, key=lambda v: (v.breaking.level(0.5), float(np.median(v.flip))))
        return _from_on(answer, best) + _at_scale(answer, best)
    unclear = [v for v in answer.verdicts if v.able and v.breaking.exists is None]
    if unclear:
        closest = min(unclear, key=lambda v: v.breaking.none)
        return _cannot_tell(answer, closest)
    return _nobody(answer, span)


def _from_on(answer: Findings, best: Verdict) -> str:
    breaking = best.breaking
    a_day = f"{answer.arrivals} a day"
    if breaking.at_once == breaking.worlds:
        return (
            f"{best.side} costs less than {answer.reference} in"
            f" {Share(breaking.worlds, breaking.worlds).words()},"
            f" from {short(breaking.least)} {a_day} on"
        )
    least, most, said = spread_over(breaking.worlds)
    low, high = breaking.level(least), breaking.level(most)
    spread = f"{short(low)} to {short(high)}" if low < high else "the same"
    beyond = f" to above {short(breaking.most)}" if math.isinf(high) else ""
    within = f"{short(low)}{beyond}" if beyond else spread
    sure = f" ({within} {said})" if low < high else ""
    never = Share(breaking.none, breaking.worlds)
    none = f"; in {never.words()} it never does" if breaking.none else ""
    return (
        f"{best.side} costs less than {answer.reference} from about"
        f" {short(breaking.level(0.5))} {a_day} on{sure}{none}"
    )


def _at_scale(answer: Findings, best: Verdict) -> str:
    """Who is the cheapest at the greatest volume, where that is another one."""
    frame = answer.costs_frame(answer.volumes[-1:]).set_index("side")
    cheapest = str(frame["cheapest_share"].idxmax())
    share = float(frame.loc[cheapest, "cheapest_share"])  # type: ignore[arg-type]
    if cheapest == best.side or share <= 0.5:
        return ""
    sure = Share(round(share * answer.worlds), answer.worlds).words()
    return f"; at {short(answer.volumes[-1])} {cheapest} is the cheapest side in {sure}"


def _cannot_tell(answer: Findings, closest: Verdict) -> str:
    breaking = closest.breaking
    there, needed = breaking.worlds - breaking.none, breaking.worlds_needed
    more = "more worlds may tell" if needed is None else f"about {needed:,} worlds would tell"
    return (
        f"cannot tell at {breaking.worlds} worlds whether {closest.side} usually breaks even with"
        f" {answer.reference} below {short(breaking.most)} {answer.arrivals} a day: it does in"
        f" {Share(there, breaking.worlds).words()}, and {more}"
    )


def _nobody(answer: Findings, span: str) -> str:
    some = [v for v in answer.verdicts if v.able and v.breaking.none < v.breaking.worlds]
    if some:
        closest = min(some, key=lambda v: v.breaking.none)
        there = closest.breaking.worlds - closest.breaking.none
        closeness = (
            f"; {closest.side} comes closest, with one in"
            f" {Share(there, closest.breaking.worlds).words()}"
        )
        return f"no break-even in most worlds {span}{closeness}"
    able = [v for v in answer.verdicts if v.able]
    if not able:
        return f"no break-even {span}: no side but {answer.reference} keeps the SLO"
    closest = min(able, key=lambda v: float(np.median(v.flip)))
    ratio = float(np.median(closest.flip))
    dearer = (
        f"the closest, {closest.side}, costs {ratio:.3g} times as much at the greatest volume"
        if math.isfinite(ratio)
        else f"{closest.side} does not keep the SLO at the greatest volume"
    )
    return (
        f"no break-even with {answer.reference} {span} in any of {answer.worlds} worlds: {dearer}"
    )


def provisos(answer: Findings) -> Iterator[str]:
    """That sides are not compared at equal service or equal answers, a paragraph each."""
    if not answer.has_slo:
        yield (
            "The scenario states no SLO: a fleet is taken to be large enough while it falls behind"
            " in no world. Add slo to the workload, and the sides are compared at equal service."
        )
    yield from _other_models(answer)


def notes(answer: Findings) -> Iterator[str]:
    """What a reader must know beside the numbers, a paragraph each."""
    yield from provisos(answer)
    yield from _staff(answer)
    yield from _once(answer)
    thin: dict[str, list[str]] = {}
    for side, run in answer.runs.items():
        failed = [t for t in run.trials if t.kept_share < 0.95]
        if not run.able:
            worst = run.trials[0]
            yield (
                f"{side} keeps the SLO at no volume that was tried (in"
                f" {worst.kept.words()} at {short(worst.volume)} a day)."
            )
        elif isinstance(run.curve, ByFleet):
            if failed:
                thin.setdefault(_thin(run.sizing_worlds, failed), []).append(side)
        elif failed:
            yield (
                f"{side} keeps the SLO in too few worlds at"
                f" {', '.join(f'{short(t.volume)} (in {t.kept.words()})' for t in failed)}"
                f" {answer.arrivals} a day; it is out of the comparison there."
            )
    for finding, sides in thin.items():
        yield f"Fleets of {', '.join(sides)} {finding}"
    yield from _extrapolated(answer)


def _other_models(answer: Findings) -> Iterator[str]:
    """That what answers is not the same everywhere, so that the answers may not be, either."""
    sides: dict[str, list[str]] = {}
    for side in answer.runs:
        if side in answer.models:
            sides.setdefault(answer.models[side], []).append(side)
    if len(sides) < 2:
        return
    each = (f"{model} on {', '.join(names)}" for model, names in sides.items())
    asked = (
        "" if all("quality" in model for model in sides) else "; quality of a backend tells both"
    )
    yield (
        f"Not the same model answers: {'; '.join(each)}. The costs are of equal volumes, not of"
        f" equal answers{asked}."
    )


def _staff(answer: Findings) -> Iterator[str]:
    """That nobody is paid for running machines of which no such cost is given."""
    if sides := [side for side in answer.runs if side in answer.unstaffed]:
        which = sides[0] if len(sides) == 1 else "NAME"
        yield (
            f"No staff cost is counted for {', '.join(sides)}, while an API's price has its people"
            f" in it: set backends.{which}.fixed_usd_per_month to what those who run it cost a"
            " month."
        )


def _once(answer: Findings) -> Iterator[str]:
    """That costs by volume bear what switching costs once."""
    if not answer.once.is_paid:
        return
    months = answer.once.months
    over = f"{months[0]:g} months" if (months == months[0]).all() else "its life"
    yield (
        f"What switching costs once is spread over {over} in break-evens and in costs by volume;"
        " what is saved in a month of the scenario's own volume is said without it."
    )


def _thin(worlds: int, failed: list[Trial]) -> str:
    """What is to be said of fleets that were too small in some of the later worlds."""
    shares = (f"{t.kept.words()} at {short(t.volume)}" for t in failed)
    return (
        f"were sized in {worlds} worlds, and keep the SLO in {', '.join(shares)} a day: the"
        " break-even may be somewhat above what is shown."
    )


def _extrapolated(answer: Findings) -> Iterator[str]:
    """Beyond which volumes nothing was simulated."""
    limits = []
    for side, run in answer.runs.items():
        if isinstance(run.curve, ByFleet) and run.curve.capacity.carries_any:
            capacity = run.curve.capacity
            most = int(capacity.replicas[-1])
            if capacity.volume[-1] < answer.volumes[-1]:
                carried = short(float(capacity.volume[-1]))
                limits.append(f"{side} above {most} ({carried} {answer.arrivals} a day)")
    simulated = answer.simulated_to
    if limits:
        yield (
            "Larger fleets are extrapolated at the same volume per replica, which errs on the side"
            f" of more of them: {', '.join(limits)}."
        )
    if simulated < answer.volumes[-1]:
        yield (
            f"Above {short(simulated)} {answer.arrivals} a day costs of use are extrapolated, and"
            " quotas and SLOs are taken to hold as they do there."
        )
