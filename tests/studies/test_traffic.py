"""A trace made by a known workload gives that workload back; chance is allowed for by its size."""

import math
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from places import REAL

from sim.catalog.logs import TraceColumns, read_trace
from sim.errors import TraceError
from sim.model.arrivals import YEAR_S, Dispersion, RateCurve, Renewal
from sim.model.arrivals.shape import DAY_S
from sim.model.distributions import Gamma, LogNormal
from sim.model.generated import GeneratedSource
from sim.model.lengths import Lengths
from sim.model.streams import Streams
from sim.model.trace import Trace
from sim.model.workload import Prefixes
from sim.scenario import load_scenario
from sim.studies.traffic import traffic, workload_yaml

MONDAY = datetime(2026, 1, 5)
DAY = 1 + 0.5 * np.sin(2 * np.pi * np.arange(24) / 24)


def trace_of(source: GeneratedSource, days: float, began: datetime | None = MONDAY) -> Trace:
    blocks = list(source.blocks("chat", Streams(7, 0), 0.0, days * DAY_S))
    arrival = np.concatenate([block.arrival_s for block in blocks])
    prompt, output = (np.concatenate([getattr(block, name) for block in blocks])
                      for name in ("prompt_tokens", "output_tokens"))  # fmt: skip
    return Trace(arrival - arrival[0], prompt, output, "a.csv", began=began)


def source(per_s: float = 0.2, days: float = 15, growth: float = 1.0, **options: object):
    hours = np.arange(int(days * 24) + 1)
    rate = per_s * np.tile(DAY, int(days) + 1)[: len(hours) - 1]
    rate = rate * growth ** ((hours[:-1] + 0.5) * 3600 / YEAR_S)
    curve = RateCurve(hours * 3600.0, rate)
    lengths = {"prompt": Lengths(LogNormal(6.0, 0.8)), "output": Lengths(LogNormal(5.0, 0.5))}
    return GeneratedSource(curve, **{**lengths, **options})


def test_the_shape_of_the_day_and_the_rate_come_back() -> None:
    found = traffic(trace_of(source(), 10)).rate
    assert found.shape.days == 7
    expected = np.concatenate([DAY / DAY.mean()] * 7)
    # An hour of the week is seen in five (weekdays) or two days: 3,600 or 1,400 requests.
    np.testing.assert_allclose(found.shape.multipliers(), expected, rtol=0.15)
    assert found.per_s == pytest.approx(0.2, rel=0.02)
    assert found.gap_cv == 1
    assert found.dispersion is None
    assert found.growth is None


@pytest.mark.parametrize("days", [1, 7])
def test_a_log_of_a_day_or_week_tells_its_shape_though_it_ends_before_midnight(days: int) -> None:
    whole = trace_of(source(1.0), days)
    cut = whole.arrival_s < days * DAY_S - 700.0
    arrival = whole.arrival_s[cut]
    rate = traffic(
        Trace(arrival, whole.prompt_tokens[cut], whole.output_tokens[cut], "a.csv", began=MONDAY)
    ).rate
    assert rate.shape.days == days
    expected = np.tile(DAY, days) / DAY.mean()
    np.testing.assert_allclose(rate.shape.multipliers(), expected, rtol=0.15)
    assert rate.per_s == pytest.approx(1.0, rel=0.03)


def test_a_trace_that_begins_at_noon_has_its_shape_by_the_clock() -> None:
    whole = trace_of(source(1.0), 3)
    late = whole.arrival_s >= DAY_S / 2
    arrival = whole.arrival_s[late] - whole.arrival_s[late][0]
    part = Trace(arrival, whole.prompt_tokens[late], whole.output_tokens[late], "a.csv",
                 began=datetime(2026, 1, 5, 12))  # fmt: skip
    found = traffic(part)
    np.testing.assert_allclose(found.rate.shape.multipliers(), DAY / DAY.mean(), rtol=0.1)
    undated = traffic(Trace(arrival, part.prompt_tokens, part.output_tokens, "a.csv"))
    assert any("taken as midnight" in remark for remark in undated.remarks)
    shifted = np.roll(DAY, -12) / DAY.mean()
    np.testing.assert_allclose(undated.rate.shape.multipliers(), shifted, rtol=0.1)


@pytest.mark.parametrize("cv", [0.5, 2.0, 4.0])
def test_burstiness_comes_back(cv: float) -> None:
    found = traffic(trace_of(source(1.0, gaps=Renewal(cv)), 1.5)).rate
    assert found.gap_cv == pytest.approx(cv, rel=0.06)


def test_dispersion_and_how_long_swings_last_come_back() -> None:
    given = Dispersion(0.4, 2400.0)
    found = traffic(trace_of(source(0.5, dispersion=given), 14)).rate.dispersion
    assert found is not None
    # 500 correlation times: the standard error of cv² is some 10 %.
    assert found.cv == pytest.approx(0.4, rel=0.15)
    assert found.timescale_s == pytest.approx(2400, rel=0.3)


def test_growth_is_an_interval_and_is_not_read_into_chance() -> None:
    found = traffic(trace_of(source(0.1, 57, growth=5.0), 56)).rate.growth
    assert found is not None
    assert found[0] < 5.0 < found[1] < 3 * found[0]
    flat = traffic(trace_of(source(0.05, 36), 35))
    assert flat.rate.growth is None
    assert any("told from chance" in remark for remark in flat.remarks)


def test_lognormal_lengths_and_their_correlation_come_back() -> None:
    found = traffic(trace_of(source(rank_correlation=0.4), 3))
    assert found.prompt.kind == found.output.kind == "lognormal"
    written = found.prompt.written["lognormal"]
    assert written["p50"] == pytest.approx(math.exp(6.0), rel=0.03)
    assert written["sigma"] == pytest.approx(0.8, rel=0.03)
    assert found.correlation == pytest.approx(0.4, abs=0.02)
    assert traffic(trace_of(source(), 3)).correlation == 0.0


def test_other_lengths_are_their_own_table_with_the_same_mean_and_tail() -> None:
    trace = trace_of(source(prompt=Lengths(Gamma.from_mean_cv(900, 0.3))), 3)
    two = np.where(np.arange(len(trace.arrival_s)) % 3 == 0, trace.prompt_tokens * 20, 50)
    mixed = Trace(trace.arrival_s, two.astype(np.int32), trace.output_tokens, "a.csv")
    law = traffic(mixed).prompt
    assert law.kind == "empirical"
    table = law.written["empirical"]
    mean = np.average(table["values"], weights=table.get("weights"))
    assert mean == pytest.approx(two.mean(), rel=1e-3)
    levels = np.linspace(0.005, 0.995, 500)
    levels = levels[np.abs(levels - 2 / 3) > 0.012]  # but for the bin that holds both kinds
    np.testing.assert_allclose(law.ppf(levels), np.quantile(two, levels), rtol=0.1)


def test_one_length_is_one_number() -> None:
    trace = trace_of(source(), 2)
    same = np.full(len(trace.arrival_s), 77, np.int32)
    assert traffic(Trace(trace.arrival_s, same, trace.output_tokens, "a.csv")).prompt.written == 77


def sessions(carry: bool) -> Trace:
    """1,500 sessions of 1, 2 or 3 calls, a minute apart."""
    draw = np.random.default_rng(3)
    rows = []
    for session in range(1500):
        at, held = session * 40.0, 0
        for _ in range(1 + session % 3):
            new, output = int(draw.integers(50, 150)), int(draw.integers(20, 40))
            prompt = new + (held if carry else 0)
            rows.append((at, prompt, output, session))
            held = prompt + output
            at += 60.0 * float(draw.lognormal(0, 0.3))
    rows.sort()
    arrival, prompt, output, session = (np.array(column) for column in zip(*rows, strict=True))
    return Trace(arrival - arrival[0], prompt.astype(np.int32), output.astype(np.int32), "a.csv",
                 session=session.astype(np.int64))  # fmt: skip


@pytest.mark.parametrize("carry", [True, False])
def test_sessions_are_tasks_of_several_calls(carry: bool) -> None:
    found = traffic(sessions(carry))
    following = found.follow_up
    assert following is not None
    assert following.calls == {"empirical": {"values": [1, 2, 3], "weights": [500, 500, 500]}}
    assert following.carry == float(carry)
    assert following.think_time["lognormal"]["p50"] == pytest.approx(60, rel=0.05)
    assert following.prompt.ppf(np.array([0.5]))[0] == pytest.approx(100, rel=0.05)
    assert found.rate.per_s == pytest.approx(1 / 40, rel=0.01)  # of sessions
    assert any("hold the time of the answer" in remark for remark in found.remarks)


def test_the_share_of_prompts_that_has_come_before_is_counted() -> None:
    n = 100
    names = np.concatenate([np.array([0, 1, 2 + i]) for i in range(n)])
    prefixes = Prefixes(np.full(n, 3, np.int32), names.astype(np.int64))
    prompt, output = np.full(n, 1500, np.int32), np.full(n, 10, np.int32)
    trace = Trace(np.arange(n) * 1.0, prompt, output, "a", prefixes=prefixes, block_tokens=512)
    assert traffic(trace).hit_rate == pytest.approx((n - 1) * 1024 / (n * 1500))


def test_rounded_times_are_told_from_bursts() -> None:
    whole = trace_of(source(2.0), 0.5)
    rounded = np.floor(whole.arrival_s / 5) * 5
    found = traffic(Trace(rounded, whole.prompt_tokens, whole.output_tokens, "a.csv"))
    assert found.rate.clock_s == 5.0
    assert found.rate.gap_cv == 1.0
    assert any("rounded to 5 s" in remark for remark in found.remarks)


def test_times_in_another_unit_are_asked_about() -> None:
    few = np.ones(100, np.int32)
    with pytest.raises(TraceError, match="spans 31 years"):
        traffic(Trace(np.arange(100.0) * 1e7, few, few, "a.csv"))
    with pytest.raises(TraceError, match="are its times in another unit"):
        traffic(Trace(np.arange(100.0) * 1e-8, few, few, "a.csv"))


def test_too_few_requests_are_refused() -> None:
    few = np.ones(20, np.int32)
    with pytest.raises(TraceError, match="20 requests within 19 s do not make"):
        traffic(Trace(np.arange(20.0), few, few, "a.csv"))
    many = np.ones(200, np.int32)
    with pytest.raises(TraceError, match="4 sessions within 199 s do not make"):
        traffic(Trace(np.arange(200.0), many, many, "a.csv", session=np.arange(200) % 4))


BACKEND = """
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 2
    price: {usd_per_gpu_hour: 2.99}
"""


@pytest.mark.parametrize("made", [trace_of(source(0.1, 57, growth=5.0, gaps=Renewal(2.0),
                                                  dispersion=Dispersion(0.4, 3600.0)), 56),
                                  sessions(True)])  # fmt: skip
def test_the_block_is_a_workload_of_a_scenario(made: Trace, tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text("name: x\nhorizon: {days: 1}\n" + workload_yaml(traffic(made)) + BACKEND)
    assert load_scenario(path).name == "x"


def test_windows_lie_inside_their_interval_as_often_as_it_says() -> None:
    found = traffic(trace_of(source(0.5, dispersion=Dispersion(0.3, 1800.0)), 10)).windows
    inside = (found["per_s"] >= found["low"]) & (found["per_s"] <= found["high"])
    assert 0.84 < inside.mean() < 0.95


def test_real_traces_are_answered_by_their_own_figures(tmp_path: Path) -> None:
    path = REAL / "azure_llm_2023" / "AzureLLMInferenceTrace_conv.csv.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data/azure_llm_2023")
    trace = read_trace(str(path))
    assert trace.began == datetime(2023, 11, 16, 18, 15, 46, 680590)
    found = traffic(trace)
    assert found.rate.per_s == pytest.approx(19366 / 3502, rel=0.01)
    assert found.prompt.ppf(np.array([0.5]))[0] == pytest.approx(1020, rel=0.01)
    assert abs(found.correlation) < 0.2
    fit = found.dispersions
    np.testing.assert_allclose(fit["model"], fit["data"], rtol=0.15)


def test_times_with_dates_say_when_a_trace_began(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("at,in,out\n2026-01-07 12:30:00.5,5,5\n2026-01-07 12:30:02,5,5\n")
    columns = TraceColumns("at", "in", "out", "datetime")
    assert read_trace(str(path), columns).began == datetime(2026, 1, 7, 12, 30, 0, 500_000)


def odd_trace(seed: int) -> Trace:
    """A small trace of any span, with times, tokens, sessions and blocks of any kind."""
    draw = np.random.default_rng(seed)
    n = int(draw.choice([50, 51, 60, 200, 1000]))
    span = float(draw.choice([1.0, 100, 3600, 1.5 * DAY_S, 7.2 * DAY_S, 40 * DAY_S, 400 * DAY_S]))
    times = {
        0: lambda: draw.uniform(0, span, n),
        1: lambda: draw.choice([0, span / 2, span], n),
        2: lambda: np.floor(draw.uniform(0, 30, n)) * span / 30,
        3: lambda: np.cumsum(draw.pareto(0.7, n)) * span / n,
    }
    arrival = np.sort(times[seed % 4]())

    def tokens(kind: int) -> np.ndarray:
        if kind == 0:
            return np.ones(n, np.int32)
        if kind == 1:
            return draw.choice([1, 10**6], n).astype(np.int32)
        return np.minimum(draw.pareto(0.3, n) + 1, 10**8).astype(np.int32)

    session = prefixes = None
    if seed % 3 == 0:
        drawn = draw.integers(0, max(n // 3, 1), n)
        session = np.unique(drawn, return_inverse=True)[1].astype(np.int64)
    if seed % 5 == 0:
        count = draw.integers(0, 4, n).astype(np.int32)
        prefixes = Prefixes(count, draw.integers(0, 50, int(count.sum())).astype(np.int64))
    kinds = draw.integers(0, 3, 2)
    return Trace(arrival - arrival[0], tokens(kinds[0]), tokens(kinds[1]), "1 odd:{name}.csv",
                 session=session, prefixes=prefixes, block_tokens=16 if seed % 5 == 0 else 0,
                 began=MONDAY if seed % 2 else None)  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_an_odd_trace_is_a_workload_or_refused(seed: int, tmp_path: Path) -> None:
    try:
        found = traffic(odd_trace(seed))
    except TraceError as error:
        assert "do not make" in str(error) or "another unit" in str(error)
        return
    path = tmp_path / "scenario.yaml"
    path.write_text("name: x\nhorizon: {days: 1}\n" + workload_yaml(found) + BACKEND)
    assert load_scenario(path).name == "x"
