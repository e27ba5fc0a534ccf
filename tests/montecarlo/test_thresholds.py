"""Conditions that a run has to keep to."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.__main__ import main
from sim.errors import PeakfleetError
from sim.model.threshold import OPPOSITE, SHARES, Threshold
from sim.montecarlo.thresholds import check, judged
from sim.report.thresholds_text import threshold_lines
from sim.scenario import load_scenario
from sim.scenario.values.threshold import parse_threshold
from sim.scenario.values.units import UnitError

SHORT = """\
name: Short
horizon: {duration: 5min, warm_up: 1min}
workloads:
  chat:
    arrivals: {requests_per_second: 0.5}
    prompt_tokens: 500
    output_tokens: 50
    slo: {ttft_p95: 2s}
backends:
  large: {kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 1,
          price: {usd_per_gpu_hour: 3}}
worlds: 3
"""
MONTH_USD = 4 * 3 * 24 * 365.25 / 12  # of four GPUs: 8,766

SUMMARY = {
    "slo_met_share": 0.9,
    "slo_met_share_ci": [0.81, 0.96],
    "overloaded_share": 0.0,
    "overloaded_share_ci": [0.0, 0.02],
    "worlds": {
        "over_capacity": None,
        "loses_requests": {"count": 1, "of": 100, "share": 0.01, "share_ci": [0.0003, 0.054]},
    },
    "metrics": {
        "cost_usd": {"p5": 1.0, "p50": 2.0, "p95": 4.0, "mean": 2.2,
                     "p50_ci": [1.5, 2.5], "p95_ci": [3.0, None], "mean_ci": [None, None]},
    },
    "workloads": {"chat.v2": {"ttft_p95_s": {"p5": 1.0, "p50": 1.5, "p95": 2.0, "mean": 1.5,
                                             "p50_ci": [1.4, 1.6], "p95_ci": [1.9, 2.1]}}},
    "backends": {},
}  # fmt: skip


def one(text):
    (found,) = judged([parse_threshold(text)], SUMMARY)
    return found


@pytest.mark.parametrize(
    ("text", "figure", "kept", "certain"),
    [
        ("slo_met >= 95%", 0.9, False, False),  # 95 % is within 81 … 96 %
        ("slo_met >= 97%", 0.9, False, True),
        ("slo_met > 80%", 0.9, True, True),
        ("slo_met ≥ 0.9", 0.9, True, False),
        ("overloaded <= 1%", 0.0, True, False),
        ("overloaded < 5%", 0.0, True, True),
        ("loses_requests < 2%", 0.01, True, False),
        ("over_capacity < 2%", None, False, False),  # of no machines of one's own
        ("cost_usd < 3", 2.0, True, True),
        ("cost_usd:p50 < $2.2", 2.0, True, False),
        ("cost_usd:p95 <= 5", 4.0, True, False),  # how high nobody knows
        ("cost_usd:p95 <= 2.5", 4.0, False, True),  # but at least 3
        ("cost_usd:p5 > 0.5", 1.0, True, False),
        ("cost_usd:mean > 2", 2.2, True, False),
        ("workloads.chat.v2.ttft_p95_s:p95 < 2.5s", 2.0, True, True),
        ("workloads.chat.v2.ttft_p95_s < 1500ms", 1.5, False, False),
        ("workloads.other.ttft_p95_s < 1s", None, False, False),
    ],
)
def test_what_becomes_of_a_condition(text, figure, kept, certain):
    found = one(text)
    assert (found.figure, found.is_kept, found.is_certain) == (figure, kept, certain)


@given(
    st.sampled_from(sorted(OPPOSITE)),
    st.floats(-1e9, 1e9),
    st.floats(-1e9, 1e9),
)
def test_either_a_condition_or_its_opposite_is_kept(relation, value, figure):
    condition = Threshold("cost_usd", "p50", relation, value, str(value))
    assert condition.keeps(figure) != condition.negated().keeps(figure)
    assert condition.negated().negated() == condition


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a metric"),
        ("slo_met", "must be a metric"),
        ("slo_met == 95%", "must be a metric"),
        ("slo_met < 95% < 3", "must be a share"),
        ("slo_met:p50 < 95%", "is a share of worlds"),
        ("cost_usd:p99 < 95", "must be one of :p5, :p50, :p95, :mean"),
        ("ttft_p95_s < 5 apples", "'apples' is none of"),
        ("slo_met < 5 apples", "must be a share"),
        ("x" * 300 + " < 1", "must be a metric"),
    ],
)
def test_what_is_no_condition(text, said):
    with pytest.raises(UnitError, match=said):
        parse_threshold(text)


def test_an_unknown_metric_is_answered_with_the_nearest():
    with pytest.raises(PeakfleetError, match="did you mean 'slo_met'"):
        check([parse_threshold("slo_mt < 95%")], ["cost_usd"])
    with pytest.raises(PeakfleetError, match="did you mean 'cost_usd'"):
        check([parse_threshold("cost_us < 95")], ["cost_usd"])
    check([parse_threshold(f"{name} < 1") for name in (*SHARES, "cost_usd")], ["cost_usd"])


def test_lines_say_how_sure_they_are():
    judgements = judged(
        [parse_threshold(text) for text in ("slo_met >= 95%", "cost_usd:p95 <= 2.5")], SUMMARY
    )
    first, second = threshold_lines([each.as_json() for each in judgements])
    assert "✗ missed" in first
    assert first.endswith("90 % (81 % … 96 %); more worlds may decide otherwise")
    assert "✗ missed" in second
    assert second.endswith("4.000 USD (3.000 … ?)")


@pytest.fixture
def short(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("short.yaml").write_text(SHORT)
    return "short.yaml"


def run(*arguments):
    return main(["run", *arguments, "--jobs", "1", "--quiet", "--out", "out"])


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        ([], 0),
        (["cost_usd_per_month > 8767"], 0),
        (["cost_usd_per_month > 8765"], 3),
        (["slo_met < 100%", "ttft_p95_s > 2s"], 0),
        (["slo_met < 100%", "ttft_p95_s > 1ms"], 3),
    ],
)
def test_the_exit_code(short, conditions, code, capfd):
    options = [part for each in conditions for part in ("--fail-if", each)]
    assert run(short, *options) == code
    first = capfd.readouterr().out.splitlines()[: len(conditions)]
    assert sum("✗ missed" in line for line in first) == (code == 3)
    assert all("✗ missed" in line or "✓ kept" in line for line in first)
    kept = json.loads(Path("out/summary.json").read_text())["thresholds"]
    assert [each["kept"] for each in kept].count(False) == (code == 3)


def test_those_of_the_scenario_come_first(short, capfd):
    Path(short).write_text(SHORT + "thresholds: [cost_usd_per_month < 8k, slo_met >= 95%]\n")
    assert run(short, "--fail-if", "unanswered_share > 1%", "--json") == 3
    kept = json.loads(capfd.readouterr().out)["thresholds"]
    assert [each["threshold"] for each in kept] == [
        "cost_usd_per_month:p50 < 8k", "slo_met >= 95%", "unanswered_share:p50 <= 1%",
    ]  # fmt: skip
    assert [each["kept"] for each in kept] == [False, True, True]
    assert kept[0]["value"] == pytest.approx(MONTH_USD)


def test_a_study_judges_none_for_its_designs_may_lack_the_metric(short):
    other = "  small: {kind: managed_api, model: gpt-4.1}\n"
    text = SHORT.replace("worlds: 3", f"{other}worlds: 3").replace(
        "    slo:", "    route: large\n    slo:"
    )
    Path(short).write_text(text + "thresholds: [backends.small.answers >= 0]\n")
    assert run(short) == 0
    variant = ["--variant", "backends.small=null", "--worlds", "2", "--out", "study"]
    assert main(["compare", short, *variant, "--jobs", "1", "--quiet"]) == 0


def test_a_slip_in_a_name_ends_the_run_at_its_first_world(short, capfd):
    assert run(short, "--worlds", "100000", "--fail-if", "slo_mt < 95%") == 2
    assert "did you mean 'slo_met'" in capfd.readouterr().err


def test_a_slip_in_the_scenario_names_its_place(short, capfd):
    Path(short).write_text(SHORT + "thresholds: [slo_met >= 95%, 'slo_met > 5 apples']\n")
    assert run(short) == 2
    assert "short.yaml:13: thresholds.1" in capfd.readouterr().err


def test_a_stored_scenario_gives_the_same_conditions(short, tmp_path):
    Path(short).write_text(SHORT + "thresholds: [slo_met >= 95%]\n")
    assert run(short) == 0
    assert load_scenario(tmp_path / "out/scenario.yaml").thresholds == (
        Threshold("slo_met", "", ">=", 0.95, "95%"),
    )
