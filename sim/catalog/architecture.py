"""Architectures of language models, from the ``config.json`` of a checkpoint on Hugging Face.

Counted are the matrices of attention (grouped heads, latent attention as in DeepSeek V2 to V3, the
compressed one of V4, gated linear attention as in Qwen3-Next), of dense layers and of experts, and
the embeddings. What is small against them (norms, biases, routers' corrections, vision towers) is
left out. A layer's cache per token follows from its kind: two vectors for each head that keeps keys
and values, one latent for all of them, the same but only within a window, a fraction of it where it
is compressed, or none and a state of fixed size.
"""

import math
from dataclasses import dataclass
from typing import Any

from sim.errors import CatalogError

MOST_LAYERS = 10_000
LEAST_CONTEXT = 2  # a token of the prompt and one of the answer
WIDE = 2  # bytes of a number in 16 bits
STATE = 4  # bytes of a number in the state of linear attention, which is kept in 32 bits
TWO_MATRICES = ("gpt2", "opt", "bloom", "falcon", "gpt_neox", "phi")  # without a gate in the MLP
EXPERTS = ("n_routed_experts", "num_experts", "num_local_experts")
CHOSEN = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_topk")
SHARED = ("n_shared_experts", "num_shared_experts")


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a model is made of.

    Attributes
    ----------
    params, active_params, embedding_params : float
        Weights in all, those used for one token, and those of input and output embedding.
    layers, query_heads, kv_heads, head_dim : int
    experts, experts_per_token : int
        Routed experts of a layer, and those that a token uses; 0 for a dense model.
    kv_bytes_per_token, growth_bytes_per_token : int
        KV cache of one token in 16 bits, in the first tokens of a sequence and beyond all windows.
    window_tokens : int
        Tokens that layers with a window look back; 0 where there are none.
    state_bytes : int
        Of a sequence, whatever its length.
    pair_flops : float
        Arithmetic of attention between two tokens.
    context_tokens : int
        Longest prompt plus output that the model was made for.
    """

    params: float
    active_params: float
    embedding_params: float
    layers: int
    query_heads: int
    kv_heads: int
    head_dim: int
    experts: int
    experts_per_token: int
    kv_bytes_per_token: int
    growth_bytes_per_token: int
    window_tokens: int
    state_bytes: int
    pair_flops: float
    context_tokens: int


def architecture_of(config: dict[str, Any]) -> Architecture:
    """The architecture that a ``config.json`` describes.

    Raises
    ------
    CatalogError
        Where a figure is missing or is no number, naming it.
    """
    return _Config(_of_text(config)).architecture()


def _of_text(config: dict[str, Any]) -> dict[str, Any]:
    """The part on language of a model that also sees or hears."""
    inner = config.get("text_config") or config.get("llm_config") or config.get("thinker_config")
    if not isinstance(inner, dict):
        return config
    outer = {key: value for key, value in config.items() if not isinstance(value, dict)}
    return outer | _of_text(inner)


class _Config:
    """The figures of a configuration, under whichever name they go."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.layers = self.count("num_hidden_layers", "n_layer", "num_layers", "n_layers")
        self.hidden = self.count("hidden_size", "n_embd", "d_model")
        self.heads = self.count("num_attention_heads", "n_head", "num_heads", "n_heads")
        self.kv_heads = self.count(
            "num_key_value_heads", "num_kv_heads", "n_head_kv", default=self.heads
        )
        if not (self.layers and self.hidden and self.heads):
            raise CatalogError("num_hidden_layers, hidden_size and heads must be above 0")
        if self.layers > MOST_LAYERS:
            raise CatalogError(f"num_hidden_layers ({self.layers}) must be at most {MOST_LAYERS}")
        self.head_dim = self.count("head_dim", default=max(self.hidden // self.heads, 1))
        if not (self.kv_heads and self.head_dim):
            raise CatalogError("num_key_value_heads and head_dim must be above 0")
        self.experts = self.count(*EXPERTS, default=0)

    def count(self, *names: str, default: int | None = None) -> int:
        """The first of some figures that is given."""
        for name in names:
            value = self.config.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**12:
                raise CatalogError(f"{name} ({value!r:.40}) must be a whole number")
            return value
        if default is None:
            raise CatalogError(f"{names[0]} is missing: is it the config.json of a language model?")
        return default

    def numbers(self, name: str) -> list[int]:
        """A list of whole numbers; empty where there is none."""
        given = self.config.get(name) or []
        if not isinstance(given, list) or not all(isinstance(each, int) for each in given):
            raise CatalogError(f"{name} ({given!r:.40}) must be a list of whole numbers")
        return given

    def architecture(self) -> Architecture:
        kinds = [self._kind(layer) for layer in range(self.layers)]
        sparse = [self._is_sparse(layer) for layer in range(self.layers)]
        attention = sum(map(self._attention_params, kinds))
        dense = sparse.count(False) * self._mlp_params(self._dense_width())
        expert, shared = self._expert_params()
        chosen = self.count(*CHOSEN, default=1) if self.experts else 0
        if self.experts and not 1 <= chosen <= self.experts:
            raise CatalogError(f"{CHOSEN[0]} ({chosen}) must be from 1 to {self.experts}")
        common = attention + dense + sparse.count(True) * shared
        embedding = self.count("vocab_size", default=0) * self.hidden
        embeddings = embedding * (1 if self.config.get("tie_word_embeddings") else 2)
        if common + sparse.count(True) * self.experts * expert <= 0:
            raise CatalogError("no layer has any weights")
        context = self.count("max_position_embeddings", "n_positions", default=131_072)
        if context < LEAST_CONTEXT:
            raise CatalogError(f"max_position_embeddings ({context}) must be above 1")
        caches = [self._cache_bytes(layer, kind) for layer, kind in enumerate(kinds)]
        windows = [self._window() for kind in kinds if kind == "window"]
        return Architecture(
            params=float(common + embeddings + sparse.count(True) * self.experts * expert),
            active_params=float(common + embeddings + sparse.count(True) * chosen * expert),
            embedding_params=float(embeddings),
            layers=self.layers,
            query_heads=self.heads,
            kv_heads=1 if self._is_latent else self.kv_heads,
            head_dim=self._latent_dim if self._is_latent else self.head_dim,
            experts=self.experts if any(sparse) else 0,
            experts_per_token=chosen if any(sparse) else 0,
            kv_bytes_per_token=sum(first for first, _ in caches),
            growth_bytes_per_token=sum(later for _, later in caches),
            window_tokens=max(windows, default=0),
            state_bytes=sum(self._state_bytes() for kind in kinds if kind == "linear"),
            pair_flops=float(sum(later > 0 for _, later in caches) * self._pair_flops()),
            context_tokens=context,
        )

    @property
    def _is_latent(self) -> bool:
        return self.config.get("kv_lora_rank") is not None

    @property
    def _latent_dim(self) -> int:
        return self.count("kv_lora_rank") + self.count("qk_rope_head_dim", default=0)

    def _window(self) -> int:
        return self.count("sliding_window", "attention_chunk_size", default=0)

    def _kind(self, layer: int) -> str:
        """``full``, ``window`` or ``linear``."""
        types = self.config.get("layer_types")
        if isinstance(types, list) and layer < len(types):
            name = str(types[layer])
            if name in ("sliding_attention", "chunked_attention"):
                return "window"
            return "linear" if name.startswith(("linear", "mamba", "conv")) else "full"
        chunked = 4 if self.config.get("attention_chunk_size") else 0  # Llama 4: one in four
        windowed = self.count("sliding_window_pattern", "_sliding_window_pattern", default=chunked)
        linear = self.count("full_attention_interval", default=0)
        if linear or (windowed and self._window()):
            sees_all = (layer + 1) % (linear or windowed) == 0
            return "full" if sees_all else "linear" if linear else "window"
        compressed = self.config.get("compress_ratios") is not None
        plain = self.config.get("use_sliding_window", True) and self._window()
        return "window" if plain and not compressed else "full"

    def _is_sparse(self, layer: int) -> bool:
        if not self.experts or layer < self.count("first_k_dense_replace", default=0):
            return False
        if layer in self.numbers("mlp_only_layers"):
            return False
        step = self.count("interleave_moe_layer_step", "decoder_sparse_step", default=1)
        return (layer + 1) % max(step, 1) == 0

    def _attention_params(self, kind: str) -> int:
        h = self.hidden
        if kind == "linear":
            keys = self.count("linear_num_key_heads") * self.count("linear_key_head_dim")
            values = self.count("linear_num_value_heads") * self.count("linear_value_head_dim")
            return h * (2 * keys + 3 * values)
        rank = self.count("q_lora_rank", default=0)
        if self._is_latent:
            nope, rope = self.count("qk_nope_head_dim"), self.count("qk_rope_head_dim", default=0)
            each, latent, value = nope + rope, self.count("kv_lora_rank"), self.count("v_head_dim")
            queries = rank * (h + self.heads * each) if rank else h * self.heads * each
            keys = h * (latent + rope) + latent * self.heads * (nope + value)
            return queries + keys + self.heads * value * h
        width = self.heads * self.head_dim
        if self.config.get("compress_ratios") is not None:
            out = self.count("o_lora_rank", default=0)
            groups = self.count("o_groups", default=1)
            output = out * (width + groups * h) if out else width * h
            queries = rank * (h + width) if rank else h * width
            return queries + h * self.head_dim * self.kv_heads + output
        gate = 2 if self.config.get("attn_output_gate") else 1
        return h * width * (1 + gate) + 2 * h * self.kv_heads * self.head_dim

    def _dense_width(self) -> int:
        return self.count(
            *("intermediate_size_mlp", "intermediate_size", "n_inner", "ffn_dim"),
            default=4 * self.hidden,
        )

    def _mlp_params(self, width: int) -> int:
        matrices = 2 if self.config.get("model_type") in TWO_MATRICES else 3
        return matrices * self.hidden * width

    def _expert_params(self) -> tuple[int, int]:
        """Of a routed expert, and of what every token passes in a layer of experts."""
        if not self.experts:
            return 0, 0
        width = self.count("moe_intermediate_size", "intermediate_size")
        llama4 = str(self.config.get("model_type", "")).startswith("llama4")
        of_all = width * self.count(*SHARED, default=int(llama4))
        shared = self.count("shared_expert_intermediate_size", default=of_all)
        return self._mlp_params(width), self._mlp_params(shared) + self.hidden * self.experts

    def _cache_bytes(self, layer: int, kind: str) -> tuple[int, int]:
        """A token's cache in a layer, in the first tokens of a sequence and beyond the window."""
        if kind == "linear":
            return 0, 0
        ratios = self.numbers("compress_ratios")
        if ratios:
            ratio = ratios[layer] if layer < len(ratios) else 0
            entry = self.head_dim * self.kv_heads * WIDE
            return entry, (math.ceil(entry / ratio) if ratio > 0 else 0)
        if self._is_latent:
            each = self._latent_dim * WIDE
        else:
            each = 2 * self.kv_heads * self.head_dim * WIDE
        return each, (0 if kind == "window" else each)

    def _state_bytes(self) -> int:
        values = self.count("linear_num_value_heads") * self.count("linear_value_head_dim")
        return values * self.count("linear_key_head_dim") * STATE

    def _pair_flops(self) -> int:
        """Of a layer: a query with a key, and a weight with a value, in each head."""
        if self._is_latent:
            query = self.count("qk_nope_head_dim") + self.count("qk_rope_head_dim", default=0)
            return 2 * self.heads * (query + self.count("v_head_dim"))
        return 4 * self.heads * self.head_dim
