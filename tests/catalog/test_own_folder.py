"""A folder of the user's own extends the catalogue; printed files can be used as they are."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from places import ROOT

from sim.catalog import profile, profile_names
from sim.catalog.hardware import gpus
from sim.catalog.prices import listed_prices
from sim.catalog.profile_file import load_profile, parse_profile, profile_yaml
from sim.catalog.profiles import newest
from sim.cli.catalog import catalog

SERVICE = "llama-3.3-70b/h100-sxm/tp4/fp8/vllm"
SCENARIO = """
name: own
horizon: {start: 2026-11-23, duration: 10min, warm_up: 0s}
workloads:
  chat:
    arrivals: {requests_per_second: 1}
    prompt_tokens: 500
    output_tokens: 100
    route: own
backends:
  own: {kind: gpu_pool, service: house/my-gpu/tp2/int4/vllm, replicas: 1,
        price: {provider: cellar}}
"""


def sim(*arguments: str, folder: Path | None = None, option: bool = False) -> str:
    """What a command prints, with a folder by the environment or by the option."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    before: list[str] = []
    if folder is not None and option:
        before = ["--catalog", str(folder)]
    elif folder is not None:
        environment["PEAKFLEET_CATALOG"] = str(folder)
    command = [sys.executable, "-m", "sim", *before, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.stdout if done.returncode == 0 else f"{done.returncode}: {done.stderr}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Prices of a GPU in the cellar, a model of the house, and its profile."""
    own = tmp_path / "own"
    place = own / "profiles" / "house" / "my-gpu" / "tp2" / "int4"
    place.mkdir(parents=True)
    text = profile_yaml(profile(SERVICE)).replace("gpu: h100-sxm", "gpu: my-gpu")
    (place / "vllm.yaml").write_text(text)
    (own / "gpu_prices.csv").write_text(
        "provider,gpu,purchase,usd_per_gpu_hour,as_of,source\n"
        "cellar,my-gpu,on_demand,0.7,2026-10,our books\n"
        "aws,h100-sxm,on_demand,3.5,2026-10,our contract\n"
    )
    (own / "gpus.csv").write_text(
        "gpu,hbm_gib,bandwidth_tb_per_s,fp16_tflops_dense,source,as_of\n"
        "my-gpu,64,2.5,500,its maker,2026-10\n"
    )
    config = own / "models" / "House-7B" / "config.json"
    config.parent.mkdir(parents=True)
    figures = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
               "num_key_value_heads": 8, "intermediate_size": 11008,
               "vocab_size": 32000}  # fmt: skip
    config.write_text(json.dumps(figures))
    return own


def test_own_profiles_prices_gpus_and_models_are_listed_beside_the_built_in(folder):
    assert "house/my-gpu/tp2/int4/vllm" in sim("catalog", "profiles", folder=folder)
    prices = json.loads(sim("catalog", "prices", "--gpu", "", "--purchase", "on_demand", "--json",
                            folder=folder, option=True))  # fmt: skip
    mine = {(r["provider"], r["gpu"]): r["usd_per_gpu_hour"] for r in prices}
    assert mine["cellar", "my-gpu"] == 0.7 and mine["aws", "h100-sxm"] == 3.5
    assert len(mine) > 50
    shown = sim("catalog", "profiles", "computed/house-7b/my-gpu/tp1/fp16", folder=folder)
    assert "grade" in shown and "C" in shown and "computed/house-7b/my-gpu/tp1/fp16" in shown
    assert "house" not in sim("catalog", "profiles")


def test_a_scenario_may_use_them_and_its_resolved_copy_names_the_file(folder, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(SCENARIO)
    code = (
        "from sim.scenario import load_scenario; import json, sys;"
        "s = load_scenario(sys.argv[1]); p = s.typical_design().pools[0];"
        "print(json.dumps([s.document['backends']['own']['service'], p.profile.name,"
        " p.price.usd_per_gpu_hour]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PEAKFLEET_CATALOG": str(folder)}
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True,
                          env=environment, check=True)  # fmt: skip
    file, name, usd = json.loads(done.stdout)
    assert Path(file) == folder / "profiles/house/my-gpu/tp2/int4/vllm.yaml"
    assert (name, usd) == ("house/my-gpu/tp2/int4/vllm", 0.7)


def test_what_is_wrong_in_the_folder_is_said_with_file_and_line(folder):
    (folder / "gpus.csv").write_text("gpu,hbm_gib\nmy-gpu,lots\n")
    said = sim("catalog", "gpus", folder=folder)
    assert said.startswith("1: ") or said.startswith("2: ")
    assert f"{folder}/gpus.csv:2" in said and "Traceback" not in said
    (folder / "gpus.csv").write_text("gpu,memory\nmy-gpu,64\n")
    assert "unknown column memory" in sim("catalog", "gpus", folder=folder)
    assert "must be a folder" in sim("catalog", "gpus", folder=folder / "nowhere")


@pytest.mark.parametrize("name", [*profile_names()[::6], "computed/kimi-k2.5/b200-sxm/tp8/fp4"])
def test_a_printed_profile_is_a_file_that_gives_the_same(name, tmp_path):
    result = CliRunner().invoke(catalog, ["profiles", name, "--yaml"], catch_exceptions=False)
    assert result.exit_code == 0
    path = tmp_path / "edited.yaml"
    path.write_text(result.stdout)
    same = profile(str(path))
    assert profile_yaml(same) == result.stdout
    for once, again in zip(profile(name).step_tables(), same.step_tables(), strict=True):
        assert again == pytest.approx(once, rel=1e-12)
    assert load_profile(path) == parse_profile(result.stdout, str(path), str(path))
    edited = re.sub(r"max_num_seqs: \d+", "max_num_seqs: 77", result.stdout)
    path.write_text(edited)
    assert profile(str(path)).max_num_seqs == 77


def test_yaml_goes_with_a_name():
    result = CliRunner().invoke(catalog, ["profiles", "--yaml"])
    assert result.exit_code == 2 and "--yaml goes with the NAME" in result.output


def test_a_script_may_name_its_folder_at_any_time(folder, monkeypatch):
    """Whatever was read of the catalogue before; without the folder all is as it was."""
    before = [*profile_names()], {each.provider for each in listed_prices()}, {*gpus()}, newest()
    monkeypatch.setenv("PEAKFLEET_CATALOG", str(folder))
    assert profile("house/my-gpu/tp2/int4/vllm").gpu == "my-gpu"
    assert "cellar" in {each.provider for each in listed_prices()}
    assert "my-gpu" in gpus()
    elsewhere = folder.parent / "elsewhere" / folder.name
    elsewhere.mkdir(parents=True)
    monkeypatch.setenv("PEAKFLEET_CATALOG", folder.name)
    monkeypatch.chdir(folder.parent)
    assert "my-gpu" in gpus()
    monkeypatch.chdir(elsewhere.parent)
    assert "my-gpu" not in gpus()
    monkeypatch.delenv("PEAKFLEET_CATALOG")
    now = [*profile_names()], {each.provider for each in listed_prices()}, {*gpus()}, newest()
    assert now == before and "my-gpu" not in gpus()
