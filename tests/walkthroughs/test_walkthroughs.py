"""Walk-throughs: people's questions from start to answer, command by command.

Each page is what somebody does who knows the README and ``--help``: its YAML blocks become files
(named in their first line), its commands are run in order in an empty folder, and each must succeed
at once and print what stands below it, where ``...`` stands for anything. What decides the question
is then checked against a calculation by hand.
"""

import doctest
import json
import re
import shlex
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from sim.cli import cli

PAGES = Path(__file__).parent
FENCE = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def walk(page: str) -> list[str]:
    """Do what a page says in the current folder; what each command printed."""
    printed = []
    for kind, block in FENCE.findall((PAGES / page).read_text(encoding="utf-8")):
        if kind == "yaml":
            name = block.partition("\n")[0].removeprefix("# ")
            Path(name).write_text(block, encoding="utf-8")
            continue
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, wanted = step.partition("\n")
            printed.append(answered(command, wanted))
    return printed


def answered(command: str, wanted: str = "...\n") -> str:
    """The answer of a command that succeeds, which must be what is wanted."""
    program, *arguments = shlex.split(command)
    assert program == "sim"
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, f"{command}\n{result.output}"
    told = result.stdout
    assert doctest.OutputChecker().check_output(wanted, told, LOOSE), f"{command}\n{told}"
    return told


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def as_json(command: str) -> dict:
    return json.loads(answered(f"{command} --json --quiet"))


# -- the engineer

ROWS, HOURS = 50_000, 5


def write_log() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A log of one evening in the Azure format: when, tokens in, tokens out."""
    rng = np.random.default_rng(7)
    minutes = np.arange(0, HOURS * 3600, 60)
    rate = 1 + 0.3 * np.sin(np.pi * minutes / (HOURS * 3600))
    level = np.concatenate([[0], np.cumsum(rate) / rate.sum()])
    arrival_s = np.interp(np.sort(rng.uniform(size=ROWS)), level, np.append(minutes, HOURS * 3600))
    prompt, output = (
        rng.lognormal(np.log(p50), sigma, ROWS).astype(int) + 1
        for p50, sigma in ((900, 0.8), (250, 0.6))
    )
    start = datetime(2026, 11, 20, 17)
    rows = (
        f"{start + timedelta(seconds=float(at)):%Y-%m-%d %H:%M:%S.%f},{p},{o}\n"
        for at, p, o in zip(arrival_s, prompt, output, strict=True)
    )
    header = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    Path("log.csv").write_text(header + "".join(rows), encoding="utf-8")
    return arrival_s, prompt, output


def request_s(law: dict, batch: int, prompt: float, output: float, squared: float = 0.0) -> float:
    """Time of a replica that a request takes: its prefill, and its share of a batch's steps."""
    at = min(range(len(law["batch"])), key=lambda i: abs(law["batch"][i] - batch))
    step_s = law["step_base_ms"][at] / 1e3
    step_s += law["step_ns_per_kv_token"][at] / 1e9 * batch * (prompt + output / 2)
    prefill_s = law["prefill_us_per_token"] / 1e6 * prompt
    prefill_s += law["prefill_ns_per_token_context"] / 1e9 * (squared or 2 * prompt**2) / 2
    return prefill_s + output / batch * step_s


def by_hand_gpu_hours(
    law: dict, gpus: int, log: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> float:
    """GPU-hours of replicas that hold eight requests each, from the log and the profile's law.

    A request takes its prefill, and its share of the steps of a batch of eight for each token.
    """
    arrival_s, prompt, output = log
    busy_s = request_s(law, 8, prompt.mean(), output.mean(), (prompt**2).mean())
    quarters = np.histogram(arrival_s, np.arange(HOURS * 4 + 1) * 900.0)[0]
    in_flight = 8 * 10 * quarters / 900 * busy_s
    replicas = np.ceil((in_flight + 1.87 * np.sqrt(in_flight)) / 8)
    return float(replicas.mean()) * gpus * HOURS


def test_an_engineer_sizes_black_friday_from_a_log() -> None:
    log = write_log()
    walk("engineer.md")
    fixed = "--worlds 2 --set backends.fleet.throughput_factor=1"
    l40s = "--set backends.fleet.service.gpu=l40s --set backends.fleet.service.gpus=2"
    for gpus, name, changes in ((1, "h100-sxm/tp1", ""), (2, "l40s/tp2", l40s)):
        text = answered(f"sim catalog profiles computed/qwen3-32b/{name}/fp8 --yaml")
        hours = by_hand_gpu_hours(YAML(typ="safe", pure=True).load(text), gpus, log)
        found = as_json(f"sim run black_friday.yaml {fixed} {changes}")
        assert found["metrics"]["requests"]["p50"] == 10 * ROWS
        assert found["metrics"]["gpu_hours"]["p50"] == pytest.approx(hours, rel=0.10)


# -- the finance person


def test_a_finance_person_decides_on_a_bill() -> None:
    walk("finance.md")
    (saved_answer,) = Path("outputs").rglob("answer.json")
    found = json.loads(saved_answer.read_text(encoding="utf-8"))
    month = 365.25 / 12
    volume = 38_000 * 0.5 / (425 * 8e-6) / month  # half of the bill at 8 USD a million tokens
    rented, bought = found["switching"]
    assert found["sentence"].startswith(
        f"Our bill: at the scenario's own volume, {volume / 1e3:.0f}k"
    )
    # Four GPUs hold the busiest hour, twice the mean, in batches of 64 (a step and its prefill).
    text = answered("sim catalog profiles llama-3.3-70b/h100-sxm/tp4/fp8/vllm --yaml")
    law = YAML(typ="safe", pure=True).load(text)
    assert 2 * volume / 86_400 * request_s(law, 64, 1700.0, 425.0) < 1
    assert (rented["gpus"], bought["gpus"]) == (4, 4)
    hour_usd = (2 + 2.6 + 3.5) / 3  # the mean of the triangle
    saved = 38_000 - 4 * hour_usd * 730.5
    assert rented["saved_usd_per_month_p50"] == pytest.approx(saved, rel=0.10)
    assert rented["costs_more_share"] == 0
    # Machines of four years are paid back by the bill less the staff.
    migration = np.sqrt(20_000 * 60_000)  # the median of what has that p5 and p95
    assert rented["paid_at_once_usd_p50"] == pytest.approx(migration, rel=0.10)
    months = (4 * 43_000 + migration) / (38_000 - 6_000)
    assert bought["payback_months_p50"] == pytest.approx(months, rel=0.10)
    assert rented["payback_months_p50"] == pytest.approx(migration / saved, rel=0.15)
    assert rented["not_paid_back_share"] == 0


# -- the founder


def test_a_founder_learns_what_a_user_costs() -> None:
    walk("founder.md")
    # Prompts of 3, 4, 5 and 6 thousand tokens at 2 USD a million, answers of 400 at 8.
    task_usd = 18_000 * 2e-6 + 1_600 * 8e-6
    api_usd = task_usd * 10 * 365.25 / 12
    pool_usd = 2 * 4 * 2.99 * 730.5
    api, own = "--set backends.own=null", "--set backends.api=null --set workloads.agent.route=own"
    for users in (20, 5_000):
        for side, by_hand in ((api, api_usd), (own, pool_usd / users)):
            command = f"sim run agents.yaml {side} --set workloads.agent.arrivals.users={users}"
            found = as_json(command)["metrics"]
            assert found["cost_usd_per_user_month_asked"]["p50"] == pytest.approx(by_hand, rel=0.1)
            assert found["slo_attainment"]["p50"] > 0.95
