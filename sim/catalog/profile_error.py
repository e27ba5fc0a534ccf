"""The errors of a profile in its file.

=====================  =========================================================================
key                    meaning
=====================  =========================================================================
simulated_error        ttft, tpot, e2e, throughput: mean relative error of simulating the measured
                       runs, 0.02 for 2 % (each may be left out)
coefficient_errors     coefficients (keys of this file, ``step_base_ms@64`` for one of a table),
                       relative_sd of each, and correlations: the rows below the diagonal
=====================  =========================================================================
"""

import difflib
import math
from typing import Any

from sim.catalog.yaml_mapping import YamlMapping
from sim.model.joint_error import JointError, SimulatedError

KEYS = ("simulated_error", "coefficient_errors")
METRICS = ("ttft", "tpot", "e2e", "throughput")
MOST = 64  # coefficients


def read_errors(document: YamlMapping) -> dict[str, Any]:
    """Attributes of the profile."""
    return {"simulated_error": _simulated(document), "joint_error": _joint(document)}


def check_coefficients(document: YamlMapping, batch: tuple[int, ...], known: set[str]) -> None:
    """That the coefficients with errors are those of the file."""
    part = document.mapping("coefficient_errors")
    if part is None:
        return
    known = {*known, *(f"step_base_ms@{each}" for each in batch)}
    for name in part.texts("coefficients") or ():
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), 1)
            remedy = f"did you mean {near[0]!r}?" if near else ""
            part.problem("coefficients", f"{name!r} is not a coefficient of the file", remedy)


def errors_document(simulated: SimulatedError | None, joint: JointError | None) -> dict[str, Any]:
    """The keys of a file, without empty entries."""
    document: dict[str, Any] = {}
    if simulated is not None:
        values = {name: getattr(simulated, name) for name in METRICS}
        document["simulated_error"] = {
            name: value for name, value in values.items() if not math.isnan(value)
        }
    if joint is not None:
        document["coefficient_errors"] = {
            "coefficients": list(joint.names),
            "relative_sd": list(joint.relative_sd),
            "correlations": [list(row) for row in joint.correlations],
        }
    return document


def _simulated(document: YamlMapping) -> SimulatedError | None:
    part = document.mapping("simulated_error")
    if part is None:
        return None
    part.check_keys(METRICS)
    values = {name: part.number(name) for name in METRICS if name in part.entries}
    return SimulatedError(**{name: each for name, each in values.items() if each is not None})


def _joint(document: YamlMapping) -> JointError | None:
    part = document.mapping("coefficient_errors")
    if part is None:
        return None
    part.check_keys(("coefficients", "relative_sd", "correlations"))
    names, sd = part.texts("coefficients"), part.numbers("relative_sd")
    rows = part.rows("correlations")
    if names is None or sd is None or rows is None:
        return None
    if len(names) > MOST:
        part.problem("coefficients", f"{len(names)} are more than {MOST}")
        return None
    try:
        return JointError(names, sd, rows)
    except ValueError as error:
        part.problem("coefficients", str(error))
        return None
