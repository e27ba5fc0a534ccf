"""GPUs and models: published figures, and the memory arithmetic that follows from them.

The KV cache of a replica holds what its GPUs have left after the weights::

    tokens = (HBM · 0.92 − weights / n − overhead) · m / bytes per token

for n GPUs under tensor parallelism, m of which hold parts of their own: no more than the model has
heads that keep keys and values (one for latent attention), beyond which these are copied. vLLM's
default share of the memory is 0.92, and 3.76 GB a GPU are for activations, CUDA graphs and the
communication library (aiconfigurator's ``other_mem``).
"""

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path

from sim.catalog import slices
from sim.catalog.architecture import Architecture
from sim.catalog.model_config import is_config, name_of, read_config
from sim.catalog.naming import known_as
from sim.catalog.table import cached_for_folder, entries, no_such, own_folder
from sim.errors import CatalogError
from sim.model.kv_cache import BYTES

GIB = 1024**3  # vendors' "80 GB" of HBM are GiB: an H100 reports 81,559 MiB
MEMORY_SHARE = 0.92  # vLLM's gpu_memory_utilization, vllm/config/cache.py @002f10e0
OVERHEAD_BYTES = 3.76e9  # per GPU; aiconfigurator other_mem

# May be left out of a GPU's name: then the first is meant that it is sold in, which is the one that
# clouds rent (of the catalogue's prices 83 of 88 of an H100, 41 of 46 of an A100 of 80 GB).
FORMS = ("sxm", "pcie", "nvl")

# Bytes per weight outside of the embeddings, which stay in 16 bits in FP8 and FP4 checkpoints.
WEIGHT_BYTES = {
    "fp16": 2.0,
    "bf16": 2.0,
    "fp8": 1.0,
    "fp4": 0.5625,  # NVFP4: 4 bits and an 8-bit scale for every 16 weights
}


@dataclass(frozen=True, slots=True)
class Gpu:
    """Published figures of a GPU; NaN where a figure is not stated or does not exist.

    Attributes
    ----------
    name : str
        As in profile names: ``h100-sxm``.
    hbm_bytes : float
    bandwidth_bytes_per_s : float
    fp16_flops, fp8_flops, fp4_flops : float
        Dense peak.
    tdp_w : float
    source, as_of, notes : str
    whole : str
        Of a slice the GPU that it is one of; else empty.
    share : float
        Of a slice what of the whole is charged for it: 1 of a whole GPU.
    """

    name: str
    hbm_bytes: float
    bandwidth_bytes_per_s: float
    fp16_flops: float
    fp8_flops: float
    fp4_flops: float
    tdp_w: float
    source: str
    as_of: str
    notes: str
    whole: str = ""
    share: float = 1.0

    def flops(self, precision: str) -> float:
        """Dense peak for weights in a precision; NaN where not even that of 16 bits is known.

        A GPU without arithmetic in 8 or 4 bits computes in the next wider kind that it has.
        """
        wider = {"fp4": (self.fp4_flops, self.fp8_flops), "fp8": (self.fp8_flops,)}
        kinds = (*wider.get(precision, ()), self.fp16_flops)
        return next((flops for flops in kinds if not math.isnan(flops)), math.nan)


@dataclass(frozen=True, slots=True)
class Model(Architecture):
    """Published architecture of a model, by its name.

    Attributes
    ----------
    name : str
        As in profile names: ``llama-3.3-70b``.
    shipped_weight_bytes : float
        Size of the published checkpoint where it differs from 16 bits a weight, else NaN.
    source, as_of, notes : str
    """

    name: str
    shipped_weight_bytes: float
    source: str
    as_of: str
    notes: str

    def weight_bytes(self, precision: str) -> float:
        """Bytes of all weights at a precision, embeddings kept in 16 bits."""
        try:
            bytes_each = WEIGHT_BYTES[precision]
        except KeyError:
            raise no_such("precision", precision, WEIGHT_BYTES, "sim catalog models") from None
        return (self.params - self.embedding_params) * bytes_each + self.embedding_params * 2


@cached_for_folder
def gpus() -> dict[str, Gpu]:
    """All GPUs by name, in alphabetical order."""
    found = entries("gpus.csv", _gpu, lambda each: each.name)
    return {each.name: each for each in sorted(found, key=lambda each: each.name)}


@cached_for_folder
def models() -> dict[str, Model]:
    """All models by name, in alphabetical order."""
    found = entries("models.csv", _model, lambda each: each.name)
    by_name = {each.name: each for each in (*found, *_own_models())}
    return dict(sorted(by_name.items()))


def _own_models() -> list[Model]:
    """Those whose configurations lie in the user's folder."""
    folder = own_folder()
    if folder is None:
        return []
    return [_of_config(path) for path in sorted((folder / "models").rglob("*.json"))]


def _of_config(path: str | Path) -> Model:
    """The model that a ``config.json`` describes."""
    found = read_config(path)
    return Model(
        **{each.name: getattr(found, each.name) for each in fields(found)},
        name=name_of(path),
        shipped_weight_bytes=math.nan,
        source=f"{Path(path).name} of the user's own",
        as_of="",
        notes="",
    )


def gpu(name: str) -> Gpu:
    """Published figures of a GPU.

    >>> gpu("H100-SXM").bandwidth_bytes_per_s, gpu("H100-MIG-3g.40gb").bandwidth_bytes_per_s
    (3350000000000.0, 1675000000000.0)
    """
    if (parted := slices.parsed(name)) is not None:
        return _sliced(gpu(parted[0]), parted[1])
    found = known_as(name, gpus()) or next(iter(_forms(name)), None)
    if found is None:
        raise no_such("GPU", name, gpus(), "sim catalog gpus")
    return gpus()[found]


def gpu_or_none(name: str) -> Gpu | None:
    """The same by the catalogue's own name; None where it has none."""
    is_slice = slices.parsed(name) is not None and name.casefold() in slices.names()
    return gpu(name) if is_slice else gpus().get(name.casefold())


def _sliced(whole: Gpu, part: str) -> Gpu:
    """A slice of a GPU, as a GPU.

    Raises
    ------
    CatalogError
        If the GPU has no such slice.
    """
    there = [each for each in slices.slices() if each.gpu == whole.name]
    found = next((each for each in there if each.name == part), None)
    if found is None:
        listing = ", ".join(each.name for each in there) or "none"
        raise CatalogError(f"GPU {whole.name!r} has no MIG slice {part!r} (it has: {listing})")
    compute, memory = found.compute_share, found.memory_share
    return replace(
        whole,
        name=slices.name_of(whole.name, part),
        hbm_bytes=whole.hbm_bytes * memory,
        bandwidth_bytes_per_s=whole.bandwidth_bytes_per_s * memory,
        fp16_flops=whole.fp16_flops * compute,
        fp8_flops=whole.fp8_flops * compute,
        fp4_flops=whole.fp4_flops * compute,
        tdp_w=whole.tdp_w * compute,
        source=f"{found.source}; {whole.source}",
        notes="; ".join(filter(None, (f"a MIG slice of {whole.name}", whole.notes))),
        whole=whole.name,
        share=max(compute, memory),
    )


def form_taken(name: str) -> str:
    """Which form of a GPU was taken where the name does not say and there are several; else empty.

    >>> form_taken("H100")
    'H100 is taken as h100-sxm, the form that clouds rent most (there are h100-pcie, h100-nvl, too)'
    >>> form_taken("h200"), form_taken("a100"), form_taken("h100-pcie")
    ('', '', '')
    """
    forms = _forms(name)
    if known_as(name, gpus()) is not None or len(forms) < 2:
        return ""
    taken, *others = forms
    too = f"there {'is' if len(others) == 1 else 'are'} {', '.join(others)}, too"
    return f"{name} is taken as {taken}, the form that clouds rent most ({too})"


def _forms(name: str) -> list[str]:
    """GPUs that a name without a form may mean, the usual one first."""
    return [kind for form in FORMS if (kind := known_as(f"{name}-{form}", gpus()))]


def model(name: str) -> Model:
    """Published architecture of a model, by any of its names, or of the ``config.json`` at a path.

    >>> model("llama-3.3-70b").layers
    80
    """
    if is_config(name):
        return _of_config(name)
    found = known_as(name, models())
    if found is None:
        raise no_such("model", name, models(), "sim catalog models")
    return models()[found]


def kv_capacity_tokens(
    model_name: str,
    gpu_name: str,
    gpus: int,
    precision: str,
    kv_cache_dtype: str = "bf16",
    ranks: int = 1,
) -> int:
    """Tokens that fit into the KV cache of a replica; negative: weights do not fit.

    Of ``ranks`` with data-parallel attention each has a cache, on its share of the GPUs; weights
    are taken to be spread over all, since nearly all are those of experts.

    >>> kv_capacity_tokens("llama-3.1-8b", "h100-sxm", 1, "bf16")
    451712
    """
    of_model, of_gpu = model(model_name), gpu(gpu_name)
    weights_each = of_model.weight_bytes(precision) / gpus
    free_each = of_gpu.hbm_bytes * MEMORY_SHARE - weights_each - OVERHEAD_BYTES
    parts = min(gpus // ranks, of_model.kv_heads)
    per_token = of_model.kv_bytes_per_token * BYTES[kv_cache_dtype] / 2
    return int(free_each * parts / per_token) // 16 * 16


def _gpu(row: dict[str, str]) -> Gpu:
    return Gpu(
        name=row["gpu"],
        hbm_bytes=_number(row["hbm_gib"]) * GIB,
        bandwidth_bytes_per_s=_number(row["bandwidth_tb_per_s"]) * 1e12,
        fp16_flops=_number(row["fp16_tflops_dense"]) * 1e12,
        fp8_flops=_number(row["fp8_tflops_dense"]) * 1e12,
        fp4_flops=_number(row["fp4_tflops_dense"]) * 1e12,
        tdp_w=_number(row["tdp_w"]),
        source=row["source"],
        as_of=row["as_of"],
        notes=row["notes"],
    )


def _model(row: dict[str, str]) -> Model:
    return Model(
        name=row["model"],
        params=_number(row["params_b"]) * 1e9,
        active_params=_number(row["active_params_b"]) * 1e9,
        embedding_params=_number(row["embedding_params_b"]) * 1e9,
        layers=int(row["layers"]),
        query_heads=int(row["query_heads"]),
        kv_heads=int(row["kv_heads"]),
        head_dim=int(row["head_dim"]),
        experts=int(row["experts"]),
        experts_per_token=int(row["experts_per_token"]),
        kv_bytes_per_token=int(row["kv_bytes_per_token_fp16"]),
        growth_bytes_per_token=int(row["growth_bytes_per_token_fp16"]),
        window_tokens=int(row["window_tokens"]),
        state_bytes=int(row["state_bytes"]),
        pair_flops=_number(row["pair_flops"]),
        context_tokens=int(row["context_tokens"]),
        shipped_weight_bytes=_number(row["shipped_weights_gb"]) * 1e9,
        source=row["source"],
        as_of=row["as_of"],
        notes=row["notes"],
    )


def _number(text: str) -> float:
    """A figure of a table; an empty cell means that nobody stated it."""
    return float(text) if text else float("nan")
