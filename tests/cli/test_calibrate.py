"""``sim calibrate`` and ``sim validate``: from files to a profile, and from a profile to files."""

import json

import pytest
from answer_schemas import check_answer
from click.testing import CliRunner
from measured_runs import KNOWN, closed, open_loop, vllm_file

from sim.catalog.profile_file import load_profile
from sim.cli import cli

LIMITS = ("--max-num-seqs", "256", "--max-num-batched-tokens", "8192")
LIMITS += ("--kv-capacity-tokens", "1000000")


def called(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    runs = [closed(KNOWN, users, 512, 128, noise=0.02) for users in (1, 8, 32)]
    return [vllm_file(run, folder / f"{at}.json") for at, run in enumerate(runs)]


@pytest.fixture(scope="module")
def profile(files):
    path = files[0].parent / "mine.yaml"
    runner = CliRunner(env={"COLUMNS": "80"})
    figures = files[0].parent / "figures"
    asked = ["calibrate", *files, "-o", path, "--gpu", "h100-sxm", "--precision", "bf16",
             "--engine", "vllm", *LIMITS, "--figures", figures]  # fmt: skip
    done = runner.invoke(cli, [str(each) for each in asked], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "grade A" in done.output
    assert "Simulated / measured" in done.output
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (figures / "errors_closed.svg").exists()
    assert (figures / "residuals.csv").exists()
    return path


def test_files_become_a_profile_that_says_where_it_comes_from(profile):
    made = load_profile(profile)
    assert made.engine == "vllm"
    assert made.max_num_seqs == 256
    assert made.as_of == "2026-11-01"
    assert made.joint_error is not None
    assert made.step_s(8, 0.0) == pytest.approx(KNOWN.step_s(8, 8 * 576), rel=0.1)


def test_other_runs_are_predicted_and_clear_the_bar(profile, tmp_path):
    other = vllm_file(closed(KNOWN, 16, 512, 128), tmp_path / "c16.json")
    opened = vllm_file(open_loop(KNOWN, 6.0), tmp_path / "open.json")
    done = called("validate", profile, other, opened, "--worlds", "8", "--figures", tmp_path / "f")
    assert done.exit_code == 0, done.output
    assert "within the bar" in done.output
    assert "nine worlds in ten" in done.output
    assert (tmp_path / "f" / "errors_open.svg").exists()


def test_a_missed_bar_is_an_exit_code_of_one(profile, files):
    done = called("validate", profile, *files, "--bar", "tpot_p50<=0.01%", "--worlds", "0",
                  "--json", "--quiet")  # fmt: skip
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    check_answer("validate", answer)
    assert not answer["passed"]
    assert answer["bar"] == {"tpot_p50": 0.0001}
    assert {row["metric"] for row in answer["figures"]} == {"ttft", "tpot", "e2e", "throughput"}


def test_the_knee_is_told_on_both_sides(profile, files):
    done = called("validate", profile, *files, "--worlds", "0", "--json", "--quiet")
    answer = json.loads(done.stdout)
    check_answer("validate", answer)
    knees = answer["knees"]
    assert [each["loop"] for each in knees] == ["closed"]
    assert knees[0]["simulated"] == pytest.approx(knees[0]["measured"], rel=0.1)


def test_an_answer_as_json_holds_the_profile(files):
    steps = ("--steps-in-flight", "2")
    done = called("calibrate", files[1], "--json", "--quiet", *LIMITS, *steps)
    answer = json.loads(done.stdout)
    check_answer("calibrate", answer)
    assert answer["profile"]["max_num_seqs"] == 256
    assert answer["profile"]["steps_in_flight"] == 2
    assert "two steps in flight" in answer["in_flight"]
    assert answer["runs"] == 1
    assert answer["untold"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("calibrate", "no-such.json"), "no-such.json"),
        (("calibrate", __file__), "test_calibrate.py"),
        (("validate", "no-such-profile", "x.json"), "no-such-profile"),
        (("validate", "llama-3.3-70b/h100-sxm/tp4/fp8/vllm", "x.json", "--bar", "fast"), "fast"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(arguments, words):
    from sim.errors import PeakfleetError  # noqa: PLC0415

    with pytest.raises(PeakfleetError, match=words) as caught:
        called(*arguments)
    assert "\n" not in str(caught.value).strip()


def test_only_chooses_runs_and_says_what_it_does_not_know(files):
    from sim.errors import PeakfleetError  # noqa: PLC0415

    with pytest.raises(PeakfleetError, match="none of 1 runs has model=other"):
        called("calibrate", files[0], "--only", "model=other")
    with pytest.raises(PeakfleetError, match="must be one of"):
        called("calibrate", files[0], "--only", "colour=red")


def test_a_trace_of_even_spacing_becomes_a_workload(tmp_path):
    trace = tmp_path / "trace.csv"
    rows = "\n".join(f"{at},{100 + at % 7},{20 + at % 5}" for at in range(400))
    trace.write_text(f"timestamp,prompt,output\n{rows}\n", encoding="utf-8")
    columns = ("timestamp=timestamp", "prompt_tokens=prompt", "output_tokens=output", "unit=s")
    named = [part for column in columns for part in ("--column", column)]
    out = tmp_path / "workload.yaml"
    done = called("calibrate", "--workload", trace, "-o", out, *named, "--quiet")
    assert done.exit_code == 0, done.output
    assert "prompt_tokens" in out.read_text(encoding="utf-8")
