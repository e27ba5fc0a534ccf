"""Cases whose engines make several tokens a step."""

from dataclasses import replace

import strategies as st
from fleets import Case

from sim.model.profile import UNITS_PER_TOKEN

GAINS = st.tuples(st.integers(1, 6 * UNITS_PER_TOKEN), st.integers(0, 3))


def drafting(case: Case, gains: list[tuple[int, int]], steps_in_flight: int) -> Case:
    """The case with engines whose steps make so many parts of a token, and draft more.

    What hands its prompts on makes no answers, and drafts none.
    """
    pools = []
    for at, pool in enumerate(case.pools):
        parts, more = gains[at % len(gains)] if pool.handoff is None else (0, 0)
        width = 1 - -parts // UNITS_PER_TOKEN + more
        room = pool.profile.kv_capacity_tokens // pool.profile.kv_block_tokens
        longest = room * pool.profile.kv_block_tokens - width
        engine = replace(
            pool.profile,
            max_model_len=max(2, min(pool.profile.max_model_len, longest)),
            tokens_per_step=1 + parts / UNITS_PER_TOKEN,
            step_width=width,
            steps_in_flight=1 if pool.profile.scheduler == "prefill_first" else steps_in_flight,
        )
        pools.append(replace(pool, profile=engine))
    return replace(case, pools=pools)
