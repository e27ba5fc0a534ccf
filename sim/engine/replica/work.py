"""What the engines of a pool have done, whatever time it took them.

The law of a step is linear in the tokens in the caches and in the prompts that ride along, so five
sums are enough to tell afterwards how long the same work would take in fuller batches: tokens that
decode steps made, tokens in the caches at these steps, prompt tokens, the seconds that these added,
and how often a sequence had a step for its prompt. All count as often as the replica is slow: a
straggler's token takes its time from nobody else. What the front end does is counted beside them.

Decode steps are booked when their leap ends. What of it lies before the end of a bin is booked
there, and taken off again in the next; prompts are booked when their step begins.
"""

from sim.engine.replica import leap
from sim.engine.state.jit import inner
from sim.engine.state.number import WIDE
from sim.engine.state.record import Row


@inner
def book_steps(replica: Row, pool: Row, steps: int, sign: float) -> None:
    """Book the first decode steps of the segment under way, or take them off (``sign`` -1)."""
    times = sign * replica.slowness * steps * pool.gain
    pool.decoded += times * replica.decoding
    pool.frontend_s += sign * pool.frontend_s_per_token * steps * pool.gain * replica.decoding
    # K grows by B each step, or by what it makes for each: its mean over the steps.
    grown = 0.5 * replica.decoding * pool.gain * (steps - 1)
    pool.context += times * (replica.cached * pool.tokens_per_unit + grown)


@inner
def steps_by(replica: Row, now: float) -> int:
    """Steps of the leap under way that have ended by now."""
    since_s = now - replica.start_s
    most = WIDE + replica.leap
    steps = leap.steps_until(since_s, replica.step_s, replica.growth_s, most)
    if leap.duration_s(steps, replica.step_s, replica.growth_s) > since_s:
        steps -= 1
    return steps


@inner
def chunk_s(pool: Row, context: int, tokens: int) -> float:
    """d0 + d1·p + d2·p·(x + p/2): what prefilling ``tokens`` tokens after ``context`` adds."""
    return (
        pool.prefill_s_per_request
        + pool.prefill_s_per_token * tokens
        + pool.prefill_s_per_token_context * tokens * (context + 0.5 * tokens)
    )


@inner
def book_prompts(replica: Row, pool: Row, prompts: int, tokens: int, seconds: float) -> None:
    """Book the prompts of a step, and what they add to its length."""
    pool.prompts += replica.slowness * prompts
    pool.prefilled += replica.slowness * tokens
    pool.prefill_s += replica.slowness * seconds
