"""The bar that predictions have to clear.

By default, below saturation: TPOT and E2E p50 within 10 %, TTFT p50 within 25 % in each run, and
throughput within 5 %. Two repeats of one run differ by up to 20 % in TTFT and 7 % in TPOT.
"""

import re
from dataclasses import dataclass, field

from sim.errors import PeakfleetError

DEFAULT = {"ttft_p50": 0.25, "tpot_p50": 0.10, "e2e_p50": 0.10, "throughput": 0.05}
METRICS = ("ttft", "tpot", "e2e")
ONE = re.compile(r"\s*(?P<name>[a-z0-9_]+)\s*<=\s*(?P<limit>[0-9.]+)\s*(?P<percent>%?)\s*")


@dataclass(frozen=True, slots=True)
class Bar:
    """Largest errors allowed, by figure: ``ttft_p50``, ``e2e_p95``, ``throughput``."""

    limits: dict[str, float] = field(default_factory=lambda: dict(DEFAULT))

    @classmethod
    def parse(cls, texts: tuple[str, ...]) -> "Bar":
        """From ``FIGURE<=LIMIT``, the limit as 0.1 or 10%; the default where there are none.

        >>> Bar.parse(("ttft_p95<=30%",)).limits
        {'ttft_p95': 0.3}
        """
        if not texts:
            return cls()
        limits = {}
        for text in texts:
            found = ONE.fullmatch(text)
            if found is None or not _known(found["name"]):
                raise PeakfleetError(
                    f"bar ({text}) must be FIGURE<=LIMIT, such as ttft_p50<=25%; figures are"
                    " throughput, and ttft, tpot or e2e with _p50, _p95, _p99 or _mean"
                )
            limits[found["name"]] = _number(text, found["limit"]) / (100 if found["percent"] else 1)
        return cls(limits)

    def words(self) -> str:
        """In words."""
        return ", ".join(
            f"{name.replace('_', ' ')} within {100 * limit:g} %"
            for name, limit in self.limits.items()
        )


def _known(name: str) -> bool:
    metric, _, which = name.partition("_")
    return name == "throughput" or (metric in METRICS and which in ("p50", "p95", "p99", "mean"))


def _number(text: str, limit: str) -> float:
    try:
        return float(limit)
    except ValueError:
        raise PeakfleetError(f"bar ({text}): {limit!r} is not a number") from None
