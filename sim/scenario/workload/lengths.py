"""Token lengths of a workload, as a scenario gives them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sim.model.distributions import Constant
from sim.model.distributions.scaled import scaled as multiple
from sim.model.lengths import MAX_TOKENS, Lengths
from sim.scenario.values.fields import Reads, reference
from sim.scenario.values.numbers import (
    TAIL,
    Number,
    Quantity,
    Spread,
    document_of,
    in_words,
    known,
    quantiles,
    uncertain_in,
)
from sim.scenario.values.problems import Spot
from sim.scenario.values.reading import extremes, read_number, read_spread

MOST_TOKENS = 100e6
ONE: Final = Quantity("count", least=1, most=MOST_TOKENS, integer=True)
LENGTH: Final = Quantity("count", above=0, most=MOST_TOKENS)
LIMITS: Final = ("min", "max")


@dataclass(frozen=True, slots=True)
class TokenLengths:
    """Lengths of prompts or outputs.

    Attributes
    ----------
    usual : float, Uncertain or Spread
        One length for all requests (unknown where uncertain), or how they differ.
    least, most : float or None
        Shorter and longer draws are moved to these.
    factor : float
        By which all are longer than that: what a bill says of a world, not the document.

    Of outputs, 0 is the length of an embedding or a score. Engines call it one token: what comes
    with the end of the prompt.
    """

    usual: Number | Spread
    least: Number | None = None
    most: Number | None = None
    factor: float = 1.0

    @property
    def is_none(self) -> bool:
        """Whether nothing is generated."""
        return self.usual == 0.0

    def lengths(self, draws: Mapping[str, float]) -> Lengths:
        """The lengths in a world; ValueError if there are none such."""
        if self.is_none:
            return Lengths(Constant(1.0), maximum=1)
        if isinstance(self.usual, Spread):
            distribution = self.usual.distribution(draws)
        else:
            distribution = Constant(known(self.usual, draws))
        least = 1 if self.least is None else round(known(self.least, draws))
        most = MAX_TOKENS if self.most is None else round(known(self.most, draws))
        if self.factor != 1:
            least, most = (max(round(n * self.factor), 1) for n in (least, most))
            distribution = multiple(distribution, self.factor)
        return Lengths(distribution, least, min(most, MAX_TOKENS))

    def document(self) -> Any:
        """As plain data."""
        if not isinstance(self.usual, Spread):
            return document_of(self.usual)
        limits = zip(LIMITS, (self.least, self.most), strict=True)
        given = {name: document_of(value) for name, value in limits if value is not None}
        return {**self.usual.document(), **given}


def token_lengths() -> Reads:
    """A number, or a distribution with or without ``min`` and ``max``."""
    return Reads(read_lengths, lambda: reference("token_lengths"))


def output_lengths() -> Reads:
    """The same, or 0."""
    return Reads(_read_output, lambda: reference("token_lengths"))


def _read_output(raw: Any, spot: Spot) -> TokenLengths | None:
    return TokenLengths(0.0) if raw in (0, "0") and raw is not False else read_lengths(raw, spot)


def read_lengths(raw: Any, spot: Spot) -> TokenLengths | None:
    """The lengths that ``raw`` stands for; None, with the problems noted, if none."""
    if not isinstance(raw, dict):
        number = read_number(raw, ONE, spot)
        return None if number is None else TokenLengths(number)
    limits = {name: read_number(raw[name], ONE, spot.below(name)) for name in LIMITS if name in raw}
    rest = {key: value for key, value in raw.items() if key not in LIMITS}
    spread = read_spread(rest, LENGTH, spot)
    if spread is None:
        return None
    lengths = TokenLengths(spread, limits.get("min"), limits.get("max"))
    if not spot.findings:
        _check(lengths, spot)
    return lengths


def _check(lengths: TokenLengths, spot: Spot) -> None:
    """Note lengths that are below zero, or limits the wrong way round, in any world."""
    for draws in extremes(list(uncertain_in(lengths))):
        try:
            drawn = lengths.lengths(draws)
        except ValueError:
            assert lengths.least is not None and lengths.most is not None
            rule = f"must be at least min ({in_words(lengths.least)})"
            spot.below("max").wrong(f"{in_words(lengths.most)} {rule}")
            return
        (low,) = quantiles(drawn.distribution, [TAIL])
        if low < 0 and lengths.least is None:
            remedy = "use lognormal, whose values are always above 0, or give min"
            spot.wrong(f"its p0.1 ({low:.4g}) must be greater than 0", remedy)
            return
