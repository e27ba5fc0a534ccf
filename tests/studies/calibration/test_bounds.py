"""What a fit may not go beyond: what front ends were seen to do, and what the hardware allows."""

from dataclasses import replace

import pytest
from measured_runs import KNOWN, closed

from sim.catalog.hardware import kv_capacity_tokens
from sim.catalog.limits import limits_of
from sim.model.measured import ClosedLoop, Parallelism, Statistics
from sim.studies.calibration import Given, calibrate
from sim.studies.calibration.engine import engine_of
from sim.studies.calibration.front_end import streamed
from sim.studies.calibration.script import script
from sim.studies.calibration.study import problem_of

SLOW = replace(KNOWN, frontend_s_per_token=20e-6)
FEW = ((1, 512, 64), (4, 512, 64), (8, 512, 64))


@pytest.fixture(scope="module")
def sweep():
    """Of few users, whose answers no front end is short of time for."""
    return [closed(SLOW, *each) for each in FEW]


@pytest.fixture(scope="module")
def fast():
    """Of the same engine on another GPU, with 128 users."""
    quick = replace(SLOW, frontend_s_per_token=5e-6, step_base_s=(1e-3, 1e-3, 2e-3, 3e-3))
    run = closed(quick, 128, 64, 256)
    return replace(run, setup=replace(run.setup, gpu="another"))


def tokens_per_s(run):
    log = run.requests
    return log.output_tokens.sum() / log.last_s.max()


def test_a_front_end_is_no_slower_than_one_of_its_engine_was_seen_to_be(sweep, fast):
    seen = tokens_per_s(fast)
    alone, bounded = (calibrate(sweep, tried=1, others=others) for others in ((), (fast,)))
    assert alone.profile.frontend_s_per_token > 1 / seen  # as it is assumed to be
    assert bounded.profile.frontend_s_per_token <= 1.0001 / seen
    assert bounded.error.tpot < 0.02
    said = f"since that of vllm streamed {seen:,.0f} tokens a second of m on another"
    assert any(said in each for each in bounded.assumed)
    assert said in bounded.profile.notes
    assert not any("front end" in each for each in alone.assumed)


def test_only_one_front_end_of_the_same_engine_shows_what_it_keeps_up_with(fast):
    ranks = replace(fast.setup, parallelism=Parallelism(data=2))
    small = closed(replace(SLOW, max_num_seqs=8), 128, 64, 256)  # requests wait for a place
    assert streamed([fast], "VLLM").tokens_per_s == pytest.approx(tokens_per_s(fast))
    for other in (
        replace(fast, setup=ranks),
        replace(fast, setup=replace(fast.setup, engine="sglang")),
        replace(fast, setup=replace(fast.setup, replicas=2)),
        replace(fast, clock="engine"),
        small,
    ):
        assert streamed([other], "vllm") == (0.0, None)
    assert streamed([], "vllm") == (0.0, None)


def test_of_means_alone_littles_law_says_what_was_streamed(fast):
    bare = replace(
        fast,
        requests=None,
        statistics={m: Statistics(fast.statistic(m, "mean")) for m in ("ttft_s", "tpot_s")},
    )
    drain = 0.1  # users who are done no longer ask: the mean over the whole run is below
    assert streamed([bare], "vllm").tokens_per_s == pytest.approx(tokens_per_s(fast), rel=drain)


def test_processes_of_a_front_end_share_its_work(sweep):
    problem, _ = problem_of(sweep, Given(frontend_processes=4))
    assert problem.start.frontend_processes == 4


def impossible():
    """Llama 3.1 8B with answers ten times as fast as an H100 reads its weights."""
    users = (1, 2, 4)
    made = [closed(KNOWN, each, 2048, 64, requests=12) for each in users]
    times = {"ttft_s": Statistics(0.002), "tpot_s": Statistics(0.0005)}
    return [replace(run, requests=None, statistics=times) for run in made]


def test_no_step_is_faster_than_the_hardware_whatever_the_rows_say():
    given = Given(model="llama-3.1-8b", gpu="h100-sxm", precision="fp8")
    answer = calibrate(impossible(), given, tried=1, hear=False)
    profile = answer.profile
    limits = limits_of("llama-3.1-8b", "h100-sxm", 1, "fp8", profile.kv_cache_dtype)
    assert min(profile.step_base_s) >= 0.999 * limits.weights_s
    assert profile.prefill_s_per_token >= 0.999 * limits.token_s
    assert profile.grade == "C"
    assert answer.error.tpot > 1.0


def test_a_fit_begun_at_a_fit_stays_there(sweep):
    first = calibrate(sweep, tried=1, hear=False)
    again = calibrate(sweep, begin=first.profile, hear=False)
    assert again.profile.step_base_s == pytest.approx(first.profile.step_base_s, rel=0.02)
    assert again.error.tpot == pytest.approx(first.error.tpot, abs=0.005)


@pytest.mark.parametrize(("users", "dtype"), [(4, "bf16"), (36, "fp8")])
def test_a_cache_is_of_8_bits_where_one_of_16_would_not_have_held_the_requests(users, dtype):
    """Llama 3.1 8B on an L40S has 180,000 tokens in 16 bits."""
    given = Given(model="llama-3.1-8b", gpu="l40s", precision="bf16")
    run = closed(KNOWN, users, 6000, 512, requests=2 * users)
    run = replace(run, setup=replace(run.setup, kv_capacity_tokens=None))
    assert isinstance(run.drive.loop, ClosedLoop)
    engine = engine_of([run], [script(run)], given)
    fits = kv_capacity_tokens("llama-3.1-8b", "l40s", 1, "bf16", dtype)
    assert (engine.kv_cache_dtype, engine.kv_capacity_tokens) == (dtype, fits)
    assert any("in fp8, since" in each for each in engine.assumed) == (dtype == "fp8")
