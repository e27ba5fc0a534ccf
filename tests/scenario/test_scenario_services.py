"""Services of pools: measured, of a file, or computed from a model and a GPU."""

import json

import pytest
from scenario_documents import MINIMAL, written

from sim.catalog.computed import computed_profile
from sim.errors import ScenarioError
from sim.scenario import load_scenario

SERVICE = "backends.large.service"
CONFIG = {"hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
          "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 128256}  # fmt: skip


def test_a_model_on_gpus_is_computed_with_its_uncertainty(tmp_path):
    path = written(tmp_path, MINIMAL)
    mapping = "{model: qwen3-32b, gpu: l40s, gpus: 2, precision: fp8}"
    scenario = load_scenario(path, [f"{SERVICE}={mapping}"])
    found = scenario.typical_design().pools[0].profile
    assert found == computed_profile("qwen3-32b", "l40s", 2, "fp8")
    (factor,) = [u for u in scenario.inputs if u.path == "backends.large.throughput_factor"]
    low, high = factor.distribution.ppf([0.05, 0.95])
    assert low < 0.8 and high > 1.25  # nine in ten
    again = tmp_path / "resolved.yaml"
    again.write_text(scenario.to_yaml())
    assert load_scenario(again).typical_design().pools == scenario.typical_design().pools


def test_the_model_may_be_a_configuration_beside_the_scenario(tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text(json.dumps(CONFIG))
    path = written(tmp_path, MINIMAL)
    scenario = load_scenario(path, [f"{SERVICE}={{model: tiny/config.json, gpu: l4}}"])
    found = scenario.typical_design().pools[0].profile
    assert found.name == "computed/tiny/l4/tp1/bf16"
    assert scenario.document["backends"]["large"]["service"] == {
        "model": str(tmp_path / "tiny" / "config.json"),
        "gpu": "l4", "gpus": 1, "precision": "bf16", "kv_cache_dtype": "bf16",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("quantised", "beside", "precision", "cache"),
    [
        ({"quant_method": "fp8"}, None, "fp8", "bf16"),
        ({"quant_method": "mxfp4"}, None, "fp4", "bf16"),
        ({"quant_algo": "FP8", "kv_cache_scheme": {"num_bits": 8, "type": "float"}}, None,
         "fp8", "fp8"),
        (None, {"quantization": {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8"}},
         "fp4", "fp8"),
        (None, {"quantization": {"quant_algo": "NVFP4", "kv_cache_quant_algo": None}},
         "fp4", "bf16"),
        (None, None, "bf16", "bf16"),
    ],
)  # fmt: skip
def test_a_configuration_says_its_precisions(tmp_path, quantised, beside, precision, cache):
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, "quantization_config": quantised}))
    if beside is not None:
        (tmp_path / "hf_quant_config.json").write_text(json.dumps(beside))
    path = written(tmp_path, MINIMAL)
    scenario = load_scenario(path, [f"{SERVICE}={{model: config.json, gpu: l4}}"])
    found = scenario.typical_design().pools[0].profile
    assert (found.precision, found.kv_cache_dtype) == (precision, cache)


def test_a_computed_profile_may_be_named(tmp_path):
    name = "computed/mistral-7b/l40s/tp1/fp8"
    scenario = load_scenario(written(tmp_path, MINIMAL), [f"{SERVICE}={name}"])
    assert scenario.typical_design().pools[0].profile.name == name


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("qwen3-14b/l40s/tp2/fp8/vllm", "service: no measurement of qwen3-14b on l40s; computed"),
        ("{model: qwen3-32b}", "service: has no gpu"),
        ("{model: qwen3-32b, gpu: l40s, gpsu: 2}", "service.gpsu: unknown key"),
        ("{model: qwen3-32b, gpu: l40s, gpus: 0}", "gpus: 0 must be a whole number from 1"),
        ("{model: qwen3-32b, gpu: l40s, precision: fp7}", "precision: 'fp7' must be one of"),
        ("{model: qwen3-99b, gpu: l40s}", "service: model 'qwen3-99b' is not in the catalogue"),
        ("{model: none.json, gpu: l40s}", "none.json: "),
        ("3", "must be the name of a profile"),
    ],
)
def test_a_service_that_cannot_be_is_refused(tmp_path, service, said):
    with pytest.raises(ScenarioError) as caught:
        load_scenario(written(tmp_path, MINIMAL), [f"{SERVICE}={service}"])
    assert said in str(caught.value)
