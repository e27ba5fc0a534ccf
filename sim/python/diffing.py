"""``sim.diff``: two finished runs against each other."""

import os
import warnings
from collections.abc import Iterable
from functools import partial
from typing import Any

from sim.montecarlo.stored import load_run, spoilt_text
from sim.python.asked import checked, place
from sim.python.result import Result, StudyResult
from sim.report.charts.compare import charts
from sim.report.diff_text import tell
from sim.scenario import load_scenario
from sim.studies.diff import Difference, Stored
from sim.studies.diff import diff as study

Run = Result | str | os.PathLike[str]


@checked
def diff(
    before: Run, after: Run, *, metrics: Iterable[str] = (), allow_code: bool = False
) -> StudyResult:
    """Two finished runs: what was changed, and what came of it; nothing is simulated.

    Worlds of the same seed are compared one by one, so that chance that is common to both cancels.

    Parameters
    ----------
    before, after : Result, or path
        What :func:`sim.run` returned, or the results folder of a run.
    metrics : iterable of str
        To be compared as well.
    allow_code : bool
        Whether scenarios of folders may name Python code that is run.

    Returns
    -------
    StudyResult
        With ``changes`` among its tables.

    Warns
    -----
    UserWarning
        If a folder holds a file that is not as it was written, which the answer does not rest on.

    Raises
    ------
    PeakfleetError
        If there is no run, or they have no world in common.
    """
    one = _stored("before", before, allow_code)
    other = _stored("after", after, allow_code)
    if one[0] == other[0]:
        one, other = (f"{one[0]} (before)", *one[1:]), (f"{other[0]} (after)", *other[1:])
    answer = study(one, other, tuple(metrics))
    runs = (one[1], other[1])
    return StudyResult("diff", answer, tell, _charts, [each.scenario for each in runs])


def _stored(name: str, run: Run, allow_code: bool) -> Stored:
    """A run under the name of its folder, or before or after."""
    if isinstance(run, Result):
        return name, run.found, {}
    folder = place(name, run, "a run's results folder, or what sim.run returned")
    if said := spoilt_text(folder, (), "the difference"):
        warnings.warn(said, stacklevel=4)
    load: Any = partial(load_scenario, overrides=(), allow_code=allow_code)
    return (folder.resolve().name, *load_run(folder, load))


def _charts(answer: Difference) -> Any:
    return charts(answer.comparison)
