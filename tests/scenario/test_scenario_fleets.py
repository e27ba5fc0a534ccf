"""The keys of moving fleets: what they compile to, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from scenario_documents import FLEETS, MINIMAL, SERVICE, written

from sim.catalog import model as catalogue_model
from sim.catalog import profile
from sim.errors import ScenarioError
from sim.model.autoscaler import (
    SCALE_DOWN,
    SCALE_UP,
    Custom,
    Hpa,
    Keda,
    Knative,
    Predictive,
    ScalingPolicy,
    Scheduled,
    ScheduleEntry,
    Trigger,
)
from sim.model.distributions import Constant, Exponential, LogNormal
from sim.model.failure import CRASHES_PER_GPU_HOUR, Crashes, Failures, Spot, Stragglers
from sim.model.lifecycle import Alternation, ColdStart, Lifecycle, Standby, WeightLoad
from sim.scenario import load_scenario

POOL = "backends.large"
SCALED = [f"{POOL}.replicas={{min: 2, max: 40}}", f"{POOL}.cold_start=3min"]
HPA = [*SCALED, f"{POOL}.autoscaler={{preset: hpa, target_concurrency: 24}}"]


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


@pytest.fixture
def fleets(tmp_path):
    return load_scenario(written(tmp_path, FLEETS))


def at_level(scenario, level):
    u = np.array([level])
    return {one.path: float(one.distribution.ppf(u)[0]) for one in scenario.inputs}


def pool_of(path, *overrides, level=0.5):
    scenario = load_scenario(path, overrides)
    return scenario.design(at_level(scenario, level)).pools[0]


def problems(path, *overrides):
    """What is wrong, without the names of the overrides."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, overrides)
    return [str(replace(p, file="", line=None))[2:] for p in caught.value.problems]


def test_a_number_of_replicas_stands_still(minimal):
    pool = pool_of(minimal)
    assert (pool.replicas, pool.autoscaler, pool.gateway.holds) == (2, None, False)
    assert not pool.moves
    assert pool.lifecycle == Lifecycle()
    assert pool.failures == Failures()


def test_every_key_of_an_autoscaled_pool_reaches_the_design(fleets):
    values = at_level(fleets, 0.5)
    pool = fleets.design(values).pools[0]
    assert pool.replicas == 6
    assert pool.gateway.holds
    assert pool.autoscaler == Hpa(
        target=values["backends.scaled.autoscaler.target_concurrency"],
        max_replicas=40,
        min_replicas=int(values["backends.scaled.replicas.min"]),
        tolerance=0.05,
        sync_period_s=30.0,
        metric_delay_s=20.0,
        scale_up=replace(
            SCALE_UP,
            policies=(ScalingPolicy("pods", 2.0, 60.0), ScalingPolicy("percent", 50.0, 15.0)),
            select="min",
        ),
        scale_down=replace(SCALE_DOWN, stabilization_window_s=600.0),
    )
    life = pool.lifecycle
    assert life.capacity_outages == Alternation(on=Exponential(172_800.0), off=Constant(3600.0))
    assert (life.capacity_limit, life.drain_limit_s, life.standby) == (50, 600, None)
    node, (image_pull, weights, engine_start) = (
        life.cold_start.provisioning,
        life.cold_start.loading,
    )
    assert (node, image_pull) == (Exponential(120.0), Constant(60.0))
    assert isinstance(weights, WeightLoad)
    assert weights.weight_bytes == catalogue_model("llama-3.3-70b").weight_bytes("fp8")
    p95 = values["backends.scaled.cold_start.load_bandwidth.lognormal.p95"]
    assert weights.bytes_per_s.ppf(np.array([0.5, 0.95])) == pytest.approx([2e9, p95])
    assert engine_start.ppf(np.array([0.05, 0.95])) == pytest.approx([20, 40])


def test_every_key_of_a_timetable_reaches_the_design(fleets):
    pool = fleets.design(at_level(fleets, 0.5)).pools[1]
    morning = ScheduleEntry(7 * 3600.0, 8, (0, 1, 2, 3, 4))
    assert pool.autoscaler == Scheduled((morning, ScheduleEntry(20.5 * 3600, 2)), lead_s=600.0)
    assert pool.replicas == 2  # at 23:30 before that Monday
    assert pool.lifecycle.standby == Standby(2, Constant(5.0), refill=False)
    assert pool.lifecycle.cold_start == ColdStart.whole(LogNormal.from_stats(p50=180, p95=480))


def test_every_key_of_failures_reaches_the_design(fleets):
    values = at_level(fleets, 0.5)
    pool = fleets.design(values).pools[2]
    repair = Exponential(values["backends.fragile.failures.repair.exponential.mean"])
    assert pool.replicas == 4
    assert pool.autoscaler is None
    assert not pool.gateway.holds
    assert pool.gateway.on_loss == "resend"
    assert pool.failures == Failures(
        crashes=Crashes(CRASHES_PER_GPU_HOUR["a100-rsc1"], repair, replicas_per_node=2),
        spot=Spot(Exponential(18_000.0), 120.0, Exponential(3600.0)),
        stragglers=Stragglers(
            0.05, 1.3, Alternation(on=Constant(86_400.0), off=Exponential(3600.0))
        ),
    )


@pytest.mark.parametrize("level", [0.01, 0.5, 0.99])
def test_resolved_fleets_give_the_same_designs(tmp_path, fleets, level):
    again = load_scenario(written(tmp_path, fleets.to_yaml(), "again.yaml"))
    assert again.document == fleets.document
    assert again.inputs == fleets.inputs
    values = at_level(fleets, level)
    for one, other in zip(again.design(values).pools, fleets.design(values).pools, strict=True):
        assert (one.replicas, one.autoscaler, one.lifecycle, one.failures) == (
            other.replicas, other.autoscaler, other.lifecycle, other.failures,
        )  # fmt: skip


def test_inputs_of_fleets_are_named_by_their_paths(fleets):
    paths = {one.path for one in fleets.inputs if "throughput" not in one.path}
    assert {path for path in paths if "service.error_" not in path} == {
        "backends.fragile.failures.repair.exponential.mean",
        "backends.scaled.autoscaler.target_concurrency",
        "backends.scaled.cold_start.load_bandwidth.lognormal.p95",
        "backends.scaled.replicas.min",
    }


@pytest.mark.parametrize(
    ("autoscaler", "expected"),
    [
        ("{preset: hpa, target_concurrency: 24}", Hpa(24.0, 40, 2)),
        ("{preset: keda, target_queue: 9}", Keda(9.0, 40, 2, metric="queue")),
        (
            "{preset: keda, target_queue: 1, target_running: 16, scrape_interval: 15s, "
            "metric_window: 1min}",
            Keda(
                1.0,
                40,
                2,
                metric="queue",
                others=(Trigger("running", 16.0),),
                scrape_interval_s=15.0,
                metric_window_s=60.0,
            ),
        ),
        (
            "{preset: hpa, target_saturation: 70%, target_running: 16, full_queue: 2}",
            Hpa(
                16.0, 40, 2, metric="running", others=(Trigger("saturation", 0.7),), full_queue=2.0
            ),
        ),
        ("knative", Knative(40, 2)),
        (
            "{preset: knative, target_requests_per_second: 3, panic_window: 20%}",
            Knative(40, 2, target=3.0, metric="requests_per_s", panic_window_share=0.2),
        ),
        (
            "{preset: predictive, target_kv_utilisation: 60%, lead: 5min}",
            Predictive(0.6, 40, 2, metric="kv_utilisation", lead_s=300.0),
        ),
        ("{preset: custom, process: mine}", Custom("mine", 40, 2)),
        (
            "{preset: hpa, target_output_tokens_per_second: 2k}",
            Hpa(2000.0, 40, 2, metric="output_tokens_per_s"),
        ),
    ],
)
def test_a_preset_fills_in_its_documented_defaults(minimal, autoscaler, expected):
    pool = pool_of(minimal, *SCALED, f"{POOL}.autoscaler={autoscaler}")
    assert pool.autoscaler == expected
    assert pool.replicas == 2


@pytest.mark.parametrize(("preset", "fewest"), [("hpa", 1), ("keda", 0), ("knative", 0)])
def test_the_fewest_replicas_are_those_of_the_preset(minimal, preset, fewest):
    limits = [f"{POOL}.replicas={{max: 5}}", f"{POOL}.cold_start=3min"]
    scaler = f"{POOL}.autoscaler={{preset: {preset}, target_concurrency: 24}}"
    pool = pool_of(minimal, *limits, scaler)
    assert (pool.autoscaler.min_replicas, pool.autoscaler.max_replicas) == (fewest, 5)
    assert pool.replicas == 1


def test_without_autoscaler_the_initial_replicas_stay(minimal):
    limits = f"{POOL}.replicas={{min: 2, max: 40, initial: 6}}"
    pool = pool_of(minimal, limits, f"{POOL}.autoscaler=none")
    assert (pool.replicas, pool.autoscaler, pool.gateway.holds) == (6, None, False)


def test_crossed_draws_of_limits_meet(minimal):
    uncertain = f"{POOL}.replicas={{min: {{p5: 1, p95: 3}}, max: {{p5: 9, p95: 20}}}}"
    scenario = load_scenario(minimal, [*HPA, uncertain])
    usual = at_level(scenario, 0.5)
    crossed = {f"{POOL}.replicas.min": 9.0, f"{POOL}.replicas.max": 7.0}
    scaler = scenario.design(usual | crossed).pools[0].autoscaler
    assert (scaler.min_replicas, scaler.max_replicas) == (7, 7)


@pytest.mark.parametrize(
    ("start", "drawn"),
    [
        ("{duration: 3min, deadline: 10min}", (0.0, 180.0)),
        ("{node: 1min, engine_start: 2min, deadline: 10min}", (60.0, 120.0)),
        ("{normal: {mean: 3min, sd: 0s}, deadline: 10min}", (0.0, 180.0)),
    ],
)
def test_a_start_may_have_a_deadline(minimal, tmp_path, start, drawn):
    scenario = load_scenario(minimal, [*HPA, f"{POOL}.cold_start={start}"])
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(scenario.to_yaml())
    for path, overrides in ((minimal, [*HPA, f"{POOL}.cold_start={start}"]), (resolved, [])):
        cold = pool_of(path, *overrides).lifecycle.cold_start
        assert cold.deadline_s == 600
        assert cold.draw(np.random.default_rng(0)) == drawn


def test_the_weights_of_a_model_may_be_given(minimal):
    start = f"{POOL}.cold_start={{weights: 100 GB, load_bandwidth: 5 GB/s, graph_capture: 9s}}"
    life = pool_of(minimal, *HPA, start).lifecycle
    assert life.cold_start.draw(np.random.default_rng(0)) == (0.0, 29.0)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            [*HPA, f"{POOL}.replicas={{min: 8, max: 4}}"],
            f"{POOL}.replicas.max: 4 must be at least min (8)",
        ),
        (
            [*HPA, f"{POOL}.replicas={{min: 2, max: 4, initial: 9}}"],
            f"{POOL}.replicas.initial: 9 must be from min to max (2 and 4)",
        ),
        (
            [*HPA, f"{POOL}.replicas={{min: 2}}"],
            f"{POOL}.replicas: has no max (add max, such as max: 40)",
        ),
        (
            [*HPA, f"{POOL}.replicas={{min: 0, max: 3}}"],
            f"{POOL}.replicas.min: 0 must be at least 1 for hpa (keda and knative scale to "
            "zero)",
        ),
        (
            [*HPA, f"{POOL}.replicas=3"],
            f"{POOL}.replicas: has no limits for the autoscaler (such as replicas: "
            "{min: 2, max: 40})",
        ),
        (
            SCALED,
            f"{POOL}.autoscaler: is missing, as replicas has limits "
            "(such as autoscaler: {preset: hpa, target_concurrency: 24})",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler=none"],
            f"{POOL}.replicas: has no initial, which none keeps (add initial)",
        ),
        (
            [*HPA, f"{POOL}.autoscaler.target_concurrency=0"],
            f"{POOL}.autoscaler.target_concurrency: 0 must be greater than 0 "
            "(a replica can serve something: give what it serves well)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler=keda"],
            f"{POOL}.autoscaler: has no target "
            "(add target_concurrency, such as target_concurrency: 24)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: predictive, target_running: 9, "
             "target_queue: 3}"],
            f"{POOL}.autoscaler.target_running: goes beside target_queue, must be the only one "
            "for predictive (remove one)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: keda, target_running: 9, target_queue: 3, "
             "activation_threshold: 2}"],
            f"{POOL}.autoscaler.activation_threshold: goes with one target, and there are 2 "
            "(remove it)",
        ),
        (
            [*HPA, f"{POOL}.autoscaler.full_kv=90%"],
            f"{POOL}.autoscaler.full_kv: has no meaning without target_saturation (remove it)",
        ),
        (
            [*HPA, f"{POOL}.autoscaler.metric_window=1min"],
            f"{POOL}.autoscaler.metric_window: needs a scrape_interval above 0 "
            "(add scrape_interval, such as scrape_interval: 15s)",
        ),
        (
            [*HPA, f"{POOL}.autoscaler.metric_window=10s",
             f"{POOL}.autoscaler.scrape_interval=15s"],
            f"{POOL}.autoscaler.metric_window: 10 must be at least scrape_interval (15)",
        ),
        (
            [*HPA, f"{POOL}.autoscaler.cooldown=3min"],
            f"{POOL}.autoscaler.cooldown: has no meaning for hpa (remove it)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: knative, target_queue: 3}}"],
            f"{POOL}.autoscaler.target_queue: has no meaning for knative (remove it)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: knative, stable_window: 6s}}"],
            f"{POOL}.autoscaler.panic_window: is shorter than a sample of the metric (1s) "
            "(see stable_window)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: planner, predictor: kalman}}"],
            f"{POOL}.autoscaler: has no target (add target_ttft: 500ms, target_itl: 50ms, or both)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: planner, target_itl: 9ms, target_queue: 3}}"],
            f"{POOL}.autoscaler.target_queue: has no meaning for planner (remove it)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: hpa, target_itl: 9ms, target_queue: 3}}"],
            f"{POOL}.autoscaler.target_itl: has no meaning for hpa (remove it)",
        ),
        (
            [f"{POOL}.gateway.flow_control={{full_kv: 120%}}"],
            f"{POOL}.gateway.flow_control.full_kv: '120%' must be at most 1",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler=kedda"],
            f"{POOL}.autoscaler: 'kedda' must be one of hpa, keda, knative, scheduled, predictive, "
            "planner, "
            "custom, none (did you mean 'keda'?)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler=custom"],
            f"{POOL}.autoscaler.process: is missing "
            "(name what sim.engine.control.AUTOSCALERS holds, or module:function)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler=scheduled"],
            f"{POOL}.autoscaler.schedule: is missing "
            "(such as schedule: [{at: 07:00, replicas: 8}, {at: 20:00, replicas: 2}])",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: scheduled, schedule: "
             "[{at: 7, replicas: 3}]}"],
            f"{POOL}.autoscaler.schedule.0.at: 7 must be a time of day such as 07:30",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: scheduled, schedule: "
             "[{at: 07:00, replicas: 3, days: weekday}]}"],
            f"{POOL}.autoscaler.schedule.0.days: 'weekday' must be daily, weekdays, weekend or a "
            "list such as [mon, fri] (did you mean 'weekdays'?)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: scheduled, schedule: "
             "[{at: 07:00, replicas: 50}]}"],
            f"{POOL}.autoscaler.schedule.0.replicas: 50 must be from min to max of replicas "
            "(2 and 40)",
        ),
        (
            [*SCALED, f"{POOL}.autoscaler={{preset: keda, target_queue: 3, idle_replicas: 2}}"],
            f"{POOL}.autoscaler.idle_replicas: 2 must be less than min of replicas (2)",
        ),
        (
            [*HPA, f"{POOL}.autoscaler.scale_up={{policies: [{{period: 15s}}]}}"],
            f"{POOL}.autoscaler.scale_up.policies.0: must have either percent or pods",
        ),
        (
            [*HPA, f"{POOL}.capacity={{limit: 1}}"],
            f"{POOL}.capacity.limit: 1 must be at least min of replicas (2)",
        ),
        (
            [*HPA, f"{POOL}.capacity={{outage: 1h}}"],
            f"{POOL}.capacity: has no available beside it (add available)",
        ),
        (
            [*HPA, f"{POOL}.cold_start={{image_pull: 1min, weights: 9 GB}}"],
            f"{POOL}.cold_start.weights: has no load_bandwidth beside it "
            "(add load_bandwidth: 2 GB/s)",
        ),
        (
            [*HPA, f"{POOL}.cold_start={{deadline: 10min}}"],
            f"{POOL}.cold_start: has a deadline and no time (add the time itself, such as "
            "duration: 3min)",
        ),
        (
            [*HPA, f"{POOL}.cold_start={{duration: 3min, deadline: 0s}}"],
            f"{POOL}.cold_start.deadline: '0s' must be greater than 0",
        ),
        (
            [*HPA, f"{POOL}.cold_start={{duration: 3min, node: 1min}}"],
            f"{POOL}.cold_start.duration: is the whole time, beside parts of it "
            "(leave out one or the other)",
        ),
        (
            [*HPA, f"{POOL}.cold_start={{image_pull: 1min, nodes: 1min}}"],
            f"{POOL}.cold_start.nodes: unknown key (did you mean 'node'?)",
        ),
        (
            [HPA[0], HPA[2]],
            f"{POOL}.cold_start: is missing, and the autoscaler starts replicas "
            "(such as cold_start: {lognormal: {p50: 3min, p95: 8min}})",
        ),
        (
            [f"{POOL}.failures=a100-rsc1"],
            f"{POOL}.cold_start: is missing, and lost replicas are replaced "
            "(such as cold_start: {lognormal: {p50: 3min, p95: 8min}})",
        ),
        (
            [f"{POOL}.cold_start=3min", f"{POOL}.spot={{life: 1min}}"],
            f"{POOL}.spot.notice: 2min must be shorter than the mean life (60s) (see life)",
        ),
        (
            [f"{POOL}.cold_start=3min", f"{POOL}.failures={{repair: 1h}}"],
            f"{POOL}.failures.repair: has no meaning without crashes (add crashes_per_gpu_hour)",
        ),
        (
            [f"{POOL}.cold_start=3min", f"{POOL}.failures={{}}"],
            f"{POOL}.failures: has neither crashes nor stragglers "
            "(add crashes_per_gpu_hour, or one of h100-llama3, a100-rsc1)",
        ),
        (
            [f"{POOL}.cold_start=3min",
             f"{POOL}.failures={{stragglers: {{share: 1%, slowness: 2, slow: 1h}}}}"],
            f"{POOL}.failures.stragglers: has no fast beside it (add fast)",
        ),
    ],
)  # fmt: skip
def test_what_a_fleet_cannot_mean_is_told(minimal, overrides, expected):
    assert expected in problems(minimal, *overrides)


@pytest.mark.parametrize(
    ("override", "warning"),
    [
        (
            f"{POOL}.cold_start=3min",
            f"{POOL}: cold_start, capacity and drain_limit make no difference, as no replica ever "
            "comes or goes",
        ),
        (
            f"{POOL}.gateway.on_replica_loss=resend",
            f"{POOL}.gateway.on_replica_loss: makes no difference, as no replica is ever lost",
        ),
    ],
)
def test_what_makes_no_difference_is_warned_of(minimal, override, warning):
    assert list(load_scenario(minimal, [override]).warnings) == [warning]


@pytest.mark.parametrize(("dtype", "ratio"), [("fp8", 1.0), ("auto", 1.0), ("bf16", 2.0)])
def test_another_precision_of_the_cache_changes_what_it_holds_and_how_it_is_read(
    tmp_path, dtype, ratio
):
    """The checkpoint of NVIDIA asks for a cache in FP8."""
    path = written(tmp_path, MINIMAL)
    own = profile(SERVICE)
    override = f"backends.large.engine={{kv_cache_dtype: {dtype}}}"
    assert own.kv_cache_dtype == "fp8" and own.model == "llama-3.3-70b"
    cast = load_scenario(path, [override]).typical_design().pools[0].profile
    assert cast.kv_capacity_tokens == own.kv_capacity_tokens / ratio // 16 * 16
    ratios = np.divide(cast.step_s_per_kv_token, own.step_s_per_kv_token)
    assert ratios == pytest.approx(ratio)
    given = f"backends.large.engine={{kv_cache_dtype: {dtype}, kv_capacity_tokens: 200000}}"
    fixed = load_scenario(path, [given]).typical_design().pools[0].profile
    assert fixed.kv_capacity_tokens == 200_000
    assert fixed.step_s_per_kv_token == cast.step_s_per_kv_token


def test_a_precision_that_is_none_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="kv_cache_dtype: 'fp7' must be one of auto, fp16"):
        load_scenario(written(tmp_path, MINIMAL), ["backends.large.engine={kv_cache_dtype: fp7}"])
