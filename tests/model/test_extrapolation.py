"""The law of a step beyond what was measured: bounded by physics, in closed form."""

from dataclasses import replace

import numpy as np
import pytest
from fleets import profile

from sim.catalog import profile as catalogue_profile
from sim.catalog import profile_names
from sim.model.closed import ClosedSource, DrawnRequests, ListedRequests
from sim.model.distributions import Constant, Uniform
from sim.model.extrapolation import Limits
from sim.model.lengths import Lengths
from sim.model.profile import Measurement, ServiceProfile
from sim.model.reach import Reach, reach_of, reaching
from sim.model.workload import Slo, Workload

FLAT = profile(batch=(0, 64), step_base_s=(0.01, 0.01), step_s_per_kv_token=(1e-9, 1e-9))
FLAT = replace(FLAT, max_num_seqs=1024, max_num_batched_tokens=8192, max_model_len=100_000)
FLAT = replace(FLAT, prefill_s_per_token=5e-5, prefill_s_per_token_context=1e-11)
MEASURED = Measurement("steps", 9, batch=(1, 64), prompt_tokens=(128, 2000), output_tokens=(1, 400))
LIMITS = Limits(weights_s=0.004, token_s=1e-5, kv_token_s=8e-9, pair_s=4e-10)
KNOWN = replace(FLAT, measured=MEASURED, limits=LIMITS)


def test_beyond_the_measured_batch_each_sequence_takes_the_arithmetic_of_a_token() -> None:
    """Flat at 10 ms up to 64; at 50 us a token the arithmetic takes over beyond 200."""
    a, c = KNOWN.step_tables()
    assert (a[:201] == 0.01).all()
    assert a[400] == pytest.approx(400 * 5e-5) and a[1024] == pytest.approx(1024 * 5e-5)
    assert (c == 1e-9).all()
    assert KNOWN.step_s(400, 0.0) == pytest.approx(0.02)


def test_the_peak_of_the_hardware_bounds_what_nobody_measured_prefill_of() -> None:
    a, _ = replace(KNOWN, prefill_s_per_token=0.0).step_tables()
    assert a[1000] == pytest.approx(0.01) and a[1024] == pytest.approx(1024 * 1e-5)


def test_a_measurement_beats_the_bound() -> None:
    """64 sequences in 10 ms are 156 us each: 1 ms a token cannot be, and tokens/s stay."""
    a, _ = replace(KNOWN, prefill_s_per_token=1e-3).step_tables()
    assert a[64] == 0.01 and a[640] == pytest.approx(0.1)


def test_a_table_of_unknown_origin_is_continued_as_it_is() -> None:
    a, _ = FLAT.step_tables()
    assert (a == 0.01).all()


def test_a_steep_table_goes_on_with_its_slope() -> None:
    steep = replace(KNOWN, step_base_s=(0.01, 0.0164))  # 100 us a sequence
    assert steep.step_tables()[0][264] == pytest.approx(0.0164 + 200 * 1e-4)


@pytest.mark.parametrize("name", profile_names())
def test_no_built_in_law_is_flat_for_ever_or_falls_beyond_its_batch(name: str) -> None:
    law = replace(catalogue_profile(name), max_num_seqs=200_000)
    a, _ = law.step_tables()
    largest = law.largest_batch
    assert largest > 0
    assert (np.diff(a[largest:]) >= 0).all()
    assert a[200_000] > a[largest]
    assert 200_000 / a[200_000] <= 1.0001 / min(law.prefill_s_per_token, a[largest] / largest)


def test_contexts_beyond_the_measured_ones_are_read_no_faster_than_memory_allows() -> None:
    """The law turns about its value at the longest measured contexts: 2000 + 400 / 2 tokens."""
    known = replace(KNOWN, step_base_s=(0.01, 0.012))
    law = reaching(known, Reach(prompt_tokens=2000.0, context_tokens=30_000.0))
    for batch in (1, 16, 64):
        longest = batch * 2200.0
        assert law.step_s(batch, longest) == pytest.approx(known.step_s(batch, longest))
        rise = law.step_s(batch, 10 * longest) - law.step_s(batch, longest)
        assert rise == pytest.approx(9 * longest * 8e-9)
    assert law.prefill_s_per_token_context == known.prefill_s_per_token_context
    flat = reaching(KNOWN, Reach(prompt_tokens=2000.0, context_tokens=30_000.0))
    assert flat.step_base_s == KNOWN.step_base_s  # a(B) never falls with the batch


def test_prompts_beyond_the_measured_ones_take_the_arithmetic_of_attention() -> None:
    law = reaching(KNOWN, Reach(prompt_tokens=50_000.0, context_tokens=2000.0))
    assert law.prefill_s_per_token_context == 4e-10
    base = KNOWN.prefill_s(2000)
    assert law.prefill_s(2000) == pytest.approx(base)
    assert law.prefill_s(50_000) > KNOWN.prefill_s(50_000) + 0.4


@pytest.mark.parametrize("law", [KNOWN, replace(KNOWN, measured=None), replace(KNOWN, limits=None)])
def test_work_within_what_was_measured_leaves_the_law_alone(law: ServiceProfile) -> None:
    assert reaching(law, Reach(2000.0, 2400.0)) is law


def test_a_faster_engine_has_faster_bounds() -> None:
    fast = KNOWN.sped_up(2.0)
    assert np.allclose(fast.step_tables()[0], KNOWN.step_tables()[0] / 2, rtol=1e-12)


@pytest.mark.parametrize(
    ("lengths", "prompt", "context"),
    [
        (DrawnRequests(Lengths(Uniform(0.0, 1000.0)), Lengths(Constant(40.0))), 950, 990),
        (
            ListedRequests(np.arange(1, 1001, dtype=np.int32), np.full(1000, 40, np.int32)),
            950,
            990,
        ),
    ],
)
def test_users_who_wait_for_answers_reach_as_far_as_their_prompts(lengths, prompt, context) -> None:
    found = reach_of(Workload("chat", ClosedSource(3, lengths, Constant(0.0)), "pool", Slo()))
    assert found.prompt_tokens == pytest.approx(prompt, abs=0.1)
    assert found.context_tokens == pytest.approx(context, abs=0.1)


@pytest.mark.parametrize("listed", [False, True])
def test_closed_populations_reach_as_far_as_their_requests(listed: bool) -> None:
    lengths = Lengths(Constant(3000.0), 1, 10_000)
    answers = Lengths(Constant(500.0), 1, 10_000)
    tokens = np.full(9, 3000, dtype=np.int32), np.full(9, 500, dtype=np.int32)
    requests = ListedRequests(*tokens) if listed else DrawnRequests(lengths, answers)
    workload = Workload("users", ClosedSource(8, requests), "pool", Slo())
    assert reach_of(workload) == Reach(3000.0, 3500.0)
