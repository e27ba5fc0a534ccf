"""Prompt compression: a share of the tokens of every prompt is kept."""

from collections.abc import Mapping

from sim.model.distributions.scaled import scaled
from sim.model.lengths import Lengths
from sim.scenario.values.numbers import Number, known


def compressed(prompt: Lengths, kept: Number | None, draws: Mapping[str, float]) -> Lengths:
    """The lengths of prompts, limits included, once they are compressed."""
    if kept is None:
        return prompt
    share = known(kept, draws)
    least, most = (max(1, round(share * n)) for n in (prompt.minimum, prompt.maximum))
    return Lengths(scaled(prompt.distribution, share), least, most)
