"""``sim.sweep``: a space of designs, and which of them are worth their cost."""

from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any

from sim.errors import PeakfleetError
from sim.python.asked import checked, refused
from sim.python.result import StudyResult
from sim.python.running import Source
from sim.python.scenario import Change, Scenario, settings
from sim.python.studying import Share, Told, check_counts, share_of, workplace
from sim.report.charts.sweep import charts
from sim.report.sweep_text import tell as tell_sweep
from sim.studies import sweep as sweeping


@checked
def sweep(
    scenario: Source,
    *changes: Change,
    over: Mapping[str, Any] | None = None,
    lhs: int | None = None,
    metrics: Iterable[str] = (),
    probability: Share = sweeping.PROBABILITY,
    most: int = sweeping.MOST,
    per_world: bool = False,
    worlds: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    tell: Told | None = None,
) -> StudyResult:
    """A space of designs under common random numbers, and its Pareto front.

    Parameters
    ----------
    scenario : Scenario, path, str or mapping
    *changes : str or mapping
        Of every design.
    over : mapping of str to list or str
        Keys and the values that each takes, as a list or as ``--over`` has them: ``"2,3,4"``, or
        ``"2..8"`` with ``lhs``.
    lhs : int, optional
        Draw so many designs, a Latin hypercube, in place of every combination.
    metrics : iterable of str
        What the front is of: the first in USD is what is paid, the first other one what one has
        for it; further ones are in the table.
    probability : float or str
        Share of worlds in which the SLO is to be met.
    most : int
        Most designs.
    per_world : bool
        Whether to have ``worlds.parquet``, too, when it is saved.
    worlds, seed, jobs, cluster, tell
        See :mod:`sim.python.studying`.

    Returns
    -------
    StudyResult
        ``tables["designs"]`` has a row for each design.
    """
    case = Scenario.load(scenario, *changes).case
    check_counts(2, lhs=lhs, most=most)
    asked = share_of("probability", probability)
    axes = sweeping.read_axes(
        (f"{path}={_written(path, values)}" for path, values in (over or {}).items()),
        lhs is not None,
    )
    base = case.load()
    seed_of_draws = base.seed if seed is None else seed
    number = sweeping.count(axes, lhs)
    found = sweeping.candidates(case, axes, lhs, seed_of_draws) if number <= most else []
    with workplace(jobs, cluster, worlds, tell, base) as bench:
        sweeping.refuse_too_many(
            number,
            most,
            worlds or min(base.worlds, sweeping.WORLDS),
            bench.jobs,
            lambda: sweeping.pilot_s(base, bench, seed_of_draws, perf_counter),
        )
        answer = sweeping.sweep(
            axes, found, bench, worlds, seed, tuple(metrics), asked, lhs, per_world
        )
    return StudyResult("sweep", answer, tell_sweep, charts, [base], bench.example())


def _written(path: str, values: Any) -> str:
    """Values as ``--over`` has them."""
    if isinstance(values, str):
        return values
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        raise refused(f"over {path}", values, "a list of values, or a text such as '2,3,4'")
    changes = settings([{path: each} for each in values])
    if not changes:
        raise PeakfleetError(f"over {path}: has no values; give two or more")
    return ",".join(each.removeprefix(f"{path}=") for each in changes)
