"""The laws of power against what was measured: board power of runs, and speeds under caps."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fleets import profile
from places import REAL
from scipy.optimize import minimize_scalar

from sim.catalog import gpu
from sim.catalog.power import grid, grids, power_law, power_laws
from sim.catalog.table import data_file
from sim.errors import CatalogError
from sim.model.energy import (
    CAP_ERROR,
    CAP_EXPONENT,
    CAP_IDLE,
    LEAST_CAP,
    Energy,
    Grid,
    PowerLaw,
    slowed,
    speed_under,
)
from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

TABLE = REAL / "energy" / "mlenergy_v2_llm.csv"
RUNS = REAL / "vllm_h200_live"
D1, D2 = 18.6e-6, 1.35e-9  # of the H200's runs, s a token, and with its context
# Active parameters of the table's models, 1e9, by the end or a part of the name.
PARAMETERS = {
    "gemma-2-27b": 27.2, "gemma-2-2b": 2.6, "gemma-2-9b": 9.2, "starcoder2-15b": 16,
    "starcoder2-3b": 3, "starcoder2-7b": 7.2, "CodeLlama-13b": 13, "CodeLlama-34b": 34,
    "CodeLlama-70b": 69, "CodeLlama-7b": 6.7, "chameleon-30b": 34, "chameleon-7b": 7,
    "codegemma-1.1-2b": 2.5, "codegemma-7b": 8.5, "llama3-llava-next-8b": 8, "llava-1.5-13b": 13,
    "llava-1.5-7b": 6.7, "Llama-3.1-70B": 70.6, "Llama-3.1-8B": 8, "Llama-3.1-405B": 405,
    "Phi-3-medium": 14, "Phi-3-mini": 3.8, "Phi-3-small": 7.4, "Phi-3-vision": 4.2,
    "Mistral-7B": 7.2, "Mistral-Large": 123, "Mistral-Nemo": 12.2, "8x22B": 39, "8x7B": 12.9,
}  # fmt: skip
MFU = 0.5  # share of the peak at which a token's arithmetic was counted


def table_of(name: str, gpu_name: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows of a GPU, their share of time in arithmetic, and watts of each of their GPUs."""
    rows = pd.read_csv(TABLE)
    rows = rows[rows.gpu.str.contains(name)]
    active = rows.model.map(lambda m: next(p for part, p in PARAMETERS.items() if part in m))
    each = rows.out_tok_s / (rows.tp * rows.pp)
    computed = 2e9 * active * each / (MFU * gpu(gpu_name).fp16_flops)
    return rows, computed.to_numpy(), rows.mean_w_per_gpu.to_numpy()


@pytest.mark.skipif(not TABLE.exists(), reason="the measured rows are not here")
@pytest.mark.parametrize(("name", "gpu_name"), [("H100", "h100-sxm"), ("A100", "a100-40g-sxm")])
def test_a_law_is_off_by_what_the_catalogue_says_for_models_left_out(
    name: str, gpu_name: str
) -> None:
    rows, computed, watts = table_of(name, gpu_name)
    law = power_law(gpu_name)
    design = np.column_stack([np.ones(len(watts)), computed])

    def fitted(mine: np.ndarray) -> np.ndarray:
        scaled = design[mine] / watts[mine, None]
        return np.linalg.lstsq(scaled, np.ones(mine.sum()), rcond=None)[0]

    errors = []
    for model in rows.model.unique():
        left_out = (rows.model == model).to_numpy()
        predicted = np.minimum(design[left_out] @ fitted(~left_out), law.cap_w)
        errors += list(np.abs(predicted / watts[left_out] - 1))
    assert np.mean(errors) == pytest.approx(law.error, abs=0.006)
    base_w, compute_w = fitted(np.ones(len(watts), bool))
    assert law.idle_w + law.busy_w == pytest.approx(base_w, rel=0.01)
    assert law.compute_w == pytest.approx(compute_w, rel=0.01)


def measured_runs() -> pd.DataFrame:
    """Mean board power of each run of the H200, and its share of time in arithmetic."""
    power = pd.read_csv(RUNS / "power.csv.gz")
    power.columns = pd.Index(["time", "watts", *power.columns[2:]])
    since = pd.to_datetime(power.time) - pd.Timestamp("1970-01-01")
    found = []
    for file in sorted(RUNS.glob("*/*.json")):
        run = pd.read_json(file, typ="series")
        first_s, last_s = 2.5, min(run.dur, run.t1 - run.t0) - 0.3
        seconds = since.dt.total_seconds() - run.t0
        watts = power.watts[(seconds >= first_s + 0.5) & (seconds <= last_s)].mean()
        steps = pd.read_csv(file.with_suffix("").with_suffix(".steps.csv.gz"))
        steps = steps[(steps.output_s > first_s) & (steps.output_s <= last_s)]
        tokens = steps.decoding.sum() + steps.prefill_tokens.sum()
        computed = D1 * tokens + D2 * steps.prefill_token_context.sum()
        found.append((run["name"], watts, computed / (last_s - first_s)))
    return pd.DataFrame(found, columns=["run", "watts", "computed"]).set_index("run")


@pytest.mark.skipif(not RUNS.exists(), reason="the measured runs are not here")
def test_the_h200s_law_gives_the_power_of_runs_that_it_was_not_fitted_to() -> None:
    runs, law = measured_runs(), power_law("h200-sxm")
    active = law.active_j(np.ones(len(runs)), runs.computed.to_numpy())
    errors = (law.idle_w + active) / runs.watts - 1
    assert errors.abs().mean() < 0.02
    for kept_apart in ("p50", "p75"):  # open loops
        assert abs(errors[kept_apart]) < 0.02
    assert errors.drop("l4096c8").abs().max() < 0.05
    assert 0.05 < errors["l4096c8"] < 0.1  # as the catalogue's note says


def capped() -> list[tuple[float, float]]:
    text = data_file("power_caps.csv").read_text(encoding="utf-8")
    return [(float(r["cap_share"]), float(r["speed"])) for r in csv.DictReader(io.StringIO(text))]


def test_the_speed_under_a_cap_is_fitted_to_what_was_measured() -> None:
    def error(exponent: float) -> float:
        each = [((cap - CAP_IDLE) / (1 - CAP_IDLE)) ** (1 / exponent) / v for cap, v in capped()]
        return float(np.mean(np.abs(np.array(each) - 1)))

    best = minimize_scalar(error, bounds=(1.0, 4.0), method="bounded")
    assert best.x == pytest.approx(CAP_EXPONENT, abs=0.02)
    assert best.fun == pytest.approx(CAP_ERROR, abs=0.01)


def test_a_lower_cap_is_never_faster_and_the_usual_one_costs_nothing() -> None:
    speeds = [speed_under(cap) for cap in np.linspace(LEAST_CAP, 1.0, 50)]
    assert speeds == sorted(speeds)
    assert speeds[-1] == 1.0
    with pytest.raises(ValueError, match="power cap"):
        speed_under(0.4)


def test_a_cap_slows_arithmetic_and_no_memory() -> None:
    engine = profile(
        batch=(1, 64),
        step_base_s=(0.01, 0.03),
        step_s_per_kv_token=(1e-7, 1e-7),
        prefill_s_per_token=2e-5,
        prefill_s_per_request=0.001,
    )
    slow = slowed(engine, 0.8)
    assert slow.step_s(1, 1e5) == engine.step_s(1, 1e5)
    assert slow.step_s(64, 0.0) == pytest.approx(0.01 + 0.02 / 0.8)
    assert slow.prefill_s_per_token == 2e-5 / 0.8
    assert slow.prefill_s_per_request == 0.001


def test_what_nobody_measured_draws_by_its_thermal_design_power() -> None:
    h200, b200 = power_law("h200-sxm"), power_law("b200-sxm")
    scale = gpu("b200-sxm").tdp_w / gpu("h200-sxm").tdp_w
    for name in ("idle_w", "busy_w", "compute_w", "cap_w"):
        assert getattr(b200, name) == pytest.approx(scale * getattr(h200, name))
    assert (b200.grade, b200.source.partition(":")[0]) == ("C", "computed")
    assert all(each.source and each.as_of for each in power_laws().values())


def test_places_are_found_by_code_and_by_name() -> None:
    assert grid("fra") == grid("France") == grid("FRA")
    assert set(grid("DEU").g_per_kwh) == {380.95}
    with pytest.raises(CatalogError, match="did you mean"):
        grid("Frence")
    for name, each in grids().values():
        assert name
        assert each.source
        assert 1.0 < each.g_per_kwh[0] < 900.0


@pytest.mark.parametrize("fields", [{"idle_w": -1.0}, {"cap_w": 50.0}])
def test_a_law_that_cannot_be_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        replace(PowerLaw("some", 100.0, 200.0, 300.0, 500.0), **fields)


def test_a_grid_has_24_hours_and_a_site_no_less_power_than_its_machines() -> None:
    with pytest.raises(ValueError, match="24"):
        Grid((1.0,) * 23)
    with pytest.raises(ValueError, match="pue"):
        Energy(pue=0.9)


def test_a_budget_counts_replicas_at_their_caps() -> None:
    law = PowerLaw("some", 100.0, 200.0, 300.0, 500.0)
    site = Energy(law, pue=1.2, power_budget_w=10_000.0)
    assert site.replica_w(4) == 2_400.0
    assert site.most_replicas(4) == 4
    assert replace(site, power_budget_w=9_600.0).most_replicas(4) == 4
    assert Energy(law).most_replicas(4) == float("inf")


OPEN_LOOP = """\
name: open loop
horizon: {duration: 10min, warm_up: 1min}
energy: {}
workloads:
  chat:
    arrivals: {requests_per_second: RATE}
    prompt_tokens: {lognormal: {mean: 512, sigma: 0.8}}
    output_tokens: {lognormal: {mean: 256, sigma: 0.8}}
backends:
  large:
    kind: gpu_pool
    service: llama-3.1-8b/h200-sxm/tp1/bf16/vllm
    replicas: 1
    price: {usd_per_gpu_hour: 3}
"""


@pytest.mark.parametrize(("rate", "watts"), [("18.992", 602.5), ("28.489", 683.6)])
def test_a_simulated_replica_draws_what_the_measured_one_did(
    tmp_path: Path, rate: str, watts: float
) -> None:
    """Open loops of the H200 at 44 and 74 % of its saturated rate, which nothing was fitted to."""
    (tmp_path / "open.yaml").write_text(OPEN_LOOP.replace("RATE", rate), encoding="utf-8")
    scenario = load_scenario(tmp_path / "open.yaml")
    half = np.array([0.5])
    draws = {each.path: float(each.distribution.ppf(half)[0]) for each in scenario.inputs}
    found = replicate(scenario, 0, 0, draws).metrics
    assert found["power_mean_w"] == pytest.approx(watts, rel=0.05)
