"""What a replica can do: how long it would take for some work, were its batch always full.

This is what *capacity* means wherever it is spoken of: the share of a pool that is used, the
headroom that it has, the work that is offered to it. The batch is as full as the engine's limit on
sequences and its KV memory allow, given how many tokens a sequence holds in the mean over its
decode steps (long answers hold theirs for longer), rounded up to blocks. A sequence has a place in
it for each of its decode steps and for each step in which its prompt is prefilled; a step has no
more tokens than its budget. With two steps in flight a place stays empty for a step before the next
sequence takes it: it counts as one more step of a prompt. So n sequences' work takes

    steps = max((tokens decoded + prompt steps) / batch, (tokens decoded + prefilled) / budget)
    time  = steps · a(B) + c(B) · tokens in the caches + what the prompts add,

with B the sequences that decode in a mean step; where prompts have steps of their own (prefill
first), these add their whole length and take no place. The front end, whose processes share its
work, may take longer: then it is what limits the replica. What the caches had is no work.
Speculation is in the profile. Ranks of a replica share the work equally, and wait for each other
even when their batches are full: :mod:`sim.model.lockstep`.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.model.lockstep import Steps, waiting_factor
from sim.model.profile import ServiceProfile

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Work:
    """Sums over some sequences and steps; all (n,) float64, for n parts of the work.

    Attributes
    ----------
    decoded : array
        Tokens made by decode steps: all of an answer but its first.
    context : array
        Tokens in the caches of the decoding sequences, over all decode steps.
    prompts : array
        Steps in which a prompt, or a chunk of one, was prefilled.
    prefilled : array
        Tokens of prompts.
    prefill_s : array
        What prompts add to the length of steps, in seconds.
    frontend_s : array
        Time of the front end, of all its processes together.
    """

    decoded: FloatArray
    context: FloatArray
    prompts: FloatArray
    prefilled: FloatArray
    prefill_s: FloatArray
    frontend_s: FloatArray


def needed_s(profile: ServiceProfile, work: Work, prompt_cv2: float = 0.0) -> FloatArray:
    """Replica-seconds that the work takes in full batches.

    Parameters
    ----------
    profile : ServiceProfile
    work : Work
    prompt_cv2 : float
        Variance of the prompts' lengths over the square of their mean: it matters to ranks that
        wait for each other.

    Returns
    -------
    (n,) float64

    Examples
    --------
    Steps of 1 s, in which four sequences find room; 40 answers of 10 tokens, after prompts of 5:

    >>> from types import SimpleNamespace as Some
    >>> tables = lambda: (np.ones(5), np.zeros(5))
    >>> engine = Some(scheduler="chunked", max_num_batched_tokens=512, max_num_seqs=4,
    ...               kv_capacity_tokens=1600, kv_block_tokens=16, frontend_processes=1,
    ...               admission="prompt", steps_in_flight=1, data_parallel_ranks=1,
    ...               step_tables=tables)
    >>> of_all = (40 * 9, 40 * 9 * (5 + 4), 40, 40 * 5, 0, 0)
    >>> needed_s(engine, Work(*(np.array([float(each)]) for each in of_all)))
    array([100.])
    """
    is_chunked = profile.scheduler == "chunked"
    places = work.decoded + (work.prompts * profile.steps_in_flight if is_chunked else 0.0)
    tokens = work.decoded + (work.prefilled if is_chunked else 0.0)
    steps = np.maximum(places / full_batch(profile, work), tokens / profile.max_num_batched_tokens)
    base_s, per_token_s = profile.step_tables()
    every = np.arange(len(base_s), dtype=np.float64)
    decoding = _over(work.decoded, steps, 0.0)
    decode_s = (
        steps * np.interp(decoding, every, base_s)
        + np.interp(decoding, every, per_token_s) * work.context
    )
    engine_s = decode_s + work.prefill_s
    if profile.data_parallel_ranks > 1:
        engine_s = engine_s * _waiting(profile, work, steps, decode_s, prompt_cv2)
    ranks_s = np.maximum(engine_s, work.frontend_s / profile.frontend_processes)
    needed: FloatArray = ranks_s / profile.data_parallel_ranks
    return needed


def _waiting(
    profile: ServiceProfile,
    work: Work,
    steps: FloatArray,
    decode_s: FloatArray,
    prompt_cv2: float,
) -> FloatArray:
    """How many times as long the work takes for ranks that wait for each other."""
    are_apart = profile.scheduler == "prefill_first"
    budget, nothing = profile.max_num_batched_tokens, np.zeros_like(steps)
    prompts = _over(work.prompts, steps, 0.0)
    step_s = _over(decode_s, steps, 0.0)
    base_s = nothing + profile.step_s(0, 0.0) if are_apart else step_s
    # What prompts add to a step of their own is beyond its base.
    added_s = work.prefill_s + are_apart * steps * base_s * np.expm1(-prompts)
    prompt_s = _over(added_s.clip(0.0), work.prompts, 0.0)
    tokens = _over(work.prefilled, work.prompts, 0.0)
    used = _over(work.prefilled + (0.0 if are_apart else work.decoded), steps * budget, 0.0)
    return waiting_factor(
        Steps(
            decode_s=step_s,
            base_s=base_s,
            prompts=prompts,
            prompt_s=prompt_s,
            prompt_cv2=np.minimum(prompt_cv2, _over(budget - tokens, tokens, 0.0).clip(0.0)),
            most_s=prompt_s * np.maximum(_over(nothing + budget, tokens, 1.0), 1.0),
            budget_used=used.clip(0.0, 1.0),
            are_apart=are_apart,
        ),
        profile.data_parallel_ranks,
    )


def full_batch(profile: ServiceProfile, work: Work) -> FloatArray:
    """Sequences in a full batch of a replica, or of one of its ranks: (n,) float64, at least 1."""
    size = profile.kv_block_tokens
    held = _over(work.context, work.decoded, _over(work.prefilled, work.prompts, 1.0))
    blocks = held / size + 0.5 * (size - 1) / size  # of the last block a sequence has half
    room = profile.kv_capacity_tokens // size
    # The head of the line has to fit whole: in the mean half of its blocks stay empty.
    prompt = np.minimum(_over(work.prefilled, work.prompts, 0.0) / size, blocks)
    if profile.admission == "whole":  # from the first on as many as at the end, twice the growth
        blocks = 2.0 * blocks - prompt
        prompt = blocks
    fits = (room - 0.5 * prompt) / np.maximum(blocks, 1.0)
    return np.clip(fits, 1.0, profile.max_num_seqs)


@dataclass(frozen=True, slots=True)
class Offered:
    """Sums over requests that arrive.

    Attributes
    ----------
    requests, prompt_tokens, prompt_squares, output_tokens : float
        How many, their tokens, and the squares of the tokens of each prompt.
    context : float
        Tokens in their caches, over all of their decode steps.
    cached_share : float
        Of the tokens of each prompt, those that need not be prefilled.
    """

    requests: float
    prompt_tokens: float
    prompt_squares: float
    output_tokens: float
    context: float
    cached_share: float = 0.0


def prefill_only(offered: Offered) -> Offered:
    """The same for a pool that only computes the prompts, each of which it gives one token."""
    return replace(offered, output_tokens=offered.requests, context=0.0)


def decode_only(offered: Offered) -> Offered:
    """The same for a pool that only makes the answers, and computes one token of each prompt."""
    tokens = offered.prompt_tokens
    return replace(offered, cached_share=1.0 - min(offered.requests / tokens, 1.0) if tokens else 0)


def work_offered(profile: ServiceProfile, offered: Offered) -> Work:
    """Work of requests before it is done: (1,) arrays."""
    requests, cached = offered.requests, offered.cached_share
    prefilled = offered.prompt_tokens * (1 - cached)
    is_chunked = profile.scheduler == "chunked"
    budget = profile.max_num_batched_tokens
    prompts = max(prefilled / budget, requests) if is_chunked else requests
    prefill_s = (
        profile.prefill_s_per_request * prompts
        + profile.prefill_s_per_token * prefilled
        + profile.prefill_s_per_token_context * offered.prompt_squares * (1 - cached**2) / 2
    )
    frontend_s = (
        profile.frontend_s_per_request * requests
        + (profile.frontend_s_per_prompt_token + profile.frontend_s_per_prompt_token_out)
        * offered.prompt_tokens
        + profile.frontend_s_per_token * offered.output_tokens
    )
    decoded = max(offered.output_tokens - requests, 0.0)
    sums = (decoded, offered.context, prompts, prefilled, prefill_s, frontend_s)
    work = Work(*(np.array([each]) for each in sums))
    if is_chunked:
        return work
    # Those that replace the ones who finished with the same step share a step for their prompts.
    finish = float(full_batch(profile, work)[0]) * requests / max(decoded, 1.0)  # in a mean step
    steps = max(requests * -math.expm1(-finish) / finish, prefilled / budget)
    return replace(work, prefill_s=work.prefill_s + steps * profile.step_s(0, 0.0))


def _over(top: FloatArray, bottom: FloatArray, otherwise: FloatArray | float) -> FloatArray:
    default = np.broadcast_to(otherwise, top.shape).astype(np.float64)
    return np.divide(top, bottom, out=default, where=bottom > 0)
