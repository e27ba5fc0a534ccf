"""``sim.compare`` and ``sim.sensitivity``: designs against each other, and what moves an answer."""

from collections.abc import Iterable, Mapping

from sim.errors import PeakfleetError
from sim.python.asked import checked
from sim.python.result import StudyResult
from sim.python.running import Source
from sim.python.scenario import Change, Scenario, settings
from sim.python.studying import Share, Told, share_of, workplace
from sim.report.charts.compare import charts as compare_charts
from sim.report.charts.sensitivity import charts as sensitivity_charts
from sim.report.compare_text import tell as tell_compare
from sim.report.sensitivity_text import tell as tell_sensitivity
from sim.studies import compare as comparing
from sim.studies import sensitivity as sensing
from sim.studies.compare.study import EQUAL_WITHIN, LATENCY


@checked
def compare(
    *scenarios: Source,
    variants: Iterable[str] | Mapping[str, Change] = (),
    metrics: Iterable[str] = (),
    cost: str | None = None,
    latency: str = LATENCY,
    equal_within: Share = EQUAL_WITHIN,
    stop_when_sure: bool = False,
    worlds: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    tell: Told | None = None,
) -> StudyResult:
    """Designs side by side, under the same random numbers.

    Parameters
    ----------
    *scenarios : Scenario, path, str or mapping
        The first is the one that the others are set against.
    variants : mapping of str to changes, or iterable of str
        Further designs by their labels, each the first scenario with changes; or written as for
        ``--variant``: ``"two: backends.large.replicas=2"``.
    metrics : iterable of str
        To be compared as well.
    cost, latency : str
        What makes a design the cheaper one, and what the faster one.
    equal_within : float or str
        Share of the other design's figure below which a difference is practically none; of shares
        so many points.
    stop_when_sure : bool
        Whether to look with fewer worlds first, and to end as soon as it is sure which design is
        cheaper and which faster.
    worlds, seed, jobs, cluster, tell
        See :mod:`sim.python.studying`.

    Returns
    -------
    StudyResult
    """
    cases = [Scenario.load(each).case for each in scenarios]
    if not cases:
        raise PeakfleetError("compare: no scenario is given")
    written = () if isinstance(variants, Mapping) else variants
    labelled = variants if isinstance(variants, Mapping) else {}
    further = [
        comparing.Contender(label, cases[0].load(settings([changes])))
        for label, changes in labelled.items()
    ]
    found = comparing.contenders(cases, written, further)
    loaded = [each.scenario for each in found]
    within = share_of("equal_within", equal_within, ends=True)
    with workplace(jobs, cluster, worlds, tell, *loaded) as bench:
        answer = comparing.compare(
            found, bench, worlds, seed, tuple(metrics), cost, latency, within, stop_when_sure
        )
    return StudyResult("compare", answer, tell_compare, compare_charts, loaded, bench.example())


@checked
def sensitivity(
    scenario: Source,
    *changes: Change,
    metrics: Iterable[str] = (),
    worlds: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    tell: Told | None = None,
) -> StudyResult:
    """Which uncertain inputs of a scenario move its figures, and which to measure first.

    Parameters
    ----------
    scenario : Scenario, path, str or mapping
    *changes : str or mapping
    metrics : iterable of str
        What is to be explained: metrics, decisions such as ``"e2e_p95_s<=30"``, or ``slo_met``.
    worlds, seed, jobs, cluster, tell
        See :mod:`sim.python.studying`; ``worlds`` is the number of rows, 64 by default.

    Returns
    -------
    StudyResult
    """
    loaded = Scenario.load(scenario, *changes).loaded
    with workplace(jobs, cluster, worlds, tell, loaded) as bench:
        answer = sensing.sensitivity(loaded, bench, tuple(metrics), worlds or sensing.ROWS, seed)
    return StudyResult(
        "sensitivity", answer, tell_sensitivity, sensitivity_charts, [loaded], bench.example()
    )
