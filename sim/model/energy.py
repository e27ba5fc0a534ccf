"""What GPUs draw, and what that does to the climate.

A GPU of a replica draws ``idle_w`` from the start of the replica to its end; ``busy_w`` more while
there is somebody in the batch, whoever they are: weights are fetched and clocks are up; and
``compute_w`` more for the share of the time that arithmetic takes, at the profile's own seconds a
token, whether the token is of a prompt, of an answer, or a draft to be verified. It never draws
more than ``cap_w``.

    P = min(idle + busy · b + compute · x, cap)
    x = (d1 · tokens decoded, or verified, + what prompts take beyond d0) / time

Both shares are integrals that the engine keeps exactly, so joules are conserved; the cap is applied
to the mean of a time bin. What the host and the network draw beside the GPUs is left out, and the
power usage effectiveness (PUE) of the site is a factor on all.

A **power cap** below the usual one lowers the clocks, and with them the speed of arithmetic, not
that of memory: ``d1`` and ``d2`` and what a(B) has beyond a(1) grow by 1 / speed, with

    speed = ((cap / usual cap - idle share) / (1 - idle share)) ** (1 / CAP_EXPONENT)

fitted to ``power_caps.csv`` of the catalogue (mean error 10 %, grade C). A token's arithmetic then
takes less energy, too, in the proportion of the speed.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.model.price import HOUR_S, YEAR_S
from sim.model.profile import ServiceProfile
from sim.model.rule import require

FloatArray = npt.NDArray[np.float64]

J_PER_KWH = 3.6e6
HOURS = 24
CAP_EXPONENT = 1.73  # of power in speed, above idle: power_caps.csv
CAP_ERROR = 0.1  # mean relative error of the speed there
CAP_IDLE = 0.175  # of the cap: 122 W of 700 W, measured on an H200
LEAST_CAP = 0.5  # of the usual one: nothing was measured below


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """What a GPU draws.

    Attributes
    ----------
    gpu : str
    idle_w : float
        With a model loaded, and nobody there.
    busy_w, compute_w : float
        Beyond that while it works, and while it computes all the time.
    cap_w : float
    error : float
        Mean relative error where it was left out of the fit; NaN where nothing was measured.
    grade : str
        A, B or C, as that of profiles.
    source, as_of, notes : str
    """

    gpu: str
    idle_w: float
    busy_w: float
    compute_w: float
    cap_w: float
    error: float = math.nan
    grade: str = ""
    source: str = ""
    as_of: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        for name in ("idle_w", "busy_w", "compute_w"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "must be at least 0")
        require(self.cap_w >= self.idle_w, "cap_w", self.cap_w, "must be at least idle_w")

    def active_j(self, busy_s: FloatArray, compute_s: FloatArray) -> FloatArray:
        """Joules of a GPU beyond those of one that is idle, in each of some bins.

        Examples
        --------
        >>> law = PowerLaw("some", 100.0, 200.0, 600.0, 700.0)
        >>> law.active_j(np.array([1.0, 1.0, 0.5]), np.array([0.0, 0.9, 0.25]))
        array([200., 600., 250.])
        """
        drawn: FloatArray = self.busy_w * busy_s + self.compute_w * compute_s
        return np.minimum(drawn, (self.cap_w - self.idle_w) * busy_s)

    def capped(self, cap_w: float) -> "PowerLaw":
        """The same under a cap, if that is lower than its own."""
        if cap_w >= self.cap_w:
            return self
        speed = speed_under(cap_w / self.cap_w)
        return replace(self, cap_w=cap_w, compute_w=self.compute_w * speed)


def speed_under(cap: float) -> float:
    """Speed of arithmetic under a share of the usual cap.

    Examples
    --------
    >>> [round(speed_under(cap), 2) for cap in (1.0, 0.8, 0.5)]
    [1.0, 0.85, 0.58]
    """
    require(LEAST_CAP <= cap <= 1, "power cap", cap, f"must be from {LEAST_CAP} to 1")
    share = (cap - CAP_IDLE) / (1 - CAP_IDLE)
    return float(share ** (1 / CAP_EXPONENT))


def slowed(profile: ServiceProfile, speed: float) -> ServiceProfile:
    """An engine whose arithmetic takes longer, and whose memory is as fast as before."""
    first_s = profile.step_s(1, 0.0)
    return replace(
        profile,
        step_base_s=tuple(
            a if a <= first_s else first_s + (a - first_s) / speed for a in profile.step_base_s
        ),
        prefill_s_per_token=profile.prefill_s_per_token / speed,
        prefill_s_per_token_context=profile.prefill_s_per_token_context / speed,
    )


@dataclass(frozen=True, slots=True)
class Grid:
    """What the electricity of a place emits.

    Attributes
    ----------
    g_per_kwh : tuple of 24 floats
        Grams of CO2 equivalents a kWh by the hour of the day, on the clock of the horizon.
    region, source, as_of : str
        Empty for figures of the scenario's own.
    """

    g_per_kwh: tuple[float, ...]
    region: str = ""
    source: str = ""
    as_of: str = ""

    def __post_init__(self) -> None:
        count = len(self.g_per_kwh)
        require(count == HOURS, "g_per_kwh", count, f"must be {HOURS} numbers")
        require(min(self.g_per_kwh) >= 0, "g_per_kwh", min(self.g_per_kwh), "must be at least 0")


@dataclass(frozen=True, slots=True)
class Energy:
    """What is known of the energy of a backend.

    Attributes
    ----------
    law : PowerLaw or None
        Of a pool's GPUs; None for a backend that others run.
    pue : float
    grid : Grid or None
    usd_per_kwh : float
        NaN where no price is stated.
    wh_per_token : float
        Of a backend that others run, with their data centre; NaN where that is not known.
    embodied_g_per_gpu_hour : float
        Of making a GPU and its share of the machine, spread over its life; NaN where not stated.
    power_budget_w : float
        That replicas may draw at their caps, with the site around them; infinite for any.
    speed : float
        Of arithmetic under a power cap.
    """

    law: PowerLaw | None = None
    pue: float = 1.0
    grid: Grid | None = None
    usd_per_kwh: float = math.nan
    wh_per_token: float = math.nan
    embodied_g_per_gpu_hour: float = math.nan
    power_budget_w: float = math.inf
    speed: float = 1.0

    def __post_init__(self) -> None:
        require(self.pue >= 1, "pue", self.pue, "must be at least 1")

    def replica_w(self, gpus: int) -> float:
        """What a replica may draw at most, with the site around it."""
        assert self.law is not None
        return self.law.cap_w * gpus * self.pue

    def most_replicas(self, gpus: int) -> float:
        """Replicas that the budget allows; infinite without one."""
        if math.isinf(self.power_budget_w):
            return math.inf
        return math.floor(self.power_budget_w / self.replica_w(gpus) + 1e-9)


def embodied(kg_per_gpu: float, years: float) -> float:
    """Grams for an hour of a GPU's life.

    >>> round(embodied(164.0, 4.0), 2)
    4.68
    """
    return kg_per_gpu * 1000 / (years * YEAR_S / HOUR_S)
