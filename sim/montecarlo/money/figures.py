"""Figures of money: cost by use, unit costs, revenue and margins, quality.

Where a dollar goes: **used**, **headroom**, **idle** and **wasted** add up to the cost, of each
backend, of each workload and in total (:mod:`sim.montecarlo.money.charge` says what they are).
Beside them stands what the public price lists have for what was used, and what providers' memories
of prompts have saved there.

Costs of a workload are its share of the bills of the backends that it uses: exactly what it was
served where tokens are paid, a share by engine time where GPUs are. What unit costs are taken of,
units served and units asked for, is said in :mod:`sim.montecarlo.money.units`.

Figures of a **month** are those of a month of 730.5 hours that the horizon stands for
(:mod:`sim.model.month`): not the horizon's own, times something, but where it is a fair sample.

**Gross margin** is 1 - cost / revenue of a month, before one-off costs; undefined where no revenue
is stated, and in a world that has none. ``loses_money`` is 1 in a world in which revenue does not
cover the cost, else 0: its mean over worlds is the probability. **Lifetime training share** is the
one-off cost over all that is paid in the product's life, if every month costs what this one does.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome
from sim.engine.state.record import Records
from sim.model.design import Design, GpuPool
from sim.montecarlo.money.bill import Bill, costs
from sim.montecarlo.money.charge import USES, Charge
from sim.montecarlo.money.energy import energy
from sim.montecarlo.money.monthly import Monthly
from sim.montecarlo.money.units import unit_costs

FloatArray = npt.NDArray[np.float64]
Figures = dict[str, float]

OF_BACKENDS = ("attempts", "rejections", "over_budget", "diverted", "errors", "answers")


def money(outcome: Outcome, design: Design) -> Figures:
    """All figures of money by name; those of a workload or backend carry its prefix."""
    bill = costs(outcome, design)
    month = Monthly(bill, outcome, design)
    booked, usage = outcome.ledger.workloads, outcome.ledger.usage
    users = np.array([workload.economics.active_users for workload in design.workloads])
    figures = _spend(list(bill.charges)) | _stand_ins(bill, design.pools)
    month_usd = float(month.usd.sum())
    figures["cost_usd_per_month"] = month_usd
    figures["month_is_least"] = float(month.is_least.any())
    figures["requests_per_month"] = float(month.volume @ booked["requests"].sum(axis=1))
    figures |= unit_costs(figures["cost_usd"], month_usd, booked, users)
    revenues = [_revenues(design, booked[index], month, index) for index in range(len(booked))]
    pays = any(workload.economics.pays for workload in design.workloads)
    revenue_usd, month_revenue_usd = (sum(each) for each in zip(*revenues, strict=True))
    figures |= _margin(month_usd, revenue_usd, month_revenue_usd, pays)
    figures |= _lifetime(design, month_usd)
    figures["quality_mean"] = quality(design, usage, range(len(design.workloads)))
    for index, workload in enumerate(design.workloads):
        month_usd = float(month.usd[:, index].sum())
        own = _workload_spend(bill, index) | {"cost_usd_per_month": month_usd}
        mine = slice(index, index + 1)
        own |= unit_costs(own["cost_usd"], month_usd, booked[mine], users[mine])
        own |= _margin(month_usd, *revenues[index], workload.economics.pays)
        own["quality_mean"] = quality(design, usage, [index])
        figures |= {f"workloads.{workload.name}.{name}": value for name, value in own.items()}
    for index, backend in enumerate(design.backends):
        own = _spend([charge for charge in bill.charges if charge.backend == backend.name])
        own |= _stand_ins(bill, [pool for pool in design.pools if pool.name == backend.name])
        own["cost_usd_per_month"] = float(month.usd[index].sum())
        own["month_is_least"] = float(month.is_least[index])
        own |= _served(usage[:, index])
        figures |= {f"backends.{backend.name}.{name}": value for name, value in own.items()}
    return figures | energy(outcome, design, bill, month)


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else math.nan


def _spend(charges: list[Charge]) -> Figures:
    """Cost, what each dollar of it went to, and what the public price lists would have."""
    used = [charge for charge in charges if not charge.is_purchase]
    return {
        **_by_use(*(_total(charges, name) for name in ("effective", "headroom", "idle", "wasted"))),
        "cost_list_usd": _total(used, "list"),
        "saved_by_caches_usd": _total(used, "saved"),
    }


def _total(charges: list[Charge], name: str) -> float:
    return math.fsum(float(getattr(charge, f"{name}_usd").sum()) for charge in charges)


def _stand_ins(bill: Bill, pools: Sequence[GpuPool]) -> Figures:
    """What of the cost is of replicas on demand in the place of spot ones, if any may be."""
    names = {pool.name for pool in pools if pool.falls_back}
    if not names:
        return {}
    charges = (c for c in bill.charges if c.backend in names and c.kind == "on_demand")
    return {"cost_stand_in_usd": math.fsum(float(c.effective_usd.sum()) for c in charges)}


def _workload_spend(bill: Bill, workload: int) -> Figures:
    """The same of a workload: it pays for its own waste, and its share of headroom and idle."""
    totals = np.zeros(4)
    for charge in bill.charges:
        cost_usd = charge.effective_usd.sum()
        share = charge.workload_usd[workload] / cost_usd if cost_usd > 0 else 0.0
        headroom, idle = share * charge.headroom_usd.sum(), share * charge.idle_usd.sum()
        wasted = charge.workload_wasted_usd[workload]
        totals += (charge.workload_usd[workload], headroom, idle, wasted)
    return _by_use(*totals.tolist())


def _by_use(cost: float, headroom: float, idle: float, wasted: float) -> Figures:
    uses = (cost - headroom - idle - wasted, headroom, idle, wasted)
    figures = {"cost_usd": cost}
    for name, usd in zip(USES, uses, strict=True):
        figures[f"cost_{name}_usd"] = usd
        figures[f"cost_{name}_share"] = _ratio(usd, cost)
    return figures


def _revenues(design: Design, booked: Records, month: Monthly, index: int) -> tuple[float, float]:
    """What a workload brings in over the horizon, and in a month."""
    economics = design.workloads[index].economics
    done = (float(booked[field].sum()) for field in ("completed", "tasks_completed"))
    completed, tasks_completed = done
    volume = float(month.volume[index])
    return (
        economics.revenue_usd(completed, tasks_completed, 1.0 / month.time),
        economics.revenue_usd(volume * completed, volume * tasks_completed, 1.0),
    )


def _margin(
    month_usd: float, revenue_usd: float, month_revenue_usd: float, is_stated: bool
) -> Figures:
    """Revenue over the horizon, and what is left of a month's; of none there is no margin."""
    margin = loses = math.nan
    if is_stated:
        loses = float(month_revenue_usd < month_usd)
        if month_revenue_usd > 0:
            margin = 1 - month_usd / month_revenue_usd
    return {"revenue_usd": revenue_usd, "gross_margin": margin, "loses_money": loses}


def _lifetime(design: Design, cost_usd_per_month: float) -> Figures:
    """What is paid once against what is paid every month."""
    if design.one_off is None:
        return {}
    once_usd, life_months = design.one_off.usd, design.one_off.life_months
    whole_usd = once_usd + cost_usd_per_month * life_months
    return {
        "lifetime_training_share": _ratio(once_usd, whole_usd),
        "cost_usd_per_month_with_one_off": whole_usd / life_months,
    }


def _served(usage: Records) -> Figures:
    """What a backend did for all workloads.

    Parameters
    ----------
    usage : (workloads, BILLINGS, bins) USAGE
    """
    figures = {name: float(usage[name].sum()) for name in OF_BACKENDS}
    figures["tokens"] = float(usage["prompt_tokens"].sum() + usage["output_tokens"].sum())
    return figures


def quality(design: Design, usage: Records, indices: range | list[int]) -> float:
    """Mean points of the answers that users of some workloads got, degraded ones by less.

    Parameters
    ----------
    design : Design
    usage : (workloads, backends, BILLINGS, bins) USAGE
    indices : sequence of int
        Of the workloads.

    Returns
    -------
    float
        Over the answers of backends whose quality is given; NaN if there are none.
    """
    points = answers = 0.0
    for index in indices:
        degradation = design.workloads[index].route.degradation
        loss = degradation.quality_loss if degradation is not None else 0.0
        for number, backend in enumerate(design.backends):
            if math.isnan(backend.quality):
                continue
            booked = usage[index, number]
            seen = float(booked["answers"].sum() - booked["escalated"].sum())
            # Of shortened answers those that were asked for again were not seen.
            shortened = min(float(booked["degraded"].sum()), seen)
            points += seen * backend.quality - shortened * loss
            answers += seen
    return _ratio(points, answers) if answers > 0 else math.nan
