"""Every command at 80 columns: no line of any answer is wider, in a pipe as on a terminal.

Widths are those of a terminal, where a Chinese character takes two columns.
"""

import shlex

import click
import pytest
from places import ROOT

from sim.__main__ import main
from sim.cli import COMMANDS
from sim.cli.catalog import catalog
from sim.report.paragraph import display_width
from sim.report.parts import Telling

WIDTH = 80
NAME = "客服助手 with a name that goes on for longer than people expect of one"
WORKLOADS = f"""\
name: {NAME}
horizon: {{days: 0.02}}
workloads:
  questions-and-answers:
    arrivals: {{requests_per_day: {{lognormal: {{p50: 20k, p95: 60k}}}}, shape: flat}}
    prompt_tokens: {{lognormal: {{mean: 900, p95: 2500}}}}
    output_tokens: 60
    slo: {{ttft_p95: 2s}}
    route: frontier-of-the-second-region
    value_per_task: 0.05 USD
  documents-overnight:
    arrivals: {{requests_per_day: 4k, shape: flat}}
    prompt_tokens: 2000
    output_tokens: 30
    route: mini
backends:
  mini: {{kind: managed_api, model: gpt-4.1-mini}}
  frontier-of-the-second-region:
"""
API = f"{WORKLOADS}    {{kind: managed_api, model: gpt-4.1}}\n"
POOL = f"""{WORKLOADS}\
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 2
    price: {{usd_per_gpu_hour: 2.99}}
"""
LOG = ROOT / "scenarios" / "azure_trace_sample.csv"
RUN = ROOT / "scenarios" / "measured" / "guidellm_c8.json.gz"
ENGINE = "--max-num-seqs 32 --max-num-batched-tokens 512 --kv-capacity-tokens 16384"
TWO = "frontier-of-the-second-region.replicas=2"
LINES = {
    "run": "POOL --worlds 6",
    "size": "POOL --worlds 13 --probability 75%",
    "stress": "API --growth 1,40 --worlds 2",
    "plan": "API --months 2 --growth 4 --worlds 2",
    "compare": f"POOL --variant 'a rather long name of a design: backends.{TWO}' --worlds 4",
    "sweep": f"POOL --over backends.{TWO},3 --over horizon.days=0.01,0.02 --worlds 4",
    "breakeven": "POOL --volumes 1k,4k --worlds 4",
    "sensitivity": "API --worlds 16 --set horizon.days=0.004",
    "risk": "API --worlds 128 --set horizon.days=0.004",
    "calibrate": f"--workload {LOG} -o w.yaml --force",  # of benchmarks: in test_calibrate.py
    "validate": f"computed/qwen3-32b/l40s/tp2/fp8 {RUN} --worlds 2 --bar tpot_p50<=999% {ENGINE}",
    "trace": str(LOG),
    "explain": "backends.large.autoscaler",
}
STUDIES = {"run", "size", "stress", "plan", "compare", "sweep", "breakeven", "sensitivity", "risk"}
WITHOUT_LINES = {"init", "schema", "catalog", "diff", "report", "explore"}  # tried below
OF_THE_CATALOG = {
    "profiles": (
        "--model llama",
        "llama-3.3-70b/h100-sxm/tp4/fp8/vllm",
        "computed/qwen3-32b/l40s/tp2/fp8",
    ),
    "prices": ("", "--gpu h100-sxm", "--model claude"),
    "apis": ("",),
    "gpus": ("",),
    "power": ("",),
    "grids": ("",),
    "models": ("",),
    "shapes": ("",),
    "formats": ("",),
    "words": ("", "world"),
}


@pytest.fixture
def both_forms(monkeypatch):
    """A study that prints its one screen and then all that it has, to be made once."""
    screen = Telling.screen
    monkeypatch.setattr(Telling, "screen", lambda told: f"{screen(told)}\n{told.text()}")


def too_wide(text):
    return [line for line in text.splitlines() if display_width(line) > WIDTH]


@pytest.fixture
def said(capsys, monkeypatch, tmp_path):
    """What a command line prints at 80 columns."""
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.chdir(tmp_path)
    for name, text in (("POOL", POOL), ("API", API)):
        (tmp_path / name).write_text(text, encoding="utf-8")

    def run(line):
        arguments = shlex.split(line)
        jobs = ["--jobs", "1"] if arguments[0] in STUDIES and "--help" not in line else []
        code = main([*arguments, *jobs])
        told = capsys.readouterr()
        assert code == 0, told.err
        return click.unstyle(told.out)

    return run


def test_every_command_is_tried():
    assert set(COMMANDS) == set(LINES) | WITHOUT_LINES
    assert set(catalog.commands) == set(OF_THE_CATALOG)


@pytest.mark.parametrize("name", LINES)
def test_the_answer_of_a_command_fits(name, said, both_forms):
    text = said(f"{name} {LINES[name]}")
    assert len(text.splitlines()) > 5
    assert not too_wide(text)


def test_the_answer_of_diff_fits(said):
    said("run POOL --worlds 3 --out one")
    said("run POOL --worlds 3 --out two --set backends.frontier-of-the-second-region.replicas=3")
    text = said("diff one two")
    assert "backends.frontier-of-the-second-region.replicas" in text
    assert not too_wide(text)


@pytest.mark.parametrize(
    ("table", "rest"), [(name, rest) for name, lines in OF_THE_CATALOG.items() for rest in lines]
)
def test_a_table_of_the_catalog_fits(table, rest, said):
    text = said(f"catalog {table} {rest}")
    assert text.strip()
    assert not too_wide(text)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_fits(name, said):
    assert not too_wide(said(f"{name} --help"))


@pytest.mark.parametrize("line", ["catalog gpus", "catalog prices --model claude"])
def test_more_columns_have_a_row_on_a_line_and_all_of_them_without_a_limit(line, said, monkeypatch):
    narrow = said(line)
    monkeypatch.setenv("COLUMNS", "240")
    wide = said(line)
    monkeypatch.delenv("COLUMNS")
    every = said(line)
    assert len(every.splitlines()) <= len(wide.splitlines()) <= len(narrow.splitlines())
    assert wide.split("sources")[0] == every.split("sources")[0]
