"""What a study looks at: a metric of a world, or a decision made of one.

A measure is written as the name of a metric (``cost_usd_per_request``,
``workloads.chat.ttft_p95_s``), as a limit upon one (``e2e_p95_s<=30``), or as ``slo_met``. The last
two are decisions: 1 in worlds where they hold, 0 elsewhere, so that their mean is a probability.
"""

import difflib
import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.model.design import Design
from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import INPUT_PREFIX, Sample
from sim.montecarlo.summary import slo_kept

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SLO_MET = "slo_met"
LIMIT = re.compile(r"(?P<metric>[^<>=\s]+)\s*(?P<sign><=|>=)\s*(?P<limit>\S+)")
SHARES = ("share", "rate", "attainment", "utilisation", "margin", "occupancy", "success", "money")
TIMES = ((1.0, (1e-3, "ms")), (600.0, (1.0, "s")), (36_000.0, (60.0, "min")))
WORDS = {"e2e": "whole answer", "ttft": "first token", "tpot": "time per token", "slo": "SLO"}


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric, or a decision.

    Attributes
    ----------
    name : str
        As it was written.
    metric : str
    sign : {"", "<=", ">="}
        Of the limit, if it has one.
    limit : float
    """

    name: str
    metric: str
    sign: str = ""
    limit: float = math.nan

    @classmethod
    def parse(cls, name: str) -> "Measure":
        """Measure from ``NAME``, ``NAME<=VALUE``, ``NAME>=VALUE`` or ``slo_met``.

        >>> Measure.parse("e2e_p95_s <= 30").decision
        True
        """
        name = name.strip()
        found = LIMIT.fullmatch(name)
        if found is None:
            return cls(name, name)
        try:
            limit = float(found["limit"])
        except ValueError:
            raise PeakfleetError(
                f"metric ({name}): the limit must be a number in SI units or USD, such as"
                " e2e_p95_s<=30"
            ) from None
        return cls(
            f"{found['metric']}{found['sign']}{limit:g}", found["metric"], found["sign"], limit
        )

    @property
    def decision(self) -> bool:
        """Whether it either holds in a world or does not."""
        return bool(self.sign) or self.metric == SLO_MET

    def of(self, result: RunResult) -> FloatArray:
        """Its value in each world, NaN where it is undefined: (worlds,) float64."""
        if self.metric == SLO_MET:
            return slo_met(result.sample, _design(result))
        values = result.sample.values(_known(self.metric, result.sample))
        if not self.sign:
            return values
        holds = values <= self.limit if self.sign == "<=" else values >= self.limit
        return np.where(np.isnan(values), np.nan, holds.astype(np.float64))

    def lower_bound(self, result: RunResult) -> BoolArray:
        """In which worlds it is a lower bound only, or rests on one: (worlds,) bool."""
        bound = None if self.metric == SLO_MET else result.sample.lower_bound(self.metric)
        return np.zeros(len(result.sample), np.bool_) if bound is None else bound

    def words(self) -> str:
        """Its name in words.

        >>> Measure.parse("cost_usd_per_request").words()
        'cost per request'
        >>> Measure.parse("workloads.chat.ttft_p95_s<=2").words()
        'first token p95 of chat at most 2 s'
        """
        if self.metric == SLO_MET:
            return "the SLO met"
        part, _, name = self.metric.rpartition(".")
        plain = name.removeprefix("peak_hour_").removesuffix("_s").replace("_usd", "")
        text = " ".join(WORDS.get(token, token) for token in plain.split("_"))
        text = f"worst hour's {text}" if name.startswith("peak_hour_") else text
        text += f" of {part.partition('.')[2]}" if part else ""
        if not self.sign:
            return text
        bound = "at most" if self.sign == "<=" else "at least"
        return f"{text} {bound} {Measure(self.metric, self.metric).amount(self.limit)}"

    @property
    def kind(self) -> str:
        """What its values are: usd, seconds, share or number."""
        name = self.metric.rpartition(".")[2]
        if self.decision or name.endswith(SHARES):
            return "share"
        if "usd" in name.split("_"):
            return "usd"
        return "seconds" if name.endswith("_s") else "number"

    def amounts(self, *values: float) -> tuple[str, ...]:
        """Values to be read side by side: one unit, after the last of them, and three digits.

        >>> Measure.parse("ttft_p95_s").amounts(0.5471, 1.2)
        ('0.547', '1.2 s')
        """
        texts, unit = self.scaled(*values)
        return (*texts[:-1], f"{texts[-1]} {unit}".rstrip())

    def scaled(self, *values: float) -> tuple[list[str], str]:
        """Values in one unit, with three digits, and the unit."""
        known = [abs(value) for value in values if math.isfinite(value)]
        size, unit = self._unit(max(known, default=0.0))
        return [rounded(self._seen(value) / size, 3) for value in values], unit

    def amount(self, value: float) -> str:
        """A value with its unit.

        >>> Measure.parse("cost_usd_per_month").amount(34912.4)
        '34,912 USD'
        >>> Measure.parse("ttft_p95_s").amount(0.2451), Measure.parse(SLO_MET).amount(0.934)
        ('245 ms', '93.4 %')
        """
        size, unit = self._unit(value)
        digits = 3 if self.kind in ("seconds", "share") else 4
        return f"{rounded(self._seen(value) / size, digits)} {unit}".rstrip()

    def _seen(self, value: float) -> float:
        """A value as far as it can be seen: of times, hundredths of a millisecond."""
        tiny = self.kind == "seconds" and abs(value) < 1e-3
        return round(value, 5) if tiny else value

    def _unit(self, value: float) -> tuple[float, str]:
        """Size and name of the unit in which a value is best read."""
        match self.kind:
            case "usd":
                return 1.0, "USD"
            case "seconds":
                return next((unit for below, unit in TIMES if abs(value) < below), (3600.0, "h"))
            case "share":
                return 0.01, "%"
            case _:
                return 1.0, ""


def slo_met(sample: Sample, design: Design) -> FloatArray:
    """Whether every workload attains its SLO, world by world: (worlds,) float64 of 0 and 1.

    Raises
    ------
    PeakfleetError
        If no workload has an SLO.
    """
    kept = slo_kept(sample, design)
    if kept is None:
        raise PeakfleetError(
            "slo_met: no workload has an SLO; give one, such as"
            " --set workloads.NAME.slo='{ttft_p95: 2s}', or ask for another metric"
        )
    return kept.astype(np.float64)


def has_slo(design: Design) -> bool:
    """Whether any workload has an SLO."""
    return any(each.slo.is_stated for each in design.workloads)


def rounded(value: float, digits: int = 4) -> str:
    """A number of so many significant digits, at least all before the point.

    >>> rounded(0.0080213), rounded(34912.4), rounded(-2.0, 3), rounded(0.0)
    ('0.008021', '34,912', '-2', '0')
    >>> rounded(5.386e-9, 3)
    '5.39e-09'
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else f"{'-' if value < 0 else ''}∞"
    if value == 0.0:
        return "0"
    if abs(value) < 1e-5:
        return f"{value:.{digits - 1}e}"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def compact(value: float) -> str:
    """A number in few characters.

    >>> compact(63402.1), compact(0.4), compact(2.0e7), compact(1.0364)
    ('63.4k', '0.4', '20M', '1.04')
    """
    for size, unit, limit in ((1e9, "G", 1e9), (1e6, "M", 1e6), (1e3, "k", 1e4)):
        if abs(value) >= limit:
            return f"{rounded(value / size, 3)}{unit}"
    return rounded(value, 3)


def _design(result: RunResult) -> Design:
    """The design in world 0."""
    sample = result.sample
    draws = {
        name.removeprefix(INPUT_PREFIX): float(sample.values(name)[0])
        for name in sample.names()
        if name.startswith(INPUT_PREFIX)
    }
    return result.scenario.design(draws)


def _known(metric: str, sample: Sample) -> str:
    """The metric, if there is such a one."""
    names = [name for name in sample.names() if not name.startswith(INPUT_PREFIX)]
    if metric not in names:
        near = difflib.get_close_matches(metric, [SLO_MET, *names], 1)
        hint = f"did you mean {near[0]!r}?" if near else "'sim run --json' shows all"
        raise PeakfleetError(f"metric ({metric}) is not a metric ({hint})")
    return metric
