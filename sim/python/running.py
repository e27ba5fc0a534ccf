"""``sim.run``: the worlds of one scenario."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from sim.errors import PeakfleetError
from sim.montecarlo import run as montecarlo
from sim.montecarlo.cluster.connection import place_at
from sim.montecarlo.precision import DEFAULT_CAP, DEFAULT_METRIC
from sim.montecarlo.pulse import Pulse
from sim.python.asked import checked
from sim.python.result import Result
from sim.python.scenario import Change, Scenario
from sim.python.studying import Share, Told, check_counts, check_workers, share_of
from sim.report.progress import so_far
from sim.scenario.values.threshold import parse_threshold
from sim.scenario.values.units import UnitError
from sim.studies.own_code import make_importable

Source = Scenario | str | os.PathLike[str] | Mapping[str, Any]


@checked
def run(
    scenario: Source,
    *changes: Change,
    worlds: int | None = None,
    seed: int | None = None,
    fidelity: str | None = None,
    jobs: int | None = None,
    precision: Share | None = None,
    metric: str = DEFAULT_METRIC,
    thresholds: Iterable[str] = (),
    requests: bool = False,
    cluster: str | None = None,
    tell: Told | None = None,
) -> Result:
    """Simulate the worlds of a scenario: cost, utilisation and latency as distributions.

    The same scenario, seed and number of worlds give the same bits here and on the command line,
    whatever the number of processes.

    Parameters
    ----------
    scenario : Scenario, path, str or mapping
        As :meth:`Scenario.load` takes it.
    *changes : str or mapping
        Changes of it, as :meth:`Scenario.with_` takes them.
    worlds, seed : int, optional
        Those of the scenario by default.
    fidelity : str, optional
        ``"exact"``, every day of the horizon, or ``"auto"``, a sample of days that stand for the
        others of a long one; that of the scenario by default, else exact.
    jobs : int, optional
        Worker processes, by default one per core, as on the command line; with 1 everything
        happens in this process.
    precision : float or str, optional
        Add worlds until half the interval of ``metric`` is within this share of it, such as
        ``"2%"``, or up to ``worlds`` (then 10,000 by default).
    metric : str
        ``NAME``, ``NAME:p50`` or ``NAME:p95``.
    thresholds : iterable of str
        What the answer has to keep beside the scenario's own, such as ``"slo_met >= 95%"``.
    requests : bool
        Whether to keep every request of the first world.
    cluster : str, optional
        Where to simulate, as ``--cluster`` takes it: the address of a Dask scheduler, such as
        ``"tcp://HOST:8786"``, or ``"local:4"`` for so many processes of this machine.
    tell : callable, optional
        Told now and then how far it is, such as ``print``.

    Returns
    -------
    Result

    Raises
    ------
    PeakfleetError
        For anything that a user can mend, with the text of the command line.
    KeyboardInterrupt
        If it was interrupted.

    Examples
    --------
    >>> result = run("scenarios/quickstart.yaml", "horizon.days=0.02", worlds=1, jobs=1)
    >>> len(result.worlds), result.summary["replications"]
    (1, 1)
    """
    check_workers(jobs, cluster)
    check_counts(worlds=worlds)
    limits = [thresholds] if isinstance(thresholds, str) else thresholds or ()
    if precision is not None and worlds is None:
        worlds = DEFAULT_CAP
    given = {"worlds": worlds, "seed": seed, "fidelity": fidelity}
    asked = {key: value for key, value in given.items() if value is not None}
    loaded = Scenario.load(scenario, *changes, asked).loaded
    if requests and loaded.fidelity != "exact":
        raise PeakfleetError("requests=True keeps every request, which takes 'fidelity=exact'")
    make_importable(loaded)
    told = tell or (lambda _: None)
    pulse = Pulse(told)
    within = None if precision is None else share_of("precision", precision)
    kept = [*loaded.thresholds, *map(_threshold, limits)]
    with place_at(cluster, told) as place:
        found = montecarlo.run(
            loaded,
            worlds=loaded.worlds,
            jobs=jobs,
            precision=within,
            metric=metric,
            progress=lambda sample, target: pulse.tell(
                lambda: f"{len(sample):,} of {target:,} worlds · {so_far(sample)}"
            ),
            record_requests=requests,
            executor=place,
            thresholds=kept,
        )
    if found.interrupted:
        raise KeyboardInterrupt
    return Result(found)


def _threshold(text: str) -> Any:
    if not isinstance(text, str):
        raise PeakfleetError(f"a threshold ({text!r}) must be a text such as 'slo_met >= 95%'")
    try:
        return parse_threshold(text)
    except UnitError as error:
        raise PeakfleetError(str(error)) from None
