"""A volume that is known by the bill of a managed API."""

from collections.abc import Mapping
from typing import Annotated

from sim.model.bill import BillShares as ModelShares
from sim.scenario.values.fields import number
from sim.scenario.values.numbers import Number, known
from sim.scenario.values.part import Model


class BillShares(Model):
    """How the dollars of a bill, not its tokens, are shared; the rest is for uncached input."""

    output: Annotated[Number, number("share", above=0, most=0.999)]
    """Share of the dollars, not of the tokens, that is paid for answers: a token of an answer costs
    several times one of a prompt."""
    cached: Annotated[Number, number("share", least=0, most=0.999)] = 0.0
    """Share of the dollars, not of the tokens, that is paid for input read from the cache."""


def compiled(shares: BillShares | None, draws: Mapping[str, float]) -> ModelShares | None:
    """The shares in a world."""
    if shares is None:
        return None
    return ModelShares(known(shares.output, draws), known(shares.cached, draws))
