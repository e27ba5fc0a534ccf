"""What the published checkpoints of a model say beside their weights.

Engines that are started with a KV cache of type ``auto`` take what the checkpoint says
(``kv_cache_quant_algo`` of ``hf_quant_config.json``; vLLM's ``resolve_kv_cache_dtype_string``), and
the precision of the model's activations, 16 bits, where it says nothing. NVIDIA's checkpoints in
FP8 and FP4 mostly ask for FP8; those that model makers publish in FP8 do not.
"""

from functools import cache

from sim.catalog.table import rows

SILENT = "bf16"


@cache
def _said() -> dict[tuple[str, str], str]:
    return {(row["model"], row["precision"]): row["kv_cache_dtype"] for row in rows("kv_cache.csv")}


def checkpoint_dtype(model: str, precision: str) -> str:
    """Precision of the KV cache under ``auto``, of NVIDIA's checkpoint where there is one.

    >>> checkpoint_dtype("llama-3.3-70b", "fp8"), checkpoint_dtype("llama-3.3-70b", "bf16")
    ('fp8', 'bf16')
    """
    return _said().get((model.casefold(), precision.casefold()), SILENT)
