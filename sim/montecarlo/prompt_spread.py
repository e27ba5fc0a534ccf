"""How much the prompts that come to a pool differ in length."""

from sim.engine.simulation import Outcome
from sim.model.design import Design, GpuPool


def prompt_cv2(outcome: Outcome, design: Design, pool: GpuPool) -> float:
    """Variance of the prompts' lengths over the square of their mean, of all that may come there.

    0 for a pool whose replicas have a single rank, to which it makes no difference.
    """
    if pool.profile.data_parallel_ranks == 1:
        return 0.0
    mine = [i for i, w in enumerate(design.workloads) if pool.name in w.route.backends]
    booked = outcome.ledger.workloads[mine]
    requests, tokens, squares = (
        float(booked[name].sum())
        for name in ("requests", "offered_prompt_tokens", "offered_prompt_squares")
    )
    return max(squares * requests / tokens**2 - 1.0, 0.0) if tokens > 0 else 0.0
