"""The closed forms that the theory tests rest on, against tabulated values and each other; and the
statistics that they use.
"""

import json
import math

import numpy as np
import pytest
import theory
from places import ORACLES
from queues import SEED, controlled

OMEGA = 2 * math.pi / 24.0  # a day, in hours

CLOSED_FORMS = {
    "MMc c=2 a=1.6": {
        "Wq": theory.mmc_mean_wait(2, 0.8),
        "p95_wait": theory.mmc_wait_quantile(2, 0.8, 0.95),
        "erlangC": theory.erlang_c(2, 0.8),
    },
    "MMc c=10 a=8.0": {
        "Wq": theory.mmc_mean_wait(10, 0.8),
        "p95_wait": theory.mmc_wait_quantile(10, 0.8, 0.95),
    },
    "MMc c=50 a=45.0": {
        "Wq": theory.mmc_mean_wait(50, 0.9),
        "p95_wait": theory.mmc_wait_quantile(50, 0.9, 0.95),
    },
    "M/D/1 rho=0.8": {"Wq": theory.mg1_mean_wait(0.8, cv=0)},
    "M/LN(cv=2)/1 rho=0.8": {"Wq": theory.mg1_mean_wait(0.8, cv=2)},
    "M/G/1-PS rho=0.8": {"ET": theory.ps_mean_sojourn(0.8)},
    "Mt/M/inf day period 24h service mean 6 h": dict(
        zip(
            ("relative_amplitude", "peak_lag_hours"),
            theory.exponential_echo(OMEGA, 6.0),
            strict=True,
        )
    ),
    "Mt/D/inf service 6 h": dict(
        zip(("relative_amplitude", "peak_lag_hours"), theory.constant_echo(OMEGA, 6.0), strict=True)
    ),
    "Inoue alpha=0.1438 tau0=1.8874 rho=lam*alpha=0.9": {
        "EW_exact": theory.batch_mean_sojourn(0.9, 0.1438, 1.8874)
    },
}


@pytest.mark.skipif(not ORACLES.exists(), reason="the tabulated oracle values are not at hand")
@pytest.mark.parametrize("queue", CLOSED_FORMS)
def test_closed_forms_agree_with_tabulated_values(queue: str) -> None:
    tabulated = json.loads(ORACLES.read_text())[queue]
    for name, value in CLOSED_FORMS[queue].items():
        assert value == pytest.approx(tabulated[name], rel=1e-9), name


@pytest.mark.parametrize(
    ("rho", "p95"), [(0.5, 2.050638407), (0.8, 6.620324997), (0.9, 14.12867383)]
)
def test_the_constant_service_wait_quantile_agrees_with_tabulated_values(
    rho: float, p95: float
) -> None:
    assert theory.md1_wait_quantile(rho, 0.95) == pytest.approx(p95, rel=1e-9)


@pytest.mark.parametrize("rho", [0.5, 0.8, 0.95])
def test_the_transform_gives_the_quantile_of_the_exponential_queue(rho: float) -> None:
    got = theory.mg1_wait_quantile(lambda x: np.exp(-x), rho, 0.95, longest=600.0)
    assert got == pytest.approx(theory.mmc_wait_quantile(1, rho, 0.95), rel=1e-3)


def test_turns_over_one_server_are_no_turns() -> None:
    assert theory.erlang_m1_mean_wait(1, 0.8) == pytest.approx(4.0)


def test_control_variates_take_out_what_they_explain() -> None:
    """Of y = 3 + 2 x + noise, what is left of the scatter is the noise; 3 lies in the interval.

    The interval is one of 99.9 %.
    """
    rng = np.random.default_rng(SEED)
    control, noise = rng.standard_normal((2, 50))
    estimate = controlled(3 + 2 * control + 0.1 * noise, control[:, None])
    assert abs(estimate.value - 3) < estimate.half_width(0.999)
    assert estimate.error == pytest.approx(0.1 / math.sqrt(50), rel=0.4)
