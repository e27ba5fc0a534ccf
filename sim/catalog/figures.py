"""What a profile predicts, in the figures that people compare engines by."""

from dataclasses import dataclass

from sim.model.profile import ServiceProfile

CONTEXT_TOKENS = 1024  # in each cache; the figures are quoted at this context
PROMPT_TOKENS = 2048  # of the prompt whose prefill is quoted


@dataclass(frozen=True, slots=True)
class DecodeFigure:
    """Decoding at one batch size, with ``CONTEXT_TOKENS`` in each cache and no prefill.

    Attributes
    ----------
    batch : int
        Of a replica, or of each of its ranks.
    tpot_s : float
        Time per output token of each sequence.
    tokens_per_s : float
        Of all sequences together, on all ranks.
    """

    batch: int
    tpot_s: float
    tokens_per_s: float


def decode_figures(profile: ServiceProfile) -> list[DecodeFigure]:
    """At batches of 1, 32 and the largest that fits, those of them that fit."""
    largest = largest_batch(profile)
    batches = sorted({batch for batch in (1, 32, largest) if batch <= largest})
    steps = [(batch, profile.step_s(batch, batch * CONTEXT_TOKENS)) for batch in batches]
    ranks = profile.data_parallel_ranks
    return [DecodeFigure(batch, step, ranks * batch / step) for batch, step in steps]


def largest_batch(profile: ServiceProfile) -> int:
    """Sequences of ``CONTEXT_TOKENS`` that run at once: the engine's limit or the cache's."""
    return max(1, min(profile.max_num_seqs, profile.kv_capacity_tokens // CONTEXT_TOKENS))


def prefill_tokens_per_s(profile: ServiceProfile) -> float:
    """Prompt tokens per second of an engine that prefills prompts one after the other.

    On all ranks of a replica at once, if it has several.
    """
    tokens = min(PROMPT_TOKENS, profile.max_model_len)
    return profile.data_parallel_ranks * tokens / profile.prefill_s(tokens)
