import gzip
import json
import math
import pickle
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from scenario_documents import (
    AZURE_TRACE,
    EVERYTHING,
    MINIMAL,
    QUICKSTART,
    SERVICE,
    SHIPPED,
    written,
)

from sim.catalog import default_gpu_price, gpu_price, profile, write_profile
from sim.errors import ScenarioError
from sim.model.arrivals import Dispersion, Renewal, SpecialEvent
from sim.model.distributions import Constant, LogNormal
from sim.model.lengths import Lengths
from sim.model.streams import Streams
from sim.model.trace import TraceSource
from sim.model.workload import Slo
from sim.scenario import load_scenario
from sim.scenario.resolution import default_bin_s

DAY_S = 86_400.0


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


@pytest.fixture
def everything(tmp_path):
    return written(tmp_path, EVERYTHING)


def at_level(scenario, level):
    """Every uncertain input at one level of its distribution."""
    u = np.array([level])
    return {one.path: float(one.distribution.ppf(u)[0]) for one in scenario.inputs}


def first_requests(design, workload=0, end_s=3 * 3600.0):
    """The first blocks of a workload's requests, as plain lists."""
    end_s = min(end_s, design.horizon.duration_s)
    source, name = design.workloads[workload].source, design.workloads[workload].name
    horizon = design.horizon
    end_s = min(end_s, horizon.duration_s)
    blocks = source.blocks(name, Streams(3, 1), -horizon.warm_up_s, end_s)
    return [_plain(block) for block in blocks]


def _plain(value):
    """Arrays, and tuples of them, as lists."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return None if value is None else value.tolist()


def assert_same_design(one, other):
    """Two designs simulate the same thing."""
    assert (one.name, one.horizon, one.pools) == (other.name, other.horizon, other.pools)
    but_requests = [replace(w, source=None) for w in one.workloads]
    assert but_requests == [replace(w, source=None) for w in other.workloads]
    for index in range(len(one.workloads)):
        assert first_requests(one, index) == first_requests(other, index)


def test_a_minimal_scenario_has_documented_defaults(minimal):
    scenario = load_scenario(minimal)
    design = scenario.design(at_level(scenario, 0.5))
    assert (scenario.name, scenario.worlds, scenario.seed) == ("minimal", 200, 0)
    assert design.horizon.start == datetime(2026, 1, 5)
    assert design.horizon.start.weekday() == 0
    assert design.horizon.duration_s == DAY_S
    assert design.horizon.warm_up_s == 1800
    assert design.horizon.bin_s == 900
    (pool,) = design.pools
    assert (pool.name, pool.replicas, pool.router) == ("large", 2, "least_loaded")
    assert pool.profile == profile(SERVICE)
    assert pool.price.usd_per_gpu_hour == default_gpu_price("h100-sxm").usd_per_gpu_hour
    (workload,) = design.workloads
    assert workload.pool == "large"
    assert workload.slo == Slo()
    source = workload.source
    assert source.prompt == Lengths(Constant(1000.0))
    assert source.gaps == Renewal(1.0)
    assert source.dispersion is None
    assert source.curve.rate_per_s.tolist() == pytest.approx([100_000 / DAY_S] * 2)


def test_the_fit_error_of_a_profile_is_an_uncertain_input(minimal):
    """Where the joint error of its coefficients is not known."""
    by_hand = "llama-3-70b/h100-sxm/tp4/fp16/vllm-2024"
    scenario = load_scenario(minimal, [f"backends.large.service={by_hand}"])
    (one,) = scenario.inputs
    assert one.path == "backends.large.throughput_factor"
    assert isinstance(one.distribution, LogNormal)
    assert one.distribution.mu == 0
    deviation = np.abs(np.log(one.distribution.ppf((np.arange(10**5) + 0.5) / 10**5))).mean()
    assert deviation == pytest.approx(profile(by_hand).fit_error, rel=1e-3)
    pool = scenario.design({one.path: 2.0}).pools[0]
    assert pool.profile == profile(by_hand).sped_up(2.0)


def test_a_throughput_factor_of_one_takes_the_profile_as_it_is(minimal):
    scenario = load_scenario(minimal, ["backends.large.throughput_factor=1"])
    assert scenario.inputs == ()
    assert scenario.design({}).pools[0].profile == profile(SERVICE)


def test_every_key_reaches_the_design(everything):
    scenario = load_scenario(everything)
    design = scenario.design(at_level(scenario, 0.5))
    first, second = (workload.source for workload in design.workloads)
    large, small = design.pools
    assert design.horizon.start == datetime(2026, 11, 23)
    assert (design.horizon.duration_s, design.horizon.warm_up_s) == (26 * 3600, 600)
    users, each = (
        1000,
        at_level(scenario, 0.5)["workloads.first.arrivals.requests_per_user_per_day"],
    )
    hour = first.curve.rate_per_s[(first.curve.edges_s[:-1] >= 8 * 3600)][0]
    assert hour == pytest.approx(users * each / DAY_S * 9 / 12.5, rel=1e-3)
    values = at_level(scenario, 0.5)
    timescale_s = values["workloads.first.arrivals.dispersion.timescale"]
    assert timescale_s == pytest.approx(3600)
    assert first.dispersion == Dispersion(0.3, timescale_s)
    assert first.gaps == Renewal(values["workloads.first.arrivals.burstiness.cv"], "weibull")
    assert (first.prompt.minimum, first.prompt.maximum) == (5, 20_000)
    assert first.output.distribution.values == (1.0, 5.0, 100.0)
    assert first.rank_correlation == pytest.approx(0.05)
    assert first.prompt_growth_per_year in (1, 2)
    assert second.curve.rate_per_s[0] == pytest.approx(2, rel=0.05)
    assert second.prompt.distribution.mean() == pytest.approx(math.sqrt(3000 * 5000))
    slo = design.workloads[0].slo
    assert (slo.ttft_s, slo.e2e_s, slo.tpot_s, slo.attainment) == (2.0, 30.0, 0.05, 0.99)
    assert (large.replicas, large.router) == (4, "power_of_two")
    assert large.profile.max_num_seqs == 100
    assert large.profile.kv_capacity_tokens == 300_000
    assert large.price.usd_per_gpu_hour == pytest.approx(2.5)
    assert (large.price.billing_granularity_s, large.price.as_of) == (3600, "2026-08")
    assert small.price == gpu_price("aws", "h100-sxm")
    assert small.replicas == round(math.sqrt(3))


def test_an_event_starts_at_its_moment_or_offset(everything):
    scenario = load_scenario(everything)
    curve = scenario.design(at_level(scenario, 0.5)).workloads[0].source.curve
    start_s = 10 * 3600
    factor = at_level(scenario, 0.5)["workloads.first.arrivals.events.0.factor"]
    index = int(np.searchsorted(curve.edges_s, start_s))
    shape = 11 / 10  # the hour before it against its own
    expected = curve.rate_per_s[index - 1] * shape * factor
    assert curve.rate_per_s[index] == pytest.approx(expected, rel=1e-3)


def test_inputs_are_sorted_and_named_by_their_paths(everything):
    paths = [one.path for one in load_scenario(everything).inputs]
    assert paths == sorted(paths)
    assert set(paths) == {
        "backends.large.price.usd_per_gpu_hour",
        "backends.large.replicas",
        "backends.large.throughput_factor",
        "backends.small.replicas",
        "backends.small.throughput_factor",
        "workloads.first.arrivals.burstiness.cv",
        "workloads.first.arrivals.dispersion.timescale",
        "workloads.first.arrivals.events.0.factor",
        "workloads.first.arrivals.events.1.start",
        "workloads.first.arrivals.growth_per_year",
        "workloads.first.arrivals.requests_per_user_per_day",
        "workloads.first.context_creep_per_year",
        "workloads.first.prompt_tokens.mixture.1.exponential.mean",
        "workloads.first.prompt_tokens.mixture.1.weight",
        "workloads.first.token_correlation",
        "workloads.second.arrivals.burstiness",
        "workloads.second.arrivals.requests_per_second",
        "workloads.second.prompt_tokens.lognormal.mean",
    }


def test_an_input_moves_its_own_part_of_the_design_only(everything):
    scenario = load_scenario(everything)
    usual = at_level(scenario, 0.5)
    path = "workloads.second.arrivals.requests_per_second"
    one, other = scenario.design(usual), scenario.design(usual | {path: 2 * usual[path]})
    assert one.pools == other.pools
    assert first_requests(one, 0) == first_requests(other, 0)
    rates = [design.workloads[1].source.curve.rate_per_s for design in (one, other)]
    assert rates[1].tolist() == pytest.approx((2 * rates[0]).tolist())


@pytest.mark.parametrize("text", [MINIMAL, EVERYTHING], ids=["minimal", "everything"])
@pytest.mark.parametrize("level", [0.01, 0.5, 0.99])
def test_the_resolved_document_gives_the_same_designs(tmp_path, text, level):
    scenario = load_scenario(written(tmp_path, text), ["horizon.warm_up=5min"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    again = load_scenario(written(elsewhere, scenario.to_yaml()))
    assert again.document == scenario.document
    assert again.inputs == scenario.inputs
    values = at_level(scenario, level)
    assert_same_design(again.design(values), scenario.design(values))


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_scenarios_load_without_warnings_and_round_trip(tmp_path, path):
    scenario = load_scenario(path)
    sides = path.stem in ("breakeven", "from_a_bill")  # of which each serves all alone
    expected = ("over a year ago", *(["yet it costs"] if sides else []))
    assert [w for w in scenario.warnings if not any(each in w for each in expected)] == []
    again = load_scenario(written(tmp_path, scenario.to_yaml()))
    values = at_level(scenario, 0.7)
    assert again.document == scenario.document
    assert_same_design(again.design(values), scenario.design(values))


def test_the_resolved_document_is_json_in_si_units(everything):
    document = load_scenario(everything).document
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    first = document["workloads"]["first"]
    assert document["horizon"] == {
        "start": "2026-11-23", "duration": 93_600, "warm_up": 600, "bin": 3600, "end": "cut",
    }  # fmt: skip
    assert first["arrivals"]["dispersion"]["timescale"] == {"p5": 1800, "p95": 7200}
    assert first["slo"] == {"ttft_p95": 2, "e2e_p99": 30, "tpot_p50": 0.05}
    assert document["backends"]["small"]["price"] == {
        "usd_per_gpu_hour": gpu_price("aws", "h100-sxm").usd_per_gpu_hour,
        "purchase": "on_demand",
        "billing": "per_second",
        "source": gpu_price("aws", "h100-sxm").source,
        "as_of": gpu_price("aws", "h100-sxm").as_of,
    }


@pytest.mark.parametrize("name", ["010", "yes: no", "2026", "null", "1e3", " x ", "#", "é"])
def test_any_name_survives_the_round_trip(tmp_path, name):
    path = written(tmp_path, MINIMAL.replace("name: minimal", f"name: {json.dumps(name)}"))
    scenario = load_scenario(path)
    assert scenario.name == name
    assert load_scenario(written(tmp_path, scenario.to_yaml())).name == name


@pytest.mark.parametrize("path", [QUICKSTART, AZURE_TRACE], ids=lambda path: path.stem)
def test_a_pickled_scenario_gives_the_same_designs(path):
    scenario = load_scenario(path)
    values = at_level(scenario, 0.3)
    again = pickle.loads(pickle.dumps(scenario))
    assert again.inputs == scenario.inputs
    assert_same_design(again.design(values), scenario.design(values))


def test_a_scenario_without_a_trace_is_small_to_pickle(everything):
    assert len(pickle.dumps(load_scenario(everything))) < 50_000


def test_overrides_apply_in_order_and_may_add_keys(minimal):
    scenario = load_scenario(
        minimal,
        [
            "backends.large.replicas=5",
            "backends.large.replicas=8",
            "workloads.chat.slo.ttft_p95=2s",
            "workloads.chat.arrivals.requests_per_day={p5: 1k, p95: 3k}",
            "workloads.chat.arrivals.events=[{start: 1h, duration: 1h, factor: 2}]",
            "workloads.chat.arrivals.events.0.factor=3",
            "name=a=b",
        ],
    )
    design = scenario.design(at_level(scenario, 0.5))
    assert scenario.name == "a=b"
    assert design.pools[0].replicas == 8
    assert design.workloads[0].slo == Slo(ttft_s=2.0)
    assert design.workloads[0].source.curve.rate_per_s.max() == pytest.approx(
        3 * math.sqrt(3e6) / DAY_S
    )


def test_an_override_does_not_change_what_is_read_of_the_same_text_later(minimal):
    plain = load_scenario(minimal).to_yaml()
    slo = ["workloads.chat.slo.ttft_p95=2s", "backends.large.replicas=5"]
    assert load_scenario(minimal, slo).to_yaml() != plain
    assert load_scenario(minimal).to_yaml() == plain
    minimal.write_text(minimal.read_text() + "seed: 7\n")  # and what is written anew is read
    assert load_scenario(minimal).seed == 7


def test_an_override_does_not_change_what_an_alias_shares(tmp_path):
    text = MINIMAL.replace("  large:\n", "  large: &pool\n") + "  other: *pool\n"
    text = text.replace("    output_tokens: 200\n", "    output_tokens: 200\n    route: large\n")
    scenario = load_scenario(written(tmp_path, text), ["backends.other.replicas=9"])
    design = scenario.design(at_level(scenario, 0.5))
    assert [pool.replicas for pool in design.pools] == [2, 9]


@pytest.mark.parametrize(
    ("duration_s", "bin_s"),
    [
        (60.0, 60.0),
        (3600.0, 300.0),
        (8 * 3600.0, 300.0),
        (10 * 3600.0, 600.0),
        (DAY_S, 900.0),
        (7 * DAY_S, 900.0),
        (30 * DAY_S, 1800.0),
        (60 * DAY_S, 3600.0),
        (365 * DAY_S, 43_200.0),
        (3660 * DAY_S, 604_800.0),
    ],
)
def test_a_day_has_96_bins_and_no_horizon_more_than_1500(duration_s, bin_s):
    assert default_bin_s(duration_s) == bin_s
    assert duration_s / default_bin_s(duration_s) <= 1500


TRACE_ROWS = (
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2026-11-23 14:00:00.0000000,374,44\r\n"
    "2026-11-23 14:30:00.5000000,396,109\r\n"
    "2026-11-23 15:00:00.2500000,879,55\r\n"
)
REPLAY = MINIMAL.replace("{requests_per_day: 100k}", "{trace: {file: log.csv}}").replace(
    "    prompt_tokens: 1000\n    output_tokens: 200\n", ""
)


def test_a_trace_played_once_sets_the_horizon_and_needs_no_warm_up(tmp_path):
    written(tmp_path, TRACE_ROWS, "log.csv")
    path = written(tmp_path, REPLAY.replace("horizon: {days: 1}\n", ""))
    scenario = load_scenario(path)
    design = scenario.design(at_level(scenario, 0.5))
    assert design.horizon.duration_s == math.ceil(3600.25 * 3 / 2)
    assert design.horizon.warm_up_s == 0
    source = design.workloads[0].source
    assert isinstance(source, TraceSource)
    assert source.trace.arrival_s.tolist() == [0.0, 1800.5, 3600.25]
    faster = load_scenario(path, ["workloads.chat.arrivals.trace.speed=2"])
    assert faster.design(at_level(faster, 0.5)).horizon.duration_s == math.ceil(3600.25 * 3 / 4)
    more = load_scenario(path, ["workloads.chat.arrivals.trace.rate_scale={p5: 2, p95: 9}"])
    assert more.design(at_level(more, 0.5)).horizon == design.horizon


def test_a_trace_may_be_compressed_looped_scaled_and_thinned(tmp_path):
    (tmp_path / "log.csv").write_bytes(gzip.compress(TRACE_ROWS.encode()))
    scenario = load_scenario(
        written(tmp_path, REPLAY),
        [
            "workloads.chat.arrivals.trace.mode=loop",
            "workloads.chat.arrivals.trace.thin=50%",
            "workloads.chat.arrivals.trace.rate_scale={p5: 1, p95: 4}",
            "workloads.chat.arrivals.trace.speed=1.5",
            "workloads.chat.arrivals.events=[{start: 34h, duration: 15min, factor: 3}]",
        ],
    )
    values = at_level(scenario, 0.5)
    source = scenario.design(values).workloads[0].source
    assert (source.mode, source.thin, source.speed) == ("loop", 0.5, 1.5)
    assert source.events == (SpecialEvent(34 * 3600.0, 900.0, 3.0),)
    assert scenario.design(values).workloads[0].spikes == ((34 * 3600.0, 34 * 3600.0 + 900),)
    assert source.rate_scale == values["workloads.chat.arrivals.trace.rate_scale"]
    assert scenario.design(values).horizon.warm_up_s == 1800


def test_any_columns_make_a_trace(tmp_path):
    written(tmp_path, "id;at\n", "ignored.csv")
    written(tmp_path, "at,in,out,who\n0,3,4,x\n1500,5,6,y\n", "log.csv")
    columns = "{timestamp: at, prompt_tokens: in, output_tokens: out, unit: ms}"
    scenario = load_scenario(
        written(tmp_path, REPLAY),
        [
            "workloads.chat.arrivals.trace.format=columns",
            f"workloads.chat.arrivals.trace.columns={columns}",
        ],
    )
    trace = scenario.traces["chat"]
    assert trace.arrival_s.tolist() == [0.0, 1.5]
    assert trace.output_tokens.tolist() == [4, 6]


def test_tables_and_shapes_come_from_csv_files_beside_the_scenario(tmp_path):
    written(tmp_path, "tokens,count\n10,1\n20,3\n", "lengths.csv")
    written(tmp_path, "hour,level\n" + "".join(f"{h},{1 + h % 2}\n" for h in range(24)), "day.csv")
    table = "{empirical: {csv: lengths.csv, column: tokens, weights_column: count}}"
    scenario = load_scenario(
        written(tmp_path, MINIMAL),
        [
            f"workloads.chat.prompt_tokens={table}",
            "workloads.chat.arrivals.shape={csv: day.csv, column: level}",
        ],
    )
    source = scenario.design(at_level(scenario, 0.5)).workloads[0].source
    assert source.prompt.distribution.mean() == pytest.approx(17.5)
    assert sorted(set(np.round(source.curve.rate_per_s * DAY_S / 100_000, 6))) == [
        pytest.approx(2 / 3, rel=1e-5),
        pytest.approx(4 / 3, rel=1e-5),
    ]
    (tmp_path / "elsewhere").mkdir()
    again = load_scenario(written(tmp_path / "elsewhere", scenario.to_yaml()))
    assert again.document == scenario.document


def test_a_users_own_profile_is_taken_by_its_path(tmp_path):
    write_profile(profile(SERVICE), tmp_path / "mine.yaml")
    scenario = load_scenario(written(tmp_path, MINIMAL), ["backends.large.service=mine.yaml"])
    pool = scenario.design(at_level(scenario, 0.5)).pools[0]
    assert pool.profile.kv_capacity_tokens == profile(SERVICE).kv_capacity_tokens
    assert scenario.document["backends"]["large"]["service"] == str(tmp_path / "mine.yaml")


def test_draws_beyond_a_keys_range_are_cut_off(minimal):
    scenario = load_scenario(minimal, ["backends.large.replicas={lognormal: {p50: 4, p95: 9}}"])
    replicas = next(one for one in scenario.inputs if one.path.endswith("replicas"))
    lowest = at_level(scenario, 2.0**-40)
    assert replicas.distribution.ppf(np.array([2.0**-40]))[0] == 1
    assert scenario.design(lowest).pools[0].replicas == 1


def test_a_value_that_no_world_draws_is_refused(minimal):
    scenario = load_scenario(minimal)
    with pytest.raises(ScenarioError, match=r"throughput_factor: -1 must be greater than 0"):
        scenario.design({"backends.large.throughput_factor": -1.0})
    with pytest.raises(ScenarioError, match="nan"):
        scenario.design({"backends.large.throughput_factor": math.nan})


@pytest.mark.parametrize(
    ("override", "warning"),
    [
        ("backends.large.price={usd_per_gpu_hour: 3, as_of: 2020-01}", "over a year ago"),
        ("workloads.chat.prompt_tokens={lognormal: {p50: 1k, p95: 60k}}", "will be rejected"),
        (
            "workloads.chat.arrivals.events=[{start: 3d, duration: 1h, factor: 2}]",
            "lies outside of the horizon",
        ),
    ],
)
def test_what_may_not_be_meant_is_warned_of(minimal, override, warning):
    assert load_scenario(minimal).warnings == ()
    (found,) = load_scenario(minimal, [override]).warnings
    assert warning in found


def test_a_shape_that_is_cut_short_is_warned_of(minimal):
    overrides = ["workloads.chat.arrivals.shape=azure-chat-2024", "horizon.days=0.25"]
    (warning,) = load_scenario(minimal, overrides).warnings
    assert "a horizon of 6h shows only a part of its day" in warning


def test_an_idle_backend_and_a_short_trace_are_warned_of(tmp_path):
    written(tmp_path, TRACE_ROWS.replace("55", "0"), "log.csv")
    pool = REPLAY[REPLAY.index("    kind") :]
    text = REPLAY.replace("log.csv}}", "log.csv}}\n    route: large") + "  idle:\n" + pool
    warnings = load_scenario(written(tmp_path, text)).warnings
    assert len(warnings) == 3
    assert "backends.idle: no workload is routed to it" in warnings[0]
    assert "1 row without prompt or output tokens is left out" in warnings[1]
    assert "ends after 3601s of 1d" in warnings[2]
