"""Service profiles: how long a step of a serving engine takes, from measurements.

One step with B sequences decoding, K tokens in their caches and prefill chunks of p tokens at
context depth x takes

    t(B, K, {p, x}) = a(B) + c(B)·K + Σ [ d0 + d1·p + d2·p·(x + p/2) ]

seconds. ``a`` and ``c`` are tables over B, linear between their points and continued with the last
slope beyond; beyond the measured batch ``a`` is bounded by physics as well
(:mod:`sim.model.extrapolation`).

Before the engine stands its front end (HTTP, tokenizer, detokenizer): P processes, each a serial
server on a CPU of its own, first come first served. They take the requests of a replica in turn.
Into the engine, a request occupies its process for a time that grows with its prompt, and may be
scheduled a constant delay after that. As a step ends, the B tokens that it made for the requests
of a process occupy this for B·w together; all of them are with their clients when that is done,
and a constant delay later. So new requests wait behind the tokens that are streamed, tokens behind
both, and the engine waits for nobody: where w is what limits a replica it runs ahead of its front
end, which passes on P / w tokens per second. Tokens that cost nothing (w = 0) do not queue.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.model.extrapolation import Limits, bounded, continued
from sim.model.joint_error import JointError, SimulatedError

FloatArray = npt.NDArray[np.float64]
Scheduler = Literal["chunked", "prefill_first"]
Admission = Literal["prompt", "whole", "watermark"]
MOST_RANKS = 1024  # of a replica
UNITS_PER_TOKEN = 128  # where steps make parts of tokens


@dataclass(frozen=True, slots=True)
class StepSample:
    """One measured step time.

    Attributes
    ----------
    batch : int
        Sequences decoding, B.
    kv_tokens : float
        Tokens in their caches, K.
    prefill_tokens : float
        Prompt tokens processed in the step.
    step_s : float
        How long the step took.
    """

    batch: int
    kv_tokens: float
    prefill_tokens: float
    step_s: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a profile rests on: outside of these ranges the law is an extrapolation.

    Attributes
    ----------
    what : str
        The quantity that was measured, and how.
    points : int
        Number of measured points.
    batch : tuple of int or None
        Smallest and largest batch (or client concurrency), None where not known.
    prompt_tokens, output_tokens : tuple of int or None
        Shortest and longest prompt and output.
    samples : tuple of StepSample
        The points themselves, where they may be shown.
    """

    what: str
    points: int
    batch: tuple[int, int] | None = None
    prompt_tokens: tuple[int, int] | None = None
    output_tokens: tuple[int, int] | None = None
    samples: tuple[StepSample, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceProfile:
    """A model on a GPU type under a serving engine, as timed by somebody.

    Attributes
    ----------
    name : str
        ``model/gpu/tpN/precision/engine``, or the path of a user's own file.
    model, gpu, precision, engine : str
        What was measured.
    gpus_per_replica : int
        GPUs that one copy of the model occupies (tensor x pipeline x data parallelism).
    batch : tuple of int
        Batch sizes B at which ``step_base_s`` and ``step_s_per_kv_token`` are given, increasing
        from 0 or more.
    step_base_s : tuple of float
        a(B), seconds per step.
    step_s_per_kv_token : tuple of float
        c(B), seconds per step and token in the caches of decoding sequences.
    prefill_s_per_request, prefill_s_per_token, prefill_s_per_token_context : float
        d0, d1, d2.
    overhead_s : float
        Constant delay of a request between the front end and the engine.
    frontend_s_per_request, frontend_s_per_token : float
        Serial cost of the front end for a request, and w, for each token of its answer.
    kv_capacity_tokens : int
        Tokens that the KV cache of a replica holds, or of a rank.
    kv_block_tokens : int
        Tokens in a block of the KV cache, a power of two; memory is handed out in blocks.
    max_num_seqs : int
        Sequences that may be in the batch at once.
    max_num_batched_tokens : int
        Token budget of a step, at least ``max_num_seqs``.
    max_model_len : int
        Longest prompt plus output; a longer prompt is rejected, a longer output cut short.
    scheduler : {"chunked", "prefill_first"}
    kv_cache_dtype : str
        Precision of the KV cache, one of :data:`sim.model.kv_cache.BYTES`.
    fit_error : float
        Mean absolute relative error of the law against the measurements (0.02 is 2 %).
    grade : str
        A, B or C: see the catalogue.
    source, as_of : str
        Where the figures come from and their date (ISO).
    measured : Measurement or None
        What was measured, over which ranges.
    notes : str
        What is assumed rather than measured.
    joint_error : JointError or None
        How far the coefficients may be off, together.
    simulated_error : SimulatedError or None
        How far simulations of the measured runs are from what was measured.
    limits : Limits or None
        What the hardware allows at most; None where it is not known.
    frontend_s_per_prompt_token : float
        Serial cost of the front end for each token of a prompt.
    frontend_s_per_token_from_rest : float
        What a token costs the front end beyond w where nothing was to be done when it came.
    frontend_s_per_prompt_token_out : float
        What an answer's first token costs beyond another one for each token of the prompt, which
        the detokenizer reads before it goes on from it.
    frontend_processes : int
        P, processes of a replica's front end.
    output_delay_s : float
        Constant delay of a token between the front end and its client.
    admission : {"prompt", "whole", "watermark"}
        What the KV cache must have room for when a request is admitted: its prompt, its prompt and
        its answer (so that nobody is ever preempted), or its prompt and a hundredth of the cache.
    steps_in_flight : {1, 2}
        Steps that the engine has composed and not seen the output of. With two, as the engines of
        today have (vLLM since 0.14, SGLang since 0.4), a request that becomes ready during step i
        is prefilled in step i + 2, and the place of a sequence that ends in step i is taken again
        in i + 2. Only where prefill is chunked.
    data_parallel_ranks : int
        Ranks of a replica with data-parallel attention: each has a batch, a KV cache and a front
        end of its own, and all step together. Times, limits and capacities are those of a rank,
        GPUs and price those of the replica.
    tokens_per_step : float
        Tokens that a decode step makes for each sequence, on average: one, but under speculative
        decoding; a multiple of 1/128. ``step_base_s`` and ``step_s_per_kv_token`` are those of one
        token: a step takes so many times as long.
    step_width : int
        Tokens of the budget of a step that a decoding sequence takes: its own and those drafted.
    """

    name: str
    model: str
    gpu: str
    precision: str
    engine: str
    gpus_per_replica: int
    batch: tuple[int, ...]
    step_base_s: tuple[float, ...]
    step_s_per_kv_token: tuple[float, ...]
    prefill_s_per_request: float
    prefill_s_per_token: float
    prefill_s_per_token_context: float
    overhead_s: float
    frontend_s_per_request: float
    frontend_s_per_token: float
    kv_capacity_tokens: int
    kv_block_tokens: int
    max_num_seqs: int
    max_num_batched_tokens: int
    max_model_len: int
    scheduler: Scheduler
    fit_error: float = 0.0
    grade: str = ""
    source: str = ""
    as_of: str = ""
    measured: Measurement | None = None
    notes: str = ""
    joint_error: JointError | None = None
    simulated_error: SimulatedError | None = None
    kv_cache_dtype: str = "bf16"
    limits: Limits | None = None
    frontend_s_per_prompt_token: float = 0.0
    frontend_processes: int = 1
    output_delay_s: float = 0.0
    admission: Admission = "prompt"
    steps_in_flight: int = 1
    data_parallel_ranks: int = 1
    frontend_s_per_token_from_rest: float = 0.0
    frontend_s_per_prompt_token_out: float = 0.0
    tokens_per_step: float = 1.0
    step_width: int = 1

    def step_s(self, batch: int, kv_tokens: float) -> float:
        """Seconds of a step in which ``batch`` sequences decode and nobody prefills.

        Where a step makes several tokens, those that one of them takes.

        Parameters
        ----------
        batch : int
            Sequences decoding, B; may exceed ``max_num_seqs``.
        kv_tokens : float
            Tokens in their caches, K.
        """
        a, c = self._tables(np.array([batch], dtype=np.float64))
        return float(a[0] + c[0] * kv_tokens)

    def prefill_s(self, prompt_tokens: int) -> float:
        """Seconds to prefill one prompt on an idle engine, in steps of the token budget."""
        steps = math.ceil(prompt_tokens / self.max_num_batched_tokens)
        return (
            steps * (self.step_s(0, 0.0) + self.prefill_s_per_request)
            + self.prefill_s_per_token * prompt_tokens
            # The chunks' d2·p·(x + p/2) add up to d2·n²/2 however the prompt is cut.
            + self.prefill_s_per_token_context * prompt_tokens**2 / 2
        )

    def passage_s(self, prompt_tokens: float) -> float:
        """Seconds of a lone request's first token outside of the engine, on the way in and out."""
        return (
            self.overhead_s
            + self.frontend_s_per_request
            + self.frontend_s_per_prompt_token * prompt_tokens
            + self.frontend_s_per_token
            + self.frontend_s_per_token_from_rest
            + self.frontend_s_per_prompt_token_out * prompt_tokens
            + self.output_delay_s
        )

    @property
    def units_per_token(self) -> int:
        """Equal parts of a token in which the engine counts what its steps make."""
        return 1 if self.tokens_per_step == 1.0 else UNITS_PER_TOKEN

    @property
    def works_on_tokens(self) -> bool:
        """Whether tokens wait for the front end."""
        costs = (
            self.frontend_s_per_token,
            self.frontend_s_per_token_from_rest,
            self.frontend_s_per_prompt_token_out,
        )
        return max(costs) > 0

    def step_tables(self) -> tuple[FloatArray, FloatArray]:
        """a(B) and c(B) for every B from 0 to ``max_num_seqs``.

        Returns
        -------
        a, c : (max_num_seqs + 1,) float64
            Seconds per step, and seconds per step and cached token.
        """
        return self._tables(np.arange(self.max_num_seqs + 1, dtype=np.float64))

    def _tables(self, batches: FloatArray) -> tuple[FloatArray, FloatArray]:
        a = continued(batches, self.batch, self.step_base_s)
        c = continued(batches, self.batch, self.step_s_per_kv_token)
        largest = self.largest_batch
        if largest:
            (largest_s,) = continued(np.array([float(largest)]), self.batch, self.step_base_s)
            least_s = 0.0 if self.limits is None else self.limits.token_s
            token_s = max(self.prefill_s_per_token, least_s)
            a = bounded(batches, a, largest, float(largest_s), token_s)
        return a, c

    @property
    def replica_seqs(self) -> int:
        """Sequences that a replica runs at once, on all its ranks."""
        return self.max_num_seqs * self.data_parallel_ranks

    @property
    def replica_kv_blocks(self) -> int:
        """Blocks in the KV caches of a replica, on all its ranks."""
        return self.kv_capacity_tokens // self.kv_block_tokens * self.data_parallel_ranks

    @property
    def longest_held(self) -> int:
        """Tokens that a request may have if it is to fit into an empty KV cache, block by block.

        The last step of a speculative decoder may make more than is asked for.
        """
        blocks = self.kv_capacity_tokens // self.kv_block_tokens
        beyond = self.step_width if self.step_width > 1 else 0
        return blocks * self.kv_block_tokens - beyond

    @property
    def largest_batch(self) -> int:
        """Largest batch of the measurements; 0 where nothing says that there is one."""
        if self.measured is not None and self.measured.batch is not None:
            return self.measured.batch[1]
        return 0 if self.limits is None else self.batch[-1]

    def sped_up(self, factor: float) -> "ServiceProfile":
        """The same engine with ``factor`` times the throughput: every engine time divided by it."""
        return replace(
            self,
            step_base_s=tuple(a / factor for a in self.step_base_s),
            step_s_per_kv_token=tuple(c / factor for c in self.step_s_per_kv_token),
            prefill_s_per_request=self.prefill_s_per_request / factor,
            prefill_s_per_token=self.prefill_s_per_token / factor,
            prefill_s_per_token_context=self.prefill_s_per_token_context / factor,
            limits=None if self.limits is None else self.limits.scaled(1 / factor),
        )
