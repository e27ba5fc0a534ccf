"""Profiles from runs of engines whose law is known: found again, and honest about what is not."""

from dataclasses import replace

import numpy as np
import pytest
from measured_runs import KNOWN, SWEEP, closed, open_loop

from sim.catalog import write_profile
from sim.catalog.profile_file import load_profile
from sim.errors import MeasurementError
from sim.model.measured import Ended, Statistics
from sim.studies.calibration import Given, calibrate
from sim.studies.calibration.accuracy import comparison, grade, simulated_error
from sim.studies.calibration.commands import COMMANDS, command
from sim.studies.calibration.engine import engine_of
from sim.studies.calibration.figures import is_saturated, repeats
from sim.studies.calibration.script import script
from sim.studies.calibration.study import problem_of
from sim.studies.calibration.telling import Wanted


@pytest.fixture(scope="module")
def sweep():
    return [closed(KNOWN, *each, noise=0.02, seed=at) for at, each in enumerate(SWEEP)]


@pytest.fixture(scope="module")
def answer(sweep):
    return calibrate(sweep, tried=2)


def truth_of(name):
    key, _, batch = name.partition("@")
    from sim.catalog.profile_file import profile_document  # noqa: PLC0415

    value = profile_document(KNOWN)[key]
    if batch:
        return 1e3 * KNOWN.step_s(int(batch), 0.0)
    return value[0] if isinstance(value, list) else value


def test_coefficients_are_found_within_their_intervals(answer):
    """At most two of 12 outside of 95 % intervals, and none far: a false alarm in 2 % of cases."""
    from sim.catalog.profile_file import profile_document  # noqa: PLC0415

    document, error = profile_document(answer.profile), answer.profile.joint_error
    off = []
    for name, sd in zip(error.names, error.relative_sd, strict=True):
        key, _, batch = name.partition("@")
        value = document[key]
        if batch:
            value = value[document["batch"].index(int(batch))]
        value = value[0] if isinstance(value, list) else value
        off.append(abs(np.log(value / truth_of(name))) / sd)
    shown = dict(zip(error.names, off, strict=True))
    assert sum(each > 1.96 for each in off) <= 2, shown
    assert max(off) < 4.0, shown
    assert 0.1 < np.median(off) < 1.2, shown  # nor are they much too wide


def test_intervals_are_as_wide_as_the_noise_asks_for(answer):
    """Five times the noise in the times of requests, intervals of a step at least twice as wide."""
    noisy = [closed(KNOWN, *each, noise=0.1, seed=at) for at, each in enumerate(SWEEP)]
    errors = [each.profile.joint_error for each in (answer, calibrate(noisy, tried=1))]
    sds = [dict(zip(each.names, each.relative_sd, strict=True)) for each in errors]
    assert sds[0]["step_base_ms@1"] < 0.01
    assert sds[1]["step_base_ms@1"] > 2 * sds[0]["step_base_ms@1"]


def test_predictions_of_other_runs_are_within_two_per_cent(answer):
    """In the mean over medians of runs that were not seen: another batch, an open loop."""
    others = [closed(KNOWN, 16, 1024, 128), closed(KNOWN, 64, 256, 256), open_loop(KNOWN, 8.0)]
    rows = comparison(answer.profile, [script(run) for run in others])
    error = simulated_error(rows)
    assert error.tpot < 0.02
    assert error.e2e < 0.02
    assert error.throughput < 0.02
    assert error.ttft < 0.08


def test_the_profile_states_its_error_its_grade_and_what_was_measured(answer):
    profile = answer.profile
    assert profile.grade == "A"
    assert profile.simulated_error.tpot == pytest.approx(answer.error.tpot, abs=1e-4)
    assert 0 < profile.fit_error == profile.simulated_error.tpot < 0.05
    assert profile.measured.batch == (1, 128)
    assert profile.measured.prompt_tokens[1] > 6000
    assert "vllm" in profile.source


def test_a_calibration_is_the_same_every_time(sweep):
    few = sweep[:3]
    one, two = (calibrate(few, tried=1) for _ in range(2))
    assert one.profile == two.profile
    assert one.as_json() == two.as_json()


def test_a_calibrated_profile_is_written_and_read_back(answer, tmp_path):
    write_profile(answer.profile, tmp_path / "p.yaml")
    again = load_profile(tmp_path / "p.yaml")
    assert again.step_base_s == pytest.approx(answer.profile.step_base_s, rel=1e-12)
    assert again.joint_error == answer.profile.joint_error


@pytest.fixture(scope="module")
def narrow():
    """A concurrency sweep at one length."""
    return calibrate([closed(KNOWN, users, 512, 128) for users in (1, 8, 32, 128)], tried=1)


def test_a_sweep_at_one_length_cannot_tell_the_caches_from_the_batch(narrow):
    words = " ".join(each.untold.words() for each in narrow.suggestions)
    assert "(c)" in words
    commands = [each.command for each in narrow.suggestions if each.command]
    assert any(
        "vllm bench serve" in each and "--random-input-len 8192" in each for each in commands
    )


def test_the_wider_sweep_tells_more_of_the_caches(answer, narrow):
    name = "step_ns_per_kv_token"
    errors = [each.profile.joint_error for each in (narrow, answer)]
    sd = [each.relative_sd[each.names.index(name)] for each in errors]
    assert sd[1] < 0.7 * sd[0]


def test_every_tool_has_a_command_that_names_the_lengths():
    for tool in [*COMMANDS, "some other"]:
        text = command(tool, Wanted(16, 8192, 256), "my-model")
        assert "8192" in text, tool
        assert "256" in text, tool
        assert "16" in text, tool


def test_waiting_for_a_place_is_saturation():
    small = replace(KNOWN, max_num_seqs=8)
    run = closed(small, 64, 512, 128)
    assert is_saturated(run)
    assert not is_saturated(closed(KNOWN, 64, 512, 128))


def test_repeats_say_what_is_noise():
    runs = [closed(KNOWN, 8, 512, 128, noise=0.05, seed=seed) for seed in (1, 2)]
    runs = [replace(run, name=f"r{at}") for at, run in enumerate(runs)]
    off = repeats([*runs, closed(KNOWN, 32, 512, 128)])
    assert set(off) == {(f"r{at}", m) for at in (0, 1) for m in ("ttft_s", "tpot_s", "e2e_s")}
    assert 0 < off["r0", "tpot_s"] < 0.05


def test_no_error_is_below_the_noise_of_repeats():
    run = closed(KNOWN, 8, 512, 128)
    rows = comparison(KNOWN, [script(run)])
    assert simulated_error(rows).tpot < 0.01
    assert simulated_error(rows, {(run.name, "tpot_s"): 0.07}).tpot == 0.07


def test_grades_are_of_the_larger_error():
    from sim.model.joint_error import SimulatedError  # noqa: PLC0415

    assert grade(SimulatedError(ttft=0.14, tpot=0.04)) == "A"
    assert grade(SimulatedError(ttft=0.16, tpot=0.04)) == "B"
    assert grade(SimulatedError(ttft=0.10, tpot=0.11)) == "C"
    assert grade(SimulatedError(tpot=0.01)) == "C"


def test_statistics_alone_give_a_profile(sweep):
    """As of tables with one row a run: means of TTFT and TPOT."""
    bare = [
        replace(
            run,
            requests=None,
            statistics={
                metric: Statistics(run.statistic(metric, "mean")) for metric in ("ttft_s", "tpot_s")
            },
        )
        for run in sweep[:4]
    ]
    answer = calibrate(bare, tried=1)
    assert answer.error.tpot < 0.03


def test_runs_of_two_engines_are_refused(sweep):
    other = replace(sweep[1], setup=replace(sweep[1].setup, gpu="another"))
    with pytest.raises(MeasurementError, match="several engines: gpu is another, g"):
        calibrate([sweep[0], other])
    calibrate([sweep[0], other], Given(gpu="g"), tried=1)


def test_what_says_nothing_is_refused(sweep):
    log = sweep[0].requests
    failed = replace(log, ended=np.full(len(log), int(Ended.FAILED)))
    nothing = replace(sweep[0], requests=failed, completed=0)
    with pytest.raises(MeasurementError, match=r"no run can be used .*--save-detailed"):
        calibrate([nothing])


def test_runs_that_flowed_show_that_the_cache_was_large_enough():
    """DeepSeek R1 in FP8 on four B200: the arithmetic of memory leaves next to nothing."""
    run = closed(KNOWN, 64, 4000, 512)
    given = Given(model="deepseek-r1", gpu="b200-sxm", gpus_per_replica=4, precision="fp8")
    bare = replace(run, setup=replace(run.setup, kv_capacity_tokens=None))
    engine = engine_of([bare], [script(bare)], given)
    assert engine.kv_capacity_tokens > 64 * 4000
    assert any("KV cache" in each for each in engine.assumed)


@pytest.mark.parametrize(("engine", "rule"), [("vllm", "prompt"), ("trtllm", "whole")])
def test_an_engine_is_simulated_with_its_own_rule_of_admission(engine, rule):
    run = closed(KNOWN, 4, 64, 16)
    run = replace(run, setup=replace(run.setup, engine=engine))
    problem, _ = problem_of([run])
    assert problem.start.admission == rule
    given, _ = problem_of([run], Given(admission="watermark", frontend_us_per_prompt_token=2.0))
    assert given.start.admission == "watermark"
    assert given.start.frontend_s_per_prompt_token == pytest.approx(2e-6)


OF_FIRST_TOKENS = {"frontend_us_per_token_from_rest", "frontend_us_per_prompt_token_out"}


def test_what_first_tokens_cost_is_fitted_where_vllms_single_requests_tell_it(sweep):
    problem, _ = problem_of(sweep)
    assert set(problem.names) >= OF_FIRST_TOKENS


@pytest.mark.parametrize("why", ["prompts of one length", "another engine", "statistics alone"])
def test_elsewhere_it_is_zero_and_not_invented(sweep, why):
    if why == "prompts of one length":
        runs = [run for run, (_, prompt, _) in zip(sweep, SWEEP, strict=True) if prompt == 512]
    elif why == "another engine":
        runs = [replace(run, setup=replace(run.setup, engine="sglang")) for run in sweep]
    else:
        means = [{name: Statistics(run.statistic(name, "mean")) for name in ("ttft_s", "tpot_s")}
                 for run in sweep]  # fmt: skip
        runs = [replace(run, requests=None, statistics=each)
                for run, each in zip(sweep, means, strict=True)]  # fmt: skip
    problem, _ = problem_of(runs)
    assert not set(problem.names) & OF_FIRST_TOKENS
    assert problem.start.frontend_s_per_token_from_rest == 0.0
    assert problem.start.frontend_s_per_prompt_token_out == 0.0
