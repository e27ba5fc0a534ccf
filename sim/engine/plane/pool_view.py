"""A pool as its control plane sees it."""

from typing import NamedTuple


class PoolView(NamedTuple):
    """What a control plane can see of a pool: never what a request will turn out to be.

    Attributes
    ----------
    ready : int
        Replicas that are routed to.
    held, waiting, running : int
        Requests at the gateway, on a replica but not in its batch, and in a batch.
    kv_utilisation : float
        Share of the KV blocks of the ready replicas that is in use.
    attempts, rejected, prompt_tokens, output_tokens, finished : int
        Since the beginning; tokens of what the engines have finished.
    answers : int
        Of these, what somebody waited for.
    ttft_s, streamed_s : float
        Their sums: from the arrival to the first token, and from there to the last.
    """

    ready: int
    held: int
    waiting: int
    running: int
    kv_utilisation: float
    attempts: int
    rejected: int
    prompt_tokens: int
    output_tokens: int
    finished: int
    answers: int
    ttft_s: float
    streamed_s: float
