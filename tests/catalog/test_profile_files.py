"""Profile files: every problem of a file at once, and what is written is read back."""

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.catalog import profile, write_profile
from sim.catalog.profile_file import load_profile, parse_profile, profile_yaml
from sim.errors import ScenarioError
from sim.model.input_file import LIMITS
from sim.model.profile import Measurement, ServiceProfile, StepSample

GOOD = """\
model: m
gpu: g
gpus_per_replica: 2
precision: fp8
engine: vllm
batch: [0, 64]
step_base_ms: [10, 14.5]
step_ns_per_kv_token: [30, 30]
prefill_us_per_token: 40
kv_capacity_tokens: 100000
max_num_seqs: 256
max_num_batched_tokens: 8192
max_model_len: 32768
"""


def problems_of(text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(ScenarioError) as caught:
        parse_profile(text, "mine.yaml", "mine.yaml")
    return [(problem.line, problem.key) for problem in caught.value.problems]


def test_a_minimal_file_has_the_documented_defaults():
    p = parse_profile(GOOD, "mine.yaml", "mine.yaml")
    assert (p.kv_block_tokens, p.scheduler, p.overhead_s, p.fit_error) == (16, "chunked", 0, 0)
    assert p.step_base_s == pytest.approx((0.010, 0.0145))
    assert p.step_s_per_kv_token == pytest.approx((30e-9, 30e-9))
    assert p.prefill_s_per_token == pytest.approx(40e-6)
    assert p.measured is None


def test_an_engine_that_evicts_nobody_by_default_does_so_unless_the_file_says_otherwise():
    for engine, rule in (("vllm", "prompt"), ("trtllm", "whole"), ("TensorRT-LLM 1.2", "whole")):
        text = GOOD.replace("engine: vllm", f"engine: {engine}")
        assert parse_profile(text, "mine.yaml", "mine.yaml").admission == rule
        text += "admission: watermark\n"
        assert parse_profile(text, "mine.yaml", "mine.yaml").admission == "watermark"


def test_steps_in_flight_are_one_unless_the_file_says_two():
    assert parse_profile(GOOD, "mine.yaml", "mine.yaml").steps_in_flight == 1
    two = parse_profile(GOOD + "steps_in_flight: 2\n", "mine.yaml", "mine.yaml")
    assert two.steps_in_flight == 2
    assert parse_profile(profile_yaml(two), "mine.yaml", "mine.yaml") == two
    for text, message in (
        ("steps_in_flight: 3\n", "steps_in_flight: 3 must be at most 2"),
        ("steps_in_flight: 0\n", "steps_in_flight: 0 must be a whole number of at least 1"),
        (
            "steps_in_flight: 2\nscheduler: prefill_first\n",
            "steps_in_flight: 2 must be 1 where the scheduler is prefill_first",
        ),
    ):
        with pytest.raises(ScenarioError, match=message) as caught:
            parse_profile(GOOD + text, "mine.yaml", "mine.yaml")
        assert len(caught.value.problems) == 1


def test_a_replica_has_one_rank_unless_the_file_says_how_many():
    assert parse_profile(GOOD, "mine.yaml", "mine.yaml").data_parallel_ranks == 1
    two = parse_profile(GOOD + "data_parallel_ranks: 2\n", "mine.yaml", "mine.yaml")
    assert (two.data_parallel_ranks, two.replica_seqs) == (2, 512)
    assert two.replica_kv_blocks == 2 * 6250
    assert parse_profile(profile_yaml(two), "mine.yaml", "mine.yaml") == two
    for ranks, rule in (
        ("0", "must be a whole number of at least 1"),
        ("1.5", "must be a whole number of at least 1"),
        ("4", r"4 must divide gpus_per_replica \(2\)"),
        ("1025", "1025 must be at most 1024"),
    ):
        with pytest.raises(ScenarioError, match=f"data_parallel_ranks: .*{rule}") as caught:
            parse_profile(f"{GOOD}data_parallel_ranks: {ranks}\n", "mine.yaml", "mine.yaml")
        assert len(caught.value.problems) == 1


def test_the_front_end_of_a_file_is_that_of_the_profile():
    text = GOOD + "frontend_us_per_prompt_token: 2\nfrontend_processes: 4\noutput_delay_ms: 1.9\n"
    text += "frontend_us_per_token_from_rest: 22\nfrontend_us_per_prompt_token_out: 1.5\n"
    p = parse_profile(text, "mine.yaml", "mine.yaml")
    assert p.frontend_s_per_prompt_token == pytest.approx(2e-6)
    assert p.frontend_s_per_token_from_rest == pytest.approx(22e-6)
    assert p.frontend_s_per_prompt_token_out == pytest.approx(1.5e-6)
    assert (p.frontend_processes, p.output_delay_s) == (4, pytest.approx(1.9e-3))
    with pytest.raises(ScenarioError, match="frontend_processes: 65 must be at most 64"):
        parse_profile(text.replace("processes: 4", "processes: 65"), "mine.yaml", "mine.yaml")


def test_all_problems_of_a_file_come_at_once_with_line_key_and_remedy():
    text = GOOD.replace("engine: vllm\n", "engin: vllm\n").replace("8192", "-3")
    text = text.replace("step_base_ms: [10, 14.5]", "step_base_ms: [10, .nan]")
    with pytest.raises(ScenarioError) as caught:
        parse_profile(text, "mine.yaml", "mine.yaml")
    lines = str(caught.value).splitlines()
    assert lines == [
        "mine.yaml:1: engine: is missing",
        "mine.yaml:5: engin: unknown key (did you mean 'engine'?)",
        "mine.yaml:7: step_base_ms[1]: nan must be a finite number of at least 0",
        "mine.yaml:12: max_num_batched_tokens: -3 must be a whole number of at least 1",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("batch: [0, 64]", "batch: [64, 64]", 6, "batch"),
        ("batch: [0, 64]", "batch: [0, 32, 64]", 7, "step_base_ms"),
        ("[10, 14.5]", "[0, 0]", 7, "step_base_ms"),
        ("[10, 14.5]", "[10, 5]", 7, "step_base_ms"),  # 0 at a batch of 128, below max_num_seqs
        ("[10, 14.5]", "[10, .inf]", 7, "step_base_ms[1]"),
        ("[10, 14.5]", "[]", 7, "step_base_ms"),
        ("[10, 14.5]", "ten", 7, "step_base_ms"),
        ("prefill_us_per_token: 40", "prefill_us_per_token: true", 9, "prefill_us_per_token"),
        ("max_num_seqs: 256", "max_num_seqs: 10000", 12, "max_num_batched_tokens"),
        ("max_num_seqs: 256", "max_num_seqs: 2.5", 11, "max_num_seqs"),
        ("max_num_seqs: 256", f"max_num_seqs: {10**20}", 11, "max_num_seqs"),
        ("max_model_len: 32768", "max_model_len: 200000", 13, "max_model_len"),
        ("model: m", "model: [m]", 1, "model"),
        ("model: m", "model:", 1, "model"),
        ("engine: vllm", "engine: ''", 5, "engine"),
        ("precision: fp8", "kv_block_tokens: 24\nprecision: fp8", 4, "kv_block_tokens"),
        ("precision: fp8", "scheduler: fifo\nprecision: fp8", 4, "scheduler"),
        ("precision: fp8", "fit_error: 2.2\nprecision: fp8", 4, "fit_error"),
        ("precision: fp8", "as_of: yesterday\nprecision: fp8", 4, "as_of"),
        ("precision: fp8", "measured: 12\nprecision: fp8", 4, "measured"),
        ("precision: fp8", "measured: {what: x, points: -1}\nprecision: fp8", 4, "measured.points"),
        (
            "precision: fp8",
            "measured: {what: x, points: 1, batch: [4, 1]}\nprecision: fp8",
            4,
            "measured.batch",
        ),
        (
            "precision: fp8",
            "measured:\n  what: x\n  points: 1\n  samples:\n  - {batch: 1, step_ms: 3}\n"
            "precision: fp8",
            8,
            "measured.samples[0].kv_tokens",
        ),
    ],
)
def test_a_wrong_entry_is_named_by_line_and_key(old, new, line, key):
    assert old in GOOD
    assert (line, key) in problems_of(GOOD.replace(old, new))


def test_a_repeated_key_and_broken_yaml_are_named_by_line():
    assert problems_of(GOOD + "model: again\n") == [(14, "")]
    assert problems_of(GOOD + "x: [1, 2\n")[0][0] is not None


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "just words", "[" * 100_000, "1" * 10_000])
def test_what_is_no_mapping_is_one_problem(text):
    assert len(problems_of(text)) == 1


def test_aliases_cannot_blow_up_a_file():
    levels = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 30))
    assert len(problems_of("l0: &l0 [x]\n" + levels + GOOD)) == 30


def test_large_missing_and_binary_files_are_one_problem_each(tmp_path):
    (tmp_path / "large.yaml").write_text("#" * (LIMITS["profile"] + 1))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for file in ("large.yaml", "binary.yaml", "missing.yaml"):
        with pytest.raises(ScenarioError) as caught:
            profile(str(tmp_path / file))
        assert len(caught.value.problems) == 1
        assert file in str(caught.value)


def test_a_profile_of_ones_own_is_read_by_its_path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert profile(str(path)).name == str(path)


numbers = st.floats(min_value=0, max_value=1e3)
printable = st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"])
texts = st.text(printable, max_size=300).map(str.strip)


@st.composite
def own_profiles(draw):
    batch = tuple(sorted(draw(st.sets(st.integers(0, 64), min_size=1, max_size=5))))
    base = tuple(sorted(draw(st.lists(numbers, min_size=len(batch), max_size=len(batch)))))
    per_token = tuple(draw(st.lists(numbers, min_size=len(batch), max_size=len(batch))))
    sample = StepSample(draw(st.integers(0, 64)), draw(numbers), draw(numbers), draw(numbers))
    return ServiceProfile(
        name="own",
        model=draw(texts) or "m",
        gpu="1e3",
        precision="null",
        engine="2026-01-01",
        gpus_per_replica=draw(st.integers(1, 16)),
        batch=batch,
        step_base_s=(*base[:-1], base[-1] + 1e-3),
        step_s_per_kv_token=per_token,
        prefill_s_per_request=draw(numbers),
        prefill_s_per_token=draw(numbers),
        prefill_s_per_token_context=draw(numbers),
        overhead_s=draw(numbers),
        frontend_s_per_request=draw(numbers),
        frontend_s_per_token=draw(numbers),
        frontend_s_per_token_from_rest=draw(numbers),
        frontend_s_per_prompt_token_out=draw(numbers),
        kv_capacity_tokens=draw(st.integers(4096, 10**8)),
        kv_block_tokens=2 ** draw(st.integers(0, 7)),
        max_num_seqs=draw(st.integers(1, 256)),
        max_num_batched_tokens=draw(st.integers(256, 10**5)),
        max_model_len=draw(st.integers(1, 4096)),
        scheduler=draw(st.sampled_from(["chunked", "prefill_first"])),
        fit_error=draw(st.floats(0, 0.99)),
        grade=draw(texts),
        source=draw(texts),
        as_of=draw(st.sampled_from(["", "2026", "2026-10", "2026-10-29"])),
        measured=draw(st.sampled_from([None, Measurement("x", 1, (1, 2), None, None, (sample,))])),
        notes=draw(texts),
    )


@settings(max_examples=60, deadline=None)
@given(p=own_profiles())
def test_any_profile_survives_writing_and_reading(p, tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "own.yaml"
    write_profile(p, path)
    back = load_profile(path)
    for field in fields(ServiceProfile):
        expected, found = getattr(p, field.name), getattr(back, field.name)
        if field.name in {"step_base_s", "step_s_per_kv_token"} or field.name.endswith(
            ("_s", "_request", "_token", "_context", "_out", "_rest")
        ):
            assert found == pytest.approx(expected, rel=1e-13, abs=1e-300)
        elif field.name == "measured" and expected is not None:
            assert found.samples[0].step_s == pytest.approx(expected.samples[0].step_s, rel=1e-13)
            assert replace(found, samples=()) == replace(expected, samples=())
        elif field.name != "name":
            assert found == expected


ERRORS = """\
simulated_error: {ttft: 0.12, tpot: 0.03}
coefficient_errors:
  coefficients: [step_base_ms@64, step_ns_per_kv_token]
  relative_sd: [0.05, 0.3]
  correlations: [[-0.9]]
"""


def test_errors_are_read_and_written():
    p = parse_profile(GOOD + ERRORS, "mine.yaml", "mine.yaml")
    assert p.joint_error is not None
    assert p.joint_error.correlations == ((-0.9,),)
    assert p.simulated_error is not None
    assert (p.simulated_error.ttft, p.simulated_error.tpot) == (0.12, 0.03)


def test_errors_survive_being_written(tmp_path):
    p = parse_profile(GOOD + ERRORS, "mine.yaml", "mine.yaml")
    write_profile(p, tmp_path / "p.yaml")
    again = load_profile(tmp_path / "p.yaml")
    assert again.joint_error == p.joint_error
    assert repr(again.simulated_error) == repr(p.simulated_error)  # NaN is not NaN


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("step_base_ms@64", "step_base_ms@65"), "coefficient_errors.coefficients"),
        (("step_ns_per_kv_token", "grade"), "coefficient_errors.coefficients"),
        (("[0.05, 0.3]", "[0.05]"), "coefficient_errors.coefficients"),
        (("[[-0.9]]", "[-0.9]"), "coefficient_errors.correlations"),
        (("[[-0.9]]", "[[-9]]"), "coefficient_errors.coefficients"),
        (("ttft: 0.12", "ttft: -1"), "simulated_error.ttft"),
        (("ttft:", "tfft:"), "simulated_error.tfft"),
    ],
)
def test_errors_that_cannot_be_are_named(change, key):
    assert key in [at for _, at in problems_of(GOOD + ERRORS.replace(*change))]
