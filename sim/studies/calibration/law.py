"""The law that a fit begins with, and the coefficients that are free.

Closed forms give the engine's part (:mod:`sim.studies.calibration.starts`). The front end begins
where one was measured: vLLM's API server beside an H200 took 2.5 ms of its CPU for a request and 76
us for a token, and 1.9 ms from there to the client; a fit may go far from that. Times that the
engine took of itself have no front end in them.

How far a coefficient may be from its start before the prior minds (a standard deviation of the
logarithm): e^0.7 to e^1; and e^1.5 for c where the catalogue knows not both model and GPU, so that
the proportions of memory and compute may be any.
"""

from collections.abc import Sequence

from sim.model.coefficients import PER_KV_TOKEN, step_base
from sim.model.profile import ServiceProfile
from sim.studies.calibration.engine import Engine
from sim.studies.calibration.problem import Free
from sim.studies.calibration.script import Script
from sim.studies.calibration.starts import knots, start

REQUEST_S, TOKEN_S, OUTPUT_S, OVERHEAD_S = 2.5e-3, 76e-6, 1.9e-3, 0.5e-3  # vllm_h200_live
BUSY = 0.7  # share of a measured step that the front end may take of a start


def starting_law(
    engine: Engine, scripts: Sequence[Script]
) -> tuple[ServiceProfile, tuple[Free, ...]]:
    """A profile to begin with, and what of it is to be fitted."""
    at = [batch for batch in knots(scripts) if batch <= engine.max_num_seqs] or [1]
    begun = start(scripts, at)
    of_client = any(script.run.clock == "client" for script in scripts)
    token_s = min(TOKEN_S, _token_limit_s(scripts)) if of_client else 0.0
    profile = ServiceProfile(
        name="calibrated",
        model=engine.model,
        gpu=engine.gpu,
        precision=engine.precision,
        engine=engine.engine,
        gpus_per_replica=engine.gpus_per_replica,
        batch=tuple(at),
        step_base_s=tuple(begun.base_s.tolist()),
        step_s_per_kv_token=(begun.c,) * len(at),
        prefill_s_per_request=begun.d0,
        prefill_s_per_token=begun.d1,
        prefill_s_per_token_context=begun.d2,
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
    )
    return profile, _free(at, of_client, 0.7 if engine.is_usual else 1.5)


def _free(at: Sequence[int], of_client: bool, of_caches: float) -> tuple[Free, ...]:
    engine = [
        *(Free(step_base(batch), 1.0) for batch in at),
        Free(PER_KV_TOKEN, of_caches),
        Free("prefill_ms_per_request", 1.0),
        Free("prefill_us_per_token", 0.7),
        Free("prefill_ns_per_token_context", 0.7),
    ]
    front = [
        Free("overhead_ms", 1.0),
        Free("output_delay_ms", 0.7),
        Free("frontend_ms_per_request", 0.7),
        Free("frontend_us_per_token", 0.7),
    ]
    return (*engine, *front) if of_client else tuple(engine)


def _token_limit_s(scripts: Sequence[Script]) -> float:
    """What the front end may take of a token and still keep up with every measured run."""
    tpots = [(each.run.statistic("tpot_s", "mean"), each.in_flight) for each in scripts]
    each = [tpot_s / load for tpot_s, load in tpots if tpot_s > 0]  # NaN compares false
    return BUSY * min(each, default=TOKEN_S)
