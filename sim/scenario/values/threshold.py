"""Thresholds as people write them: ``slo_met >= 95%``."""

import re

from sim.model.threshold import SHARES, STATISTICS, Threshold
from sim.scenario.values.fields import JsonSchema, Reads
from sim.scenario.values.problems import Spot
from sim.scenario.values.units import Kind, UnitError, parse_quantity, shown

EXAMPLE = "such as slo_met >= 95% or cost_usd_per_month:p95 < 40k"
_FORM = re.compile(r"^\s*([A-Za-z_][^\s:<>=≤≥]*)(?:\s*:\s*(\w+))?\s*(<=|>=|<|>|≤|≥)\s*(.+?)\s*$")
_SIGNS = {"≤": "<=", "≥": ">="}
_USUAL = "p50"
_LONGEST = 200


def parse_threshold(text: str) -> Threshold:
    """A condition from its text.

    Raises
    ------
    UnitError
        With a message that says what was expected.

    Examples
    --------
    >>> found = parse_threshold("workloads.chat.e2e_p95_s:p95 < 60s")
    >>> found.metric, found.statistic, found.relation, found.value
    ('workloads.chat.e2e_p95_s', 'p95', '<', 60.0)
    >>> str(parse_threshold("slo_met ≥ 95 %"))
    'slo_met >= 95 %'
    """
    match = _FORM.match(text) if len(text) <= _LONGEST else None
    if match is None:
        raise UnitError(f"{shown(text)} must be a metric, one of < <= > >=, and a value, {EXAMPLE}")
    metric, statistic, relation, written = match.groups()
    if metric in SHARES and statistic:
        raise UnitError(f"{metric} is a share of worlds and has no :{statistic}, {EXAMPLE}")
    if metric not in SHARES and (statistic or _USUAL) not in STATISTICS:
        raise UnitError(f":{statistic} must be one of :{', :'.join(STATISTICS)}, {EXAMPLE}")
    kind = kind_of(metric)
    is_share = kind == "count" and written.endswith("%")  # of a metric that is not known by name
    value = parse_quantity(written, "share" if is_share else kind)
    statistic = "" if metric in SHARES else statistic or _USUAL
    return Threshold(metric, statistic, _SIGNS.get(relation, relation), value, written)


def kind_of(metric: str) -> Kind:
    """What a metric is counted in, as its name says."""
    name = metric.rpartition(".")[2]
    if metric in SHARES or "share" in name.split("_") or name in _SHARES_BY_NAME:
        return "share"
    if "usd" in name.split("_"):
        return "money"
    if name.endswith("_w"):
        return "power"
    return "duration" if name.endswith("_s") else "count"


_SHARES_BY_NAME = {
    "slo_attainment", "cache_hit_rate", "response_cache_hit_rate", "task_success", "utilisation",
    "batch_occupancy", "kv_utilisation", "offered_load", "offered_load_peak", "gross_margin",
}  # fmt: skip


def threshold() -> Reads:
    """A condition on the answer of a run, such as slo_met >= 95%."""
    return Reads(_read, _schema)


def _read(raw: object, spot: Spot) -> object:
    if not isinstance(raw, str):
        spot.wrong(f"{shown(raw)} must be a text", EXAMPLE)
        return raw
    try:
        parse_threshold(raw)
    except UnitError as error:
        spot.wrong(str(error))
    return raw


def _schema() -> JsonSchema:
    return {"type": "string", "examples": ["slo_met >= 95%"], "maxLength": _LONGEST}
