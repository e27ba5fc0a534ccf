"""Engines with data-parallel attention: the law, limits and cache of each of their ranks."""

from dataclasses import replace

import pytest
from measured_runs import KNOWN, closed

from sim.catalog.hardware import kv_capacity_tokens
from sim.errors import MeasurementError
from sim.model.measured import Parallelism
from sim.studies.calibration import Given, calibrate
from sim.studies.calibration.accuracy import comparison, simulated_error
from sim.studies.calibration.engine import engine_of
from sim.studies.calibration.script import script

RANKS = 4
TRUTH = replace(KNOWN, gpus_per_replica=RANKS, data_parallel_ranks=RANKS, frontend_processes=RANKS)
SWEEP = ((4, 512, 128), (32, 512, 128), (128, 512, 128), (32, 4000, 256))


def of_ranks(ranks, run):
    return replace(run, setup=replace(run.setup, parallelism=Parallelism(data=ranks, expert=ranks)))


@pytest.fixture(scope="module")
def sweep():
    return [of_ranks(RANKS, closed(TRUTH, *each)) for each in SWEEP]


def test_the_law_of_a_rank_is_found_from_runs_of_all(sweep):
    answer = calibrate(sweep, tried=1)
    profile = answer.profile
    assert (profile.data_parallel_ranks, profile.gpus_per_replica) == (RANKS, RANKS)
    assert profile.measured.batch == (1, 32)
    assert profile.batch[-1] == 32
    assert answer.error.tpot < 0.02
    unseen = of_ranks(RANKS, closed(TRUTH, 64, 1024, 128))
    error = simulated_error(comparison(profile, [script(unseen)]))
    assert error.tpot < 0.03
    assert error.e2e < 0.03


@pytest.mark.parametrize(("engine", "processes"), [("vllm", RANKS), ("sglang", 1)])
def test_vllm_has_a_front_end_for_each_rank(sweep, engine, processes):
    run = replace(sweep[0], setup=replace(sweep[0].setup, engine=engine))
    assert engine_of([run], [script(run)], Given()).frontend_processes == processes
    assert engine_of([run], [script(run)], Given(frontend_processes=2)).frontend_processes == 2


def test_ranks_share_gpus_and_each_has_its_part_of_the_memory(sweep):
    given = Given(model="deepseek-r1", gpu="b200-sxm", precision="fp4")
    bare = [replace(run, setup=replace(run.setup, kv_capacity_tokens=None)) for run in sweep]
    engine = engine_of(bare, [script(run) for run in bare], given)
    what = ("deepseek-r1", "b200-sxm", RANKS, "fp4", engine.kv_cache_dtype)
    assert engine.kv_capacity_tokens == kv_capacity_tokens(*what, RANKS)
    # Of one latent vector a token, that tensor parallelism copies to every GPU.
    assert kv_capacity_tokens(*what, RANKS) == kv_capacity_tokens(*what)


def test_heads_that_tensor_parallelism_shares_are_whole_on_a_rank():
    what = ("qwen3-235b-a22b", "h200-sxm", 4, "fp8", "bf16")
    assert kv_capacity_tokens(*what, 4) == pytest.approx(kv_capacity_tokens(*what) / 4, abs=16)


def test_ranks_of_a_dense_model_are_not_held_to_step_together():
    run = closed(KNOWN, 8, 512, 64)
    run = replace(run, setup=replace(run.setup, parallelism=Parallelism(data=2)))
    engine = engine_of([run], [script(run)], Given(model="llama-3.1-8b", gpu="h100-sxm"))
    assert engine.data_parallel_ranks == 1


def test_runs_of_several_numbers_of_ranks_are_refused(sweep):
    other = replace(
        sweep[0], setup=replace(sweep[0].setup, parallelism=Parallelism(2, data=2, expert=4))
    )
    with pytest.raises(MeasurementError, match="with 2, 4 data-parallel ranks"):
        calibrate([sweep[0], other])
