"""``sim trace``: what a log holds, the workloads that replay and model it, days and weeks of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from answer_schemas import check_answer
from click.testing import CliRunner, Result
from log_files import LITELLM
from places import FAULTS, SHIPPED

from sim.__main__ import main
from sim.catalog import shape
from sim.catalog.logs import read_trace
from sim.cli import cli
from sim.scenario import load_scenario
from sim.scenario.text.yaml_file import parse_document

SAMPLE = SHIPPED / "azure_trace_sample.csv"
SECONDS = FAULTS / "times_in_seconds" / "sec_trace.jsonl"


def called(*arguments: object) -> Result:
    done = CliRunner().invoke(cli, ["trace", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


def hours(path: Path, count: int, per_hour: int = 600, began: str = "2026-07-01T09:00") -> Path:
    """A log of some hours with sessions of two requests, more in later hours."""
    rng, start = np.random.default_rng(1), np.datetime64(began)
    lines = ["time,prompt_tokens,output_tokens,session_id"]
    for hour in range(count):
        for each in range(per_hour * (1 + hour % 24) // 2):
            at = start + np.timedelta64(int((hour + rng.random()) * 3.6e6), "ms")
            times = (at, at + np.timedelta64(30, "s"))
            lines += [f"{time},{100 + hour},7,{hour}-{each}" for time in times]
    path.write_text("\n".join(lines))
    return path


def test_a_log_is_shown_with_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "spend.json").write_text(json.dumps(LITELLM))
    shown = called(tmp_path / "spend.json").stdout
    assert "is of the format litellm (JSON array): 2 requests of 3 rows" in " ".join(shown.split())
    assert "1 rows without prompt or output tokens are left out" in shown
    assert "Sessions 2, of 1.00 requests each" in shown
    assert "Cache    20.0% of the prompt tokens, as the log says" in shown
    assert "No model: 2 requests within 2.5 s do not make a distribution" in shown


def test_the_block_that_is_shown_replays_the_log(tmp_path: Path) -> None:
    data = json.loads(called(SECONDS, "--column", "unit=s", "--json").stdout)
    check_answer("trace", data)
    assert data["requests"] == sum(data["lengths"][0]["max"] > 0 for _ in range(600))
    backends = parse_document((SECONDS.parent / "scenario.yaml").read_text(), "s").data["backends"]
    document = {"name": "replay", **data["replay"], "backends": backends}
    (tmp_path / "s.yaml").write_text(json.dumps(document))
    scenario = load_scenario(tmp_path / "s.yaml")
    (trace,) = scenario.traces.values()
    assert trace.span_s == data["span_s"] == pytest.approx(600, abs=2)


def test_the_model_and_its_pictures_are_written(tmp_path: Path) -> None:
    output, figures = tmp_path / "w.yaml", tmp_path / "figures"
    shown = called(SAMPLE, "-o", output, "--figures", figures).stdout
    assert "To replay it" in shown
    assert "To model it" in shown
    data = parse_document(output.read_text(), "w.yaml").data
    assert data["workloads"]["azure-trace-sample"]["arrivals"]["requests_per_second"] > 0
    assert (figures / "traffic_rate.svg").exists()


def test_rates_have_a_picture_by_hour(tmp_path: Path) -> None:
    data = json.loads(called(hours(tmp_path / "x.csv", 6), "--json").stdout)
    check_answer("trace", data)
    assert data["cell_s"] == 3600
    rates = np.array(data["requests_per_s"])[:6] * 3600
    np.testing.assert_allclose(rates, 600 * np.arange(1, 7), rtol=0.05)
    shown = called(tmp_path / "x.csv").stdout
    assert "▂▃▅▆▇█" in shown
    assert "numbers: -o FILE writes all" in shown
    assert "(2026-07-01 14:00)" in shown


def test_a_day_of_an_hour_has_the_shape_that_was_assumed(tmp_path: Path) -> None:
    log = hours(tmp_path / "hour.csv", 1, 4000)
    done = called(log, "--day", tmp_path / "day.csv.gz", "--shape", "azure-chat-2024")
    assert "assumed: 23 hours of the day are not in the log: their rates are by" in done.stderr
    day = read_trace(str(tmp_path / "day.csv.gz"))
    counts = np.histogram(day.arrival_s, np.arange(25) * 3600)[0]
    told = shape("azure-chat-2024").multipliers()[48:72]  # a Wednesday
    assert counts[9] == pytest.approx(4000, rel=0.15)
    expected = counts[9] * told / told[9]
    np.testing.assert_allclose(counts, expected, rtol=0.2)
    assert day.prompt_tokens.tolist().count(100) == len(day.arrival_s)


def test_a_week_of_a_day_has_the_hours_of_the_day_and_whole_sessions(tmp_path: Path) -> None:
    log = hours(tmp_path / "day.csv", 24, 60, "2026-07-01T00:00")
    done = called(log, "--week", tmp_path / "week.csv", "--seed", 3)
    assert "assumed: all days are alike: weekends are taken as busy" in done.stderr
    week, day = read_trace(str(tmp_path / "week.csv")), read_trace(str(log))
    assert len(week.arrival_s) == pytest.approx(7 * len(day.arrival_s), rel=0.05)
    midnight_s = (week.began - week.began.replace(hour=0, minute=0, second=0)).total_seconds()
    hour = ((week.arrival_s + midnight_s) % 86_400 // 3600).astype(int)
    assert np.mean(week.prompt_tokens - 100 == hour) > 0.98  # but for turns after the hour
    turns = np.bincount(week.session)
    assert np.mean(turns == 2) > 0.999
    first = np.sort(week.session, kind="stable")
    assert len(np.unique(first)) == week.sessions
    again = called(log, "--week", tmp_path / "again.csv", "--seed", 3)
    assert again.exit_code == 0
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "week.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            (FAULTS / "delays_after_answers" / "aiperf_mt.jsonl", "--day", "x.csv"),
            "no times to draw",
        ),
        ((FAULTS / "json_array" / "litellm.csv", "--day", "x.csv"), "are too little to draw a day"),
        ((FAULTS / "json_array" / "litellm.csv", "-o", "x.yaml"), "no model to be saved"),
        ((SECONDS,), "give the trace its unit"),
        ((SECONDS, "--column", "unit=h"), "--column unit (h) must be one of"),
        ((SECONDS, "--column", "block_tokens=0"), "must be a whole number from 1 to 65536"),
        ((SECONDS, "--column", "colour=x"), "--column (colour) must be one of timestamp"),
        ((SECONDS, "--format", "csv"), "--format (csv) must be auto, columns, azure"),
        ((SECONDS, "--format", "columns"), "must be named for the format columns"),
        ((SAMPLE, "--day", "x.csv", "--shape", "none"), "shape 'none' is not in the"),
        (("none.csv",), "no such file"),
        ((SAMPLE, "--day", "none/x.csv"), "cannot be written"),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: tuple[object, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["trace", *map(str, arguments)]) == 2
    error = capfd.readouterr().err
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("on", "backend"),
    [
        (None, {"api": {"kind": "managed_api", "model": "gpt-4.1-mini"}}),
        ("openai/gpt-4.1", {"api": {"kind": "managed_api", "model": "openai/gpt-4.1"}}),
        (
            "llama-3.3-70b/h100-sxm/tp4/fp8/vllm",
            {
                "fleet": {
                    "kind": "gpu_pool",
                    "service": "llama-3.3-70b/h100-sxm/tp4/fp8/vllm",
                    "replicas": 1,
                }
            },
        ),
    ],
)
def test_a_log_becomes_a_whole_scenario(tmp_path: Path, on: str | None, backend: dict) -> None:
    path = tmp_path / "whole.yaml"
    done = called(SAMPLE, "--scenario", path, *(("--on", on) if on else ()))
    assert f"a whole scenario in {path} (sim run {path})" in done.stderr
    assert parse_document(path.read_text(), "s").data["backends"] == backend
    scenario = load_scenario(path)
    (workload,) = scenario.typical_design().workloads
    log = read_trace(str(SAMPLE))
    expected = scenario.typical_design().horizon.duration_s * len(log.arrival_s) / log.span_s
    assert workload.source.curve.cumulative(3600.0) == pytest.approx(expected, rel=0.02)


def test_the_scenario_of_a_whole_day_is_a_day_with_its_date_and_shape(tmp_path: Path) -> None:
    log = hours(tmp_path / "day.csv", 24, 60, "2026-07-01T00:00")
    called(log, "--scenario", tmp_path / "whole.yaml")
    data = parse_document((tmp_path / "whole.yaml").read_text(), "s").data
    assert data["horizon"] == {"start": "2026-07-01", "days": 1}
    load_scenario(tmp_path / "whole.yaml")


def test_a_log_that_makes_no_model_is_played_in_its_scenario(tmp_path: Path) -> None:
    (tmp_path / "spend.json").write_text(json.dumps(LITELLM))
    called(tmp_path / "spend.json", "--scenario", tmp_path / "whole.yaml")
    text = (tmp_path / "whole.yaml").read_text()
    assert "the log itself, played once" in text.replace("\n# ", " ")
    (trace,) = load_scenario(tmp_path / "whole.yaml").traces.values()
    assert len(trace.arrival_s) == 2


def test_who_cannot_answer_is_told_at_once(tmp_path: Path, capsys) -> None:
    path = str(tmp_path / "whole.yaml")
    assert main(["trace", str(SAMPLE), "--scenario", path, "--on", "qwen3-32b/l40s"]) == 2
    assert "computed: service: {model: qwen3-32b, gpu: l40s" in capsys.readouterr().err
    assert main(["trace", str(SAMPLE), "--on", "gpt-4.1"]) == 2
    assert "--on needs --scenario" in capsys.readouterr().err


OTHER = "came_at,tokens_in,tokens_out\n2026-07-01T09:00,5,6\n2026-07-01T09:01,5,6\n"
NAMED = ("--column", "timestamp=nope", "--column", "prompt_tokens=tokens_in", "--column",
         "output_tokens=tokens_out")  # fmt: skip


@pytest.mark.parametrize(
    ("command", "how"),
    [
        (("trace", "x.csv"), "name them: --column timestamp=NAME"),
        (("trace", "x.csv", *NAMED), "no column 'nope'; it has: "),
        (("calibrate", "--workload", "x.csv", *NAMED), "no column 'nope'; it has: "),
        (("init", "new.yaml", "--from-trace", "x.csv"), "name them: sim trace FILE --scenario"),
    ],
)
def test_a_column_that_is_not_there_is_answered_with_those_that_are(
    command: tuple[str, ...],
    how: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.csv").write_text(OTHER)
    assert main([*command]) == 2
    _, said = capfd.readouterr()
    assert len(said.splitlines()) == 1
    assert how in said
    assert "it has: came_at, tokens_in, tokens_out (name them" in said


def test_of_many_columns_some_are_listed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    names = [f"column_{each}" for each in range(40)]
    wide = tmp_path / "wide.csv"
    wide.write_text(f"{','.join(names)}\n{','.join('1' * 40)}\n")
    assert main(["trace", str(wide)]) == 2
    _, said = capfd.readouterr()
    assert "column_23, and 16 more (" in said


def test_a_log_of_weeks_fits_80_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    log = tmp_path / "busy-shop.csv"
    rng, start = np.random.default_rng(1), np.datetime64("2026-07-01T00:00")
    at = np.sort(rng.random(6000)) ** 0.7 * 35 * 86_400_000  # more in later weeks
    rows = [f"{start + np.timedelta64(int(ms), 'ms')},{100 + i % 900},7" for i, ms in enumerate(at)]
    log.write_text("\n".join(["time,prompt_tokens,output_tokens", *rows]))
    shown = called(log).stdout
    assert "# 168 numbers: -o FILE writes all" in shown
    folder = str(tmp_path)
    assert not [line for line in shown.splitlines() if len(line) > 80 and folder not in line]
