"""The law that a fit begins with, and the coefficients that are free.

Closed forms give the engine's part (:mod:`sim.studies.calibration.starts`). The front end begins
where one was measured: vLLM's API server beside an H200 took 2.5 ms of its CPU for a request and 76
us for a token, and 1.9 ms from there to the client; a fit may go far from that. Times that the
engine took of itself have no front end in them. A token costs 22 us less there where the front end
is behind, and an answer's first token 1.5 us more for each token of its prompt: that is in vLLM's
law where the data can tell it, which takes times of single requests with prompts of very different
lengths.

How far a coefficient may be from its start before the prior minds (a standard deviation of the
logarithm): e^0.7 to e^1; e^0.4 of what is vLLM's own and differs by the host only; and e^1.5 for c
where the catalogue knows not both model and GPU, so that the proportions of memory and compute may
be any. Where it knows both, no step is shorter than it takes to read the weights, and no prompt
faster than the peak of the arithmetic. A front end takes no more of a token than one of its kind
that was seen to keep up.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.catalog.limits import limits_of
from sim.model.coefficients import PER_KV_TOKEN, step_base
from sim.model.extrapolation import Limits
from sim.model.profile import ServiceProfile
from sim.studies.calibration.engine import Engine
from sim.studies.calibration.problem import FARTHEST, Free
from sim.studies.calibration.script import Script
from sim.studies.calibration.starts import Start, knots, start

REQUEST_S, TOKEN_S, OUTPUT_S, OVERHEAD_S = 2.5e-3, 76e-6, 1.9e-3, 0.5e-3  # vllm_h200_live
FROM_REST_S, PROMPT_TOKEN_OUT_S = 22e-6, 1.5e-6  # part of a token's; and as above
VARIED = 4.0  # 90th over 10th percentile of prompts from which on the data tell it
OF_TOKENS, OF_PAIRS = 0.75, 0.35  # share of the peak of arithmetic; vllm_h200_live
BUSY = 0.7  # share of a measured step that the front end may take of a start


def starting_law(
    engine: Engine, scripts: Sequence[Script]
) -> tuple[ServiceProfile, tuple[Free, ...]]:
    """A profile to begin with, and what of it is to be fitted."""
    ranks = engine.data_parallel_ranks
    at = [batch for batch in knots(scripts, ranks) if batch <= engine.max_num_seqs] or [1]
    begun = start(scripts, at, ranks)
    of_client = any(script.run.clock == "client" for script in scripts)
    token_s = _token_s(engine, scripts) if of_client else 0.0
    d1, d2 = _of_prompts(engine, begun)
    profile = ServiceProfile(
        name="calibrated",
        model=engine.model,
        gpu=engine.gpu,
        precision=engine.precision,
        engine=engine.engine,
        gpus_per_replica=engine.gpus_per_replica,
        data_parallel_ranks=engine.data_parallel_ranks,
        batch=tuple(at),
        step_base_s=tuple(begun.base_s.tolist()),
        step_s_per_kv_token=(begun.c,) * len(at),
        prefill_s_per_request=begun.d0,
        prefill_s_per_token=d1,
        prefill_s_per_token_context=d2,
        overhead_s=OVERHEAD_S if of_client else 0.0,
        frontend_s_per_request=REQUEST_S if of_client else 0.0,
        frontend_s_per_token=token_s,
        output_delay_s=OUTPUT_S if of_client else 0.0,
        kv_capacity_tokens=engine.kv_capacity_tokens,
        kv_block_tokens=16,
        max_num_seqs=engine.max_num_seqs,
        max_num_batched_tokens=engine.max_num_batched_tokens,
        max_model_len=engine.max_model_len,
        kv_cache_dtype=engine.kv_cache_dtype,
        scheduler=engine.scheduler,
        steps_in_flight=engine.steps_in_flight,
        admission=engine.admission,
        frontend_s_per_prompt_token=engine.frontend_s_per_prompt_token,
        frontend_processes=engine.frontend_processes,
    )
    tells_first = of_client and "vllm" in engine.engine and _tells_first_tokens(scripts)
    if tells_first:
        profile = _with_first_tokens(profile)
    of_caches = 0.7 if engine.is_usual else 1.5
    return profile, (
        *_of_engine(profile, of_caches),
        *(_of_front_end(profile, engine) if of_client else ()),
        *(_OF_FIRST_TOKENS if tells_first else ()),
    )


def _of_prompts(engine: Engine, begun: Start) -> tuple[float, float]:
    """Costs of a prompt's token and of its square to begin with: what arithmetic makes likely.

    Two lengths of prompts cannot tell a cost for each prompt, its tokens and their square apart.
    """
    limits = _limits(engine)
    if limits is None:
        return begun.d1, begun.d2
    return max(begun.d1, limits.token_s / OF_TOKENS), limits.pair_s / OF_PAIRS


def _limits(engine: Engine) -> Limits | None:
    what = (engine.model, engine.gpu, engine.gpus_per_replica, engine.precision)
    return limits_of(*what, engine.kv_cache_dtype)


_OF_FIRST_TOKENS = (
    Free("frontend_us_per_token_from_rest", 0.4),
    Free("frontend_us_per_prompt_token_out", 0.4),
)


def _with_first_tokens(profile: ServiceProfile) -> ServiceProfile:
    """What a front end keeps up with bounds its rate, and not how long a token takes from rest."""
    return replace(
        profile,
        frontend_s_per_token=min(profile.frontend_s_per_token, TOKEN_S - FROM_REST_S),
        frontend_s_per_token_from_rest=FROM_REST_S,
        frontend_s_per_prompt_token_out=PROMPT_TOKEN_OUT_S,
    )


def _tells_first_tokens(scripts: Sequence[Script]) -> bool:
    """Whether single requests of short and of long prompts were timed."""
    timed = [each.prompt_tokens for each in scripts if _has_times(each)]
    if not timed:
        return False
    short, long = np.percentile(np.concatenate(timed), (10.0, 90.0))
    return bool(long >= VARIED * short)


def _has_times(script: Script) -> bool:
    return script.run.requests is not None and script.run.requests.has_times


def _of_engine(profile: ServiceProfile, of_caches: float) -> tuple[Free, ...]:
    """Coefficients of steps; none is less than the hardware allows."""
    what = (profile.model, profile.gpu, profile.gpus_per_replica, profile.precision)
    limits = limits_of(*what, profile.kv_cache_dtype)
    weights_s, token_s = (0.0, 0.0) if limits is None else (limits.weights_s, limits.token_s)
    steps = zip(profile.batch, profile.step_base_s, strict=True)
    return (
        *(Free(step_base(batch), 1.0, least=_at(weights_s, base_s)) for batch, base_s in steps),
        Free(PER_KV_TOKEN, of_caches),
        Free("prefill_ms_per_request", 0.7),
        Free("prefill_us_per_token", 0.7, least=_at(token_s, profile.prefill_s_per_token)),
        Free("prefill_ns_per_token_context", 0.7),
    )


def _of_front_end(profile: ServiceProfile, engine: Engine) -> tuple[Free, ...]:
    """Coefficients of what is before and behind the engine."""
    slowest_s, token_s = _slowest_s(engine.streamed_tokens_per_s), profile.frontend_s_per_token
    return (
        Free("overhead_ms", 1.0),
        Free("output_delay_ms", 0.7),
        Free("frontend_ms_per_request", 0.7),
        Free("frontend_us_per_token", 0.7, most=min(FARTHEST, math.log(slowest_s / token_s))),
    )


def _at(value: float, start: float) -> float:
    """Where a value lies as a logarithm from a start."""
    return math.log(value / start) if value > 0 else -FARTHEST


def _slowest_s(tokens_per_s: float) -> float:
    """The most that a front end takes of a token that was seen to stream so many a second."""
    return 1.0 / tokens_per_s if tokens_per_s > 0 else math.inf


def _token_s(engine: Engine, scripts: Sequence[Script]) -> float:
    """What the front end takes of a token to begin with: as one of its kind kept up, with ease."""
    slowest_s = min(_slowest_s(engine.streamed_tokens_per_s), _keeps_up_s(engine, scripts))
    return min(TOKEN_S, BUSY * slowest_s)


def _keeps_up_s(engine: Engine, scripts: Sequence[Script]) -> float:
    """What the front end may take of a token at most and still keep up with every measured run."""
    tpots = [(each.run.statistic("tpot_s", "mean"), each.in_flight) for each in scripts]
    each = [tpot_s / load for tpot_s, load in tpots if tpot_s > 0]  # NaN compares false
    return engine.frontend_processes * min(each, default=math.inf)
