"""The law of a step from figures of a model and a GPU, and the efficiencies that it leaves open.

With n GPUs under tensor parallelism, m of which hold parts of the cache of their own, W(B) the
bytes of the weights that a step of B sequences reads (of a mixture of experts those that B tokens
choose: a token leaves out a given one with 1 - k / E, so that B tokens use 1 - (1 - k / E)^B of
them), and every least time as in :mod:`sim.catalog.limits`::

    a(B)  = step + L · layer + [n > 1] · L · exchange + [experts] · L · choice
            + common W / (n · bandwidth · weights) + routed W(B) / (n · bandwidth · experts)
            + B · (state / n + window / m) / (bandwidth · cache) + B · token / arithmetic
    c     = KV bytes of a token / (m · bandwidth · cache)
    d1    = (token / prefill + traffic · operations / (n · bandwidth)) · n ^ spreading
    d2    = pair / prefill

The arithmetic of a prompt's token takes its share of the peak, and what it fetches besides:
products of matrices read their factors tile by tile, so many bytes for each operation. So the share
of the peak that prefill reaches falls from 16 bits to 8 to 4, and where a GPU has much arithmetic
for its bandwidth. Mixtures of experts, whose tiles are smaller, have a share of their own.

Names that are no figures of hardware or model are fitted to measured profiles: times, and shares of
the published peak (:mod:`sim.catalog.efficiencies`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sim.catalog.hardware import WEIGHT_BYTES, Gpu, Model
from sim.catalog.limits import least_times
from sim.model.extrapolation import Limits
from sim.model.kv_cache import BYTES

FloatArray = npt.NDArray[np.float64]

USUAL_CONTEXT = 4096  # tokens of a sequence for which windows are counted


@dataclass(frozen=True, slots=True)
class Efficiencies:
    """What the figures of hardware and model leave open.

    Attributes
    ----------
    step_s, layer_s, exchange_s, choice_s : float
        Of any step, of each of its layers, of the exchange between GPUs in each layer, and of the
        choice of experts in each.
    traffic : float
        Bytes that prefill fetches for an operation.
    weights, experts, cache, arithmetic, prefill, prefill_experts : float
        Shares of the published peak; experts are the weights of those that tokens choose, and the
        prefill of their mixtures.
    spreading : float
        Exponent by which prefill falls short of n times the speed on n GPUs.
    """

    step_s: float
    layer_s: float
    exchange_s: float
    choice_s: float
    traffic: float
    weights: float
    experts: float
    cache: float
    arithmetic: float
    prefill: float
    prefill_experts: float
    spreading: float


@dataclass(frozen=True)
class Placed:
    """A model on GPUs.

    Attributes
    ----------
    model : Model
    gpu : Gpu
    count : int
        GPUs under tensor parallelism.
    precision, kv_cache_dtype : str
    """

    model: Model
    gpu: Gpu
    count: int
    precision: str
    kv_cache_dtype: str

    @cached_property
    def limits(self) -> Limits:
        """Least times, NaN where a figure is missing."""
        return least_times(self.model, self.gpu, self.count, self.precision, self.kv_cache_dtype)

    @property
    def parts(self) -> int:
        """GPUs that hold parts of the cache of their own."""
        return min(self.count, self.model.kv_heads)

    def cached_bytes(self, of_token: float) -> float:
        """Bytes, given those in 16 bits."""
        return of_token * BYTES[self.kv_cache_dtype] / BYTES["bf16"]

    def sequence_bytes(self) -> float:
        """What each GPU holds of a sequence whatever its length: its state, and full windows."""
        model = self.model
        window = min(model.window_tokens, USUAL_CONTEXT)
        of_windows = window * (model.kv_bytes_per_token - model.growth_bytes_per_token)
        return model.state_bytes / self.count + self.cached_bytes(of_windows) / self.parts

    def token_bytes(self) -> float:
        """What each GPU that holds a part of its own keeps of a token beyond the windows."""
        return self.cached_bytes(self.model.growth_bytes_per_token) / self.parts


def base_s(placed: Placed, batch: FloatArray, given: Efficiencies) -> FloatArray:
    """a(B), seconds: (n,) float64 for (n,) batches."""
    layers, bandwidth = placed.model.layers, placed.gpu.bandwidth_bytes_per_s
    of_layer_s = given.layer_s
    of_layer_s += given.exchange_s if placed.count > 1 else 0.0
    of_layer_s += given.choice_s if placed.model.experts else 0.0
    common, routed = read_bytes(placed, batch)
    reading_s = (common / given.weights + routed / given.experts) / (placed.count * bandwidth)
    of_sequence_s = placed.sequence_bytes() / (bandwidth * given.cache)
    of_sequence_s += placed.limits.token_s / given.arithmetic
    result: FloatArray = given.step_s + layers * of_layer_s + reading_s + batch * of_sequence_s
    return result


def read_bytes(placed: Placed, batch: FloatArray) -> tuple[float, FloatArray]:
    """Bytes of the weights that a step of B sequences reads: common ones, and of experts W(B)."""
    model, each = placed.model, WEIGHT_BYTES[placed.precision]
    output_bytes = model.embedding_params / 2 * 2  # half of the embeddings, in 16 bits
    chosen = model.experts_per_token / model.experts if model.experts else 1.0
    routed = (model.params - model.active_params) / (1.0 - chosen) if chosen < 1 else 0.0
    common = model.params - model.embedding_params - routed
    used = 1.0 - (1.0 - chosen) ** np.maximum(batch, 1.0)
    return common * each + output_bytes, routed * used * each


def per_kv_token_s(placed: Placed, given: Efficiencies) -> float:
    """c, seconds per step and cached token."""
    return placed.token_bytes() / (placed.gpu.bandwidth_bytes_per_s * given.cache)


def prefill_s(placed: Placed, given: Efficiencies) -> tuple[float, float]:
    """d1 and d2, seconds per token, and per token and token before it."""
    limits, model = placed.limits, placed.model
    share = given.prefill_experts if model.experts else given.prefill
    fetched = given.traffic * 2 * model.active_params
    fetching_s = fetched / (placed.count * placed.gpu.bandwidth_bytes_per_s)
    per_token = (limits.token_s / share + fetching_s) * placed.count**given.spreading
    return per_token, limits.pair_s / share
