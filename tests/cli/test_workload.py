"""``sim calibrate --workload``: from a trace to a block of a scenario."""

import json
from pathlib import Path

import pytest
from answer_schemas import check_answer
from click.testing import CliRunner, Result
from places import SHIPPED

from sim.cli import cli
from sim.scenario.text.yaml_file import parse_document

SAMPLE = SHIPPED / "azure_trace_sample.csv"


def called(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["calibrate", *map(str, arguments)], catch_exceptions=True)


def test_a_trace_becomes_a_workload_with_pictures(tmp_path: Path) -> None:
    output, figures = tmp_path / "w.yaml", tmp_path / "figures"
    done = called("--workload", SAMPLE, "-o", output, "--figures", figures)
    assert done.exit_code == 0, done.output
    assert "requests a second" in done.output
    assert "What the trace cannot tell" in done.output
    data = parse_document(output.read_text(), "w.yaml").data
    (workload,) = data["workloads"].values()
    assert workload["arrivals"]["requests_per_second"] > 0
    assert (figures / "traffic_rate.svg").exists()
    assert (figures / "traffic_windows.csv").exists()


def test_the_answer_as_json_is_the_same_twice() -> None:
    first, second = (called("--workload", SAMPLE, "--json", "--quiet") for _ in range(2))
    assert first.output == second.output
    check_answer("workload", json.loads(first.output))


def test_columns_of_any_table_are_given_by_hand(tmp_path: Path) -> None:
    rows = "".join(f"{at * 250},{at % 7 + 1},{at % 5 + 1}\n" for at in range(400))
    path = tmp_path / "log.csv"
    path.write_text("when,in,out\n" + rows)
    given = ("timestamp=when", "prompt_tokens=in", "output_tokens=out", "unit=ms")
    done = called("--workload", path, *(word for each in given for word in ("--column", each)))
    assert done.exit_code == 0, done.output
    assert "4 requests a second" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give FILES of benchmarks, or a trace with --workload"),
        (("--workload", SAMPLE, "--gpu", "x"), "takes neither FILES nor"),
        (("--workload", SAMPLE, "file.json"), "takes neither FILES nor"),
        (("--workload", SAMPLE, "--column", "session=a", "--column", "timestamp=a"),
         "must give different columns"),
        (("--workload", SAMPLE, "--column", "colour=a"), "colour) must be one of"),
        (("--workload", SAMPLE, "--column", "timestamp=a", "--column", "prompt_tokens=b",
          "--column", "output_tokens=c", "--column", "unit=h"), "unit (h) must be one of"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_usage_error(arguments: tuple[object, ...], message: str) -> None:
    done = called(*arguments)
    assert done.exit_code == 2
    assert message in done.output
