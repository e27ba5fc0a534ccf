"""Architectures from config.json: sizes as published, caches in closed form."""

import json
import math
import random

import pytest

from sim.catalog.architecture import architecture_of
from sim.catalog.computed import computed_profile
from sim.catalog.hardware import model
from sim.catalog.model_config import read_config
from sim.errors import CatalogError

LLAMA_8B = {
    "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
    "max_position_embeddings": 131072, "tie_word_embeddings": False,
}  # fmt: skip
DEEPSEEK = {
    "hidden_size": 7168, "num_hidden_layers": 61, "num_attention_heads": 128,
    "num_key_value_heads": 128, "intermediate_size": 18432, "vocab_size": 129280,
    "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8,
    "moe_intermediate_size": 2048, "first_k_dense_replace": 3, "kv_lora_rank": 512,
    "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
}  # fmt: skip
GPT_OSS = {
    "hidden_size": 2880, "num_hidden_layers": 36, "num_attention_heads": 64,
    "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 2880, "vocab_size": 201088,
    "num_local_experts": 128, "num_experts_per_tok": 4, "sliding_window": 128,
    "layer_types": ["sliding_attention", "full_attention"] * 18,
}  # fmt: skip
QWEN_NEXT = {
    "hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 16,
    "num_key_value_heads": 2, "head_dim": 256, "vocab_size": 151936, "num_experts": 512,
    "num_experts_per_tok": 10, "moe_intermediate_size": 512, "attn_output_gate": True,
    "shared_expert_intermediate_size": 512, "full_attention_interval": 4,
    "linear_num_key_heads": 16, "linear_key_head_dim": 128, "linear_num_value_heads": 32,
    "linear_value_head_dim": 128,
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "params_b", "active_b"),
    [
        (LLAMA_8B, 8.03, 8.03),
        (DEEPSEEK, 671.0, 37.0),  # of the technical report
        (GPT_OSS, 116.83, 5.13),  # of the model card, without the embedding of the input
        (QWEN_NEXT, 80.0, 3.0),  # by its name
    ],
)
def test_sizes_are_those_published(config, params_b, active_b):
    found = architecture_of(config)
    assert found.params / 1e9 == pytest.approx(params_b, rel=0.01)
    assert found.active_params / 1e9 == pytest.approx(active_b, abs=0.9)


@pytest.mark.parametrize(
    ("config", "first", "later"),
    [
        (LLAMA_8B, 32 * 2 * 8 * 128 * 2, 32 * 2 * 8 * 128 * 2),
        (DEEPSEEK, 61 * (512 + 64) * 2, 61 * (512 + 64) * 2),
        (GPT_OSS, 36 * 2 * 8 * 64 * 2, 18 * 2 * 8 * 64 * 2),
        (QWEN_NEXT, 12 * 2 * 2 * 256 * 2, 12 * 2 * 2 * 256 * 2),
    ],
)
def test_the_cache_of_a_token_follows_from_the_kind_of_each_layer(config, first, later):
    found = architecture_of(config)
    assert (found.kv_bytes_per_token, found.growth_bytes_per_token) == (first, later)


def test_linear_layers_keep_a_state_of_fixed_size():
    assert architecture_of(QWEN_NEXT).state_bytes == 36 * 32 * 128 * 128 * 4
    assert architecture_of(LLAMA_8B).state_bytes == 0


def test_the_part_on_language_of_a_model_that_sees_is_what_counts():
    seeing = {"model_type": "x", "text_config": LLAMA_8B, "vision_config": {"hidden_size": 9}}
    assert architecture_of(seeing) == architecture_of(LLAMA_8B)


@pytest.mark.parametrize("name", ["llama-3.1-8b", "deepseek-v3", "gpt-oss-120b"])
def test_the_catalogue_agrees_with_configurations(name):
    config = {"llama-3.1-8b": LLAMA_8B, "deepseek-v3": DEEPSEEK, "gpt-oss-120b": GPT_OSS}[name]
    found, listed = architecture_of(config), model(name)
    for figure in ("layers", "kv_heads", "head_dim", "experts", "experts_per_token",
                   "kv_bytes_per_token", "growth_bytes_per_token", "window_tokens"):  # fmt: skip
        assert getattr(found, figure) == getattr(listed, figure), figure
    assert found.pair_flops == listed.pair_flops
    assert found.params == pytest.approx(listed.params, rel=0.01)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "num_hidden_layers is missing: is it the config.json of a language model?"),
        ("[1]", "is not the config.json of a language model"),
        ("{", "is no JSON"),
        (
            json.dumps({**LLAMA_8B, "hidden_size": "4096"}),
            r"hidden_size \('4096'\) must be",
        ),
        (json.dumps({**LLAMA_8B, "num_hidden_layers": 10**9}), "must be at most 10000"),
        (json.dumps({**LLAMA_8B, "num_attention_heads": 0}), "must be above 0"),
        (json.dumps({**DEEPSEEK, "qk_nope_head_dim": None}), "qk_nope_head_dim is missing"),
        (json.dumps({**LLAMA_8B, "mlp_only_layers": 3, "num_experts": 4}), "mlp_only_layers"),
        (json.dumps({**LLAMA_8B, "compress_ratios": ["x"] * 32}), "compress_ratios"),
        (json.dumps({**LLAMA_8B, "num_key_value_heads": 0}), "must be above 0"),
        (json.dumps({**LLAMA_8B, "max_position_embeddings": 1}), "must be above 1"),
        (json.dumps({**GPT_OSS, "num_experts_per_tok": 200}), "must be from 1 to 128"),
    ],
)
def test_what_is_no_configuration_is_refused_by_name(tmp_path, text, said):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(CatalogError, match=said):
        read_config(path)


def test_mangled_configurations_give_a_profile_or_one_clear_error(tmp_path):
    """300 of them, by a fixed seed: never another error, and never times that are none."""
    rng = random.Random(12)
    odd = [None, 0, -1, 1, 3, 1.5, "x", [], {}, [1], True, 10**15, 10**11, {"a": 1}, math.nan]
    keys = sorted({*LLAMA_8B, *DEEPSEEK, *GPT_OSS, *QWEN_NEXT, "compress_ratios", "text_config",
                   "attention_chunk_size", "mlp_only_layers"})  # fmt: skip
    path, made = tmp_path / "config.json", 0
    for _ in range(300):
        config = dict(rng.choice([LLAMA_8B, DEEPSEEK, GPT_OSS, QWEN_NEXT]))
        for key in rng.choices(keys, k=rng.randint(1, 3)):
            config[key] = rng.choice(odd)
        path.write_text(json.dumps(config))
        try:
            found = computed_profile(str(path), "h100-sxm", 8, "fp8")
        except CatalogError:
            continue
        made += 1
        assert all(math.isfinite(a) and a > 0 for a in found.step_base_s)
        assert found.prefill_s_per_token > 0 and found.kv_capacity_tokens >= found.max_model_len > 1
    assert 50 < made < 280
