"""Service level objectives: ``{ttft_p95: 2s, e2e_p95: 30s}``."""

import math
import re
from dataclasses import dataclass
from typing import Any

from sim.model.workload import Slo
from sim.scenario.values.fields import JsonSchema, Reads, reference
from sim.scenario.values.numbers import GREATEST, Quantity, document_of
from sim.scenario.values.problems import Spot, choose
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import format_duration, shown

METRICS = ("ttft", "tpot", "e2e")
THRESHOLD = Quantity("duration", above=0, certain=True)
LONGEST_WITHOUT_UNIT_S = {"ttft": 60.0, "tpot": 1.0, "e2e": 900.0}  # beyond, are they milliseconds?
QUOTE = "'"  # of texts in messages
_KEY = re.compile(rf"({'|'.join(METRICS)})_p([1-9]\d?)")


@dataclass(frozen=True, slots=True)
class Objectives:
    """Thresholds in seconds by key, such as ``ttft_p95``."""

    thresholds_s: dict[str, float]

    def slo(self) -> Slo:
        """What counts as good service: all thresholds, for the largest of the percentiles.

        One request keeps its objective or does not, so that there is one share of requests that
        must keep it: the strictest asked.
        """
        limits = {f"{key.partition('_p')[0]}_s": s for key, s in self.thresholds_s.items()}
        percentiles = [int(key.partition("_p")[2]) for key in self.thresholds_s]
        return Slo(**limits, attainment=max(percentiles) / 100)

    def document(self) -> Any:
        """As plain data."""
        return {
            key: format_duration(s)
            if s > LONGEST_WITHOUT_UNIT_S[key[: key.index("_")]]
            else document_of(s)
            for key, s in self.thresholds_s.items()
        }


def objectives() -> Reads:
    """A mapping of percentiles to durations."""
    return Reads(_read, _schema)


def _read(raw: Any, spot: Spot) -> Objectives:
    if not isinstance(raw, dict) or not raw:
        spot.wrong(f"{shown(raw)} must be a mapping such as {{ttft_p95: 2s}}")
        return Objectives({})
    thresholds: dict[str, float] = {}
    metrics: dict[str, str] = {}
    for key, value in raw.items():
        match = _KEY.fullmatch(key)
        if match is None:
            usual = [f"{metric}_p95" for metric in METRICS]
            spot.below(key).wrong("unknown key", choose(key, usual))
            continue
        if match[1] in metrics:
            other = metrics[match[1]]
            spot.below(key).wrong(f"goes beside {other}, must be the only one of {match[1]}")
        metrics[match[1]] = key
        _ask_for_unit(match[1], value, spot.below(key))
        threshold = read_number(value, THRESHOLD, spot.below(key))
        if isinstance(threshold, float):
            thresholds[key] = threshold
    return Objectives(thresholds)


def _ask_for_unit(metric: str, raw: Any, spot: Spot) -> None:
    """Note a number of seconds that is too long to be meant, as milliseconds would not be."""
    try:
        seconds = math.nan if isinstance(raw, bool | dict | list) else float(raw)
    except (TypeError, ValueError, OverflowError):
        return  # it has a unit, or is no number
    if LONGEST_WITHOUT_UNIT_S[metric] < seconds <= GREATEST:
        meant = f"{shown(raw).strip(QUOTE)}ms, or {format_duration(seconds)} if that is meant"
        message = f"{shown(raw)} has no unit, and would be {format_duration(seconds)}"
        spot.wrong(message, f"write {meant}")


def _schema() -> JsonSchema:
    meanings = {
        "ttft": "time to the first token",
        "tpot": "mean time between the tokens of a request after its first",
        "e2e": "time to the last token",
    }
    threshold = {"anyOf": [{"type": "number"}, reference("duration_text")]}
    common = {
        f"{metric}_p{percentile}": {
            **threshold,
            "description": f"{percentile} % of requests: {meaning}",
        }
        for metric, meaning in meanings.items()
        for percentile in (50, 90, 95, 99)
    }
    return {
        "type": "object",
        "properties": common,
        "patternProperties": {rf"^({'|'.join(METRICS)})_p[1-9][0-9]?$": threshold},
        "additionalProperties": False,
        "minProperties": 1,
    }
