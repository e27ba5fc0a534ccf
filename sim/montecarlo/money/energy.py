"""Figures of energy and carbon, where the scenario asks for them.

The energy of a pool is what its GPUs have drawn (:mod:`sim.model.energy`), times the power usage
effectiveness of its site; that of a backend that others run is what the scenario says a token
takes, and unknown where it says nothing: such a backend is left out of the totals, and its answers
of what these are divided by. Replicas draw from when they are paid until they are gone, whether
they serve or not.

A workload's share of a pool is that of its costs: by engine time. So the energies of the workloads
add up to that of the pools, what stands idle included, and what is *idle* is what the same GPUs
would have drawn with nobody there.

Carbon is energy times the intensity of the grid in the hour in which it is drawn; what making the
machines has emitted is told apart, by the GPU-hour. A **month** has the horizon's idle energy by
time, and the rest by volume; a fleet that scales itself is taken to be as large as in the horizon.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome
from sim.engine.state.record import Records
from sim.model.design import Design, GpuPool
from sim.model.energy import HOURS, J_PER_KWH, Energy
from sim.model.price import HOUR_S, MILLION
from sim.montecarlo.money.bill import Bill
from sim.montecarlo.money.monthly import Monthly
from sim.montecarlo.money.periods import by_hour
from sim.montecarlo.money.usage import in_shares, users_of

FloatArray = npt.NDArray[np.float64]
Figures = dict[str, float]

J_PER_WH = 3600.0
TOKENS = ("prompt_tokens", "output_tokens", "wasted_prompt_tokens", "wasted_output_tokens")


@dataclass(frozen=True, slots=True)
class Part:
    """Energy of a backend, the site included.

    Attributes
    ----------
    idle_j, active_j : (hours,) float64
    co2e_g : float
        NaN where the grid is not known.
    usd : float
        NaN where no price is stated.
    embodied_g : float
        NaN where it is not stated.
    shares : (workloads,) float64
    peak_w : float
        In the time bin with the largest mean.
    month_j : (workloads,) float64
        Of a month.
    """

    idle_j: FloatArray
    active_j: FloatArray
    co2e_g: float
    usd: float
    embodied_g: float
    shares: FloatArray
    peak_w: float
    month_j: FloatArray

    @property
    def all_j(self) -> float:
        """Over the horizon."""
        return float(self.idle_j.sum() + self.active_j.sum())


def energy(outcome: Outcome, design: Design, bill: Bill, month: Monthly) -> Figures:
    """All figures by name; none where nobody asks."""
    if not any(backend.energy is not None for backend in design.backends):
        return {}
    parts = [_part(outcome, design, bill, month, at) for at in range(len(design.backends))]
    known = [part for part in parts if part is not None]
    booked = outcome.ledger.workloads
    everything = np.ones(len(design.workloads))
    unknown = _unknown(outcome, range(len(booked)), parts)
    figures = _of(known, everything) | _per_unit(known, everything, booked, 1.0 - unknown)
    figures["power_peak_w"] = math.fsum(part.peak_w for part in known)
    figures["power_mean_w"] = math.fsum(p.all_j for p in known) / design.horizon.duration_s
    figures["energy_unknown_share"] = unknown
    for index, workload in enumerate(design.workloads):
        mine = np.zeros(len(design.workloads))
        mine[index] = 1.0
        of_known = 1.0 - _unknown(outcome, [index], parts)
        own = _of(known, mine) | _per_unit(known, mine, booked[index : index + 1], of_known)
        figures |= {f"workloads.{workload.name}.{name}": value for name, value in own.items()}
    for backend, part in zip(design.backends, parts, strict=True):
        if part is not None:
            own = _of([part], everything) | {"power_peak_w": part.peak_w}
            own["power_mean_w"] = part.all_j / design.horizon.duration_s
            figures |= {f"backends.{backend.name}.{name}": value for name, value in own.items()}
    return figures


def _part(outcome: Outcome, design: Design, bill: Bill, month: Monthly, index: int) -> Part | None:
    """Of a backend; None where nothing is known of it."""
    backend = design.backends[index]
    if backend.energy is None:
        return None
    edges_s, users = outcome.ledger.edges_s, users_of(design, backend.name)
    if isinstance(backend, GpuPool):
        work = bill.works[index]
        assert work.drawn is not None
        idle_j, active_j, shares = work.drawn.idle_j, work.drawn.active_j, work.shares
        gpu_hours = float((work.end_s - work.start_s).sum()) * work.gpus / HOUR_S
    elif math.isnan(backend.energy.wh_per_token):
        return None
    else:
        usage = outcome.ledger.usage[:, index]
        tokens = sum(usage[name].sum(axis=1) for name in TOKENS).astype(np.float64)
        active_j = tokens.sum(axis=0) * backend.energy.wh_per_token * J_PER_WH
        idle_j, gpu_hours = np.zeros_like(active_j), math.nan
        shares = in_shares(tokens.sum(axis=1), users)
    pue, width_s = backend.energy.pue, np.diff(edges_s)
    idle_h, active_h = (pue * by_hour(each, edges_s, bill.hours_s) for each in (idle_j, active_j))
    month_j = (idle_h.sum() * month.time + active_h.sum() * month.volume) * shares
    return Part(
        idle_h,
        active_h,
        _co2e_g(backend.energy, idle_h + active_h, bill),
        float((idle_h + active_h).sum()) / J_PER_KWH * backend.energy.usd_per_kwh,
        gpu_hours * backend.energy.embodied_g_per_gpu_hour,
        shares,
        pue * float(((idle_j + active_j) / width_s).max()),
        month_j,
    )


def _co2e_g(energy_of: Energy, hourly_j: FloatArray, bill: Bill) -> float:
    if energy_of.grid is None:
        return math.nan
    first = bill.start.hour + bill.start.minute / 60 + bill.start.second / HOUR_S
    middle = first + (bill.hours_s[:-1] + bill.hours_s[1:]) / 2 / HOUR_S
    of_the_day = (middle % HOURS).astype(np.intp)
    intensity = np.array(energy_of.grid.g_per_kwh)[of_the_day]
    return float((hourly_j / J_PER_KWH * intensity).sum())


def _of(parts: list[Part], whose: FloatArray) -> Figures:
    """Sums over backends, of some workloads; NaN where one of them does not say."""
    share = [float(part.shares @ whose) for part in parts]

    def total(each: list[float]) -> float:
        return math.fsum(s * value for s, value in zip(share, each, strict=True))

    all_j = total([part.all_j for part in parts])
    idle_j = total([float(part.idle_j.sum()) for part in parts])
    month_j = math.fsum(float(part.month_j @ whose) for part in parts)
    co2e_g = total([part.co2e_g for part in parts])
    a_month = month_j / all_j if all_j > 0 else math.nan
    figures = {
        "energy_kwh": all_j / J_PER_KWH,
        "energy_kwh_per_month": month_j / J_PER_KWH,
        "energy_idle_share": idle_j / all_j if all_j > 0 else math.nan,
    }
    if any(not math.isnan(part.usd) for part in parts):
        figures["energy_usd"] = total([part.usd for part in parts])
    if any(not math.isnan(part.co2e_g) for part in parts):
        figures |= {"co2e_kg": co2e_g / 1000, "co2e_kg_per_month": co2e_g / 1000 * a_month}
    if any(not math.isnan(part.embodied_g) for part in parts):
        embodied = [part.embodied_g for part in parts if not math.isnan(part.embodied_g)]
        of = [s for s, part in zip(share, parts, strict=True) if not math.isnan(part.embodied_g)]
        figures["co2e_embodied_kg"] = (
            math.fsum(s * g for s, g in zip(of, embodied, strict=True)) / 1000
        )
    return figures


def _per_unit(parts: list[Part], whose: FloatArray, booked: Records, known: float) -> Figures:
    """By request answered, task completed and output token, of which so many are of the parts."""
    figures = _of(parts, whose)
    counts = {
        "request": known * float(booked["completed"].sum()),
        "task": known * float(booked["tasks_completed"].sum()),
    }
    tokens = known * float(booked["output_tokens"].sum())
    wh = figures["energy_kwh"] * 1000
    found = {f"energy_wh_per_{unit}": _ratio(wh, count) for unit, count in counts.items()}
    found["energy_j_per_output_token"] = _ratio(wh * J_PER_WH, tokens)
    if "co2e_kg" in figures:
        grams = figures["co2e_kg"] * 1000
        found |= {f"co2e_g_per_{unit}": _ratio(grams, count) for unit, count in counts.items()}
        found["co2e_g_per_million_output_tokens"] = _ratio(grams, tokens) * MILLION
    return found


def _unknown(outcome: Outcome, workloads: Sequence[int], parts: list[Part | None]) -> float:
    """Share of the answers of some workloads from backends of which nothing is known."""
    usage = outcome.ledger.usage[list(workloads), : len(parts)]  # not what joins variants
    answers = usage["answers"].sum(axis=(0, 2, 3))
    unknown = [float(count) for count, part in zip(answers, parts, strict=True) if part is None]
    return math.fsum(unknown) / float(answers.sum()) if answers.sum() > 0 else 0.0


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else math.nan
