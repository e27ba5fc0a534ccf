"""``sim.risk``: how likely a rare miss is."""

from sim.python.asked import checked
from sim.python.result import StudyResult
from sim.python.running import Source
from sim.python.scenario import Change, Scenario
from sim.python.studying import Share, Told, share_of, workplace
from sim.report.charts.risk import charts
from sim.report.risk_text import tell as tell_risk
from sim.studies import risk as risks
from sim.studies.measure import SLO_MET


@checked
def risk(
    scenario: Source,
    *changes: Change,
    metric: str = SLO_MET,
    probability: Share = risks.PROBABILITY,
    worlds: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    tell: Told | None = None,
) -> StudyResult:
    """In how many of all worlds a target is kept, where that is nearly all of them.

    Parameters
    ----------
    scenario : Scenario, path, str or mapping
    *changes : str or mapping
    metric : str
        What a world is to keep: ``slo_met``, or a limit such as ``"e2e_p95_s<=30"``.
    probability : float or str
        Share of worlds that should keep it.
    worlds, seed, jobs, cluster, tell
        See :mod:`sim.python.studying`; ``worlds`` is 512 by default.

    Returns
    -------
    StudyResult
        ``tables["levels"]`` has a row for worlds as near to a miss.
    """
    loaded = Scenario.load(scenario, *changes).loaded
    asked = share_of("probability", probability)
    with workplace(jobs, cluster, worlds, tell, loaded) as bench:
        answer = risks.risk(loaded, bench, metric, asked, worlds, seed)
    return StudyResult("risk", answer, tell_risk, charts, [loaded], bench.example())
