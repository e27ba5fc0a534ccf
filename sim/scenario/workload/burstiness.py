"""Burstiness of arrivals: ``1.5``, or ``{cv: 1.5, family: weibull}``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.model.arrivals import Renewal
from sim.model.arrivals.renewal import FAMILIES, MAX_CV
from sim.scenario.values.fields import JsonSchema, Reads, number_schema, one_of
from sim.scenario.values.numbers import Number, Quantity, document_of, known
from sim.scenario.values.problems import Spot, choose
from sim.scenario.values.reading import read_number

CV = Quantity("factor", least=0, most=MAX_CV)
KEYS = ("cv", "family")
GAP_FAMILIES = tuple(name for name in FAMILIES if name != "poisson")  # which is a cv of 1


@dataclass(frozen=True, slots=True)
class Burstiness:
    """Coefficient of variation of the gaps between requests, and their family if named."""

    cv: Number
    family: str | None = None

    def renewal(self, draws: Mapping[str, float]) -> Renewal:
        """The law of the gaps in a world."""
        return Renewal(known(self.cv, draws), "weibull" if self.family == "weibull" else "gamma")

    def document(self) -> Any:
        """As plain data, in the form in which it was written: the path of its input rests on it."""
        cv = document_of(self.cv)
        return cv if self.family is None else {"cv": cv, "family": self.family}


def gap_variation() -> Reads:
    """A number, or a mapping of ``cv`` and ``family``."""
    return Reads(_read, _schema)


def _read(raw: Any, spot: Spot) -> Burstiness | None:
    if not isinstance(raw, dict) or not raw.keys() & set(KEYS):
        cv = read_number(raw, CV, spot)
        return None if cv is None else Burstiness(cv)
    for key in raw:
        if key not in KEYS:
            spot.below(key).wrong("unknown key", choose(key, KEYS))
    family = one_of(*GAP_FAMILIES).read(raw.get("family", "gamma"), spot.below("family"))
    if "cv" not in raw:
        spot.wrong("has no cv", "add cv, such as cv: 1.5")
        return None
    cv = read_number(raw["cv"], CV, spot.below("cv"))
    return None if cv is None else Burstiness(cv, family)


def _schema() -> JsonSchema:
    full = {
        "type": "object",
        "properties": {
            "cv": {
                "description": "Standard deviation of the gaps over their mean; 1 is Poisson.",
                **number_schema(CV),
            },
            "family": {
                "description": "Law of the gaps; default gamma.",
                "enum": list(GAP_FAMILIES),
            },
        },
        "required": ["cv"],
        "additionalProperties": False,
    }
    return {"anyOf": [*number_schema(CV)["anyOf"], full]}
