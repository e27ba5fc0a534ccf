"""Which columns of a log hold what."""

from dataclasses import dataclass, fields
from typing import Final, Literal, get_args

from sim.catalog.logs.turns import TURNS, Turns
from sim.model.rule import require

Unit = Literal["datetime", "s", "ms", "us", "ns"]
UNITS: Final[tuple[str, ...]] = get_args(Unit)
UNITS_PER_S: Final = {"datetime": 1e9, "s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
BLOCK_TOKENS = 512  # of Mooncake's hash_ids, unless their numbers say otherwise
NEEDED = ("timestamp", "prompt_tokens", "output_tokens")  # without which there is no trace


@dataclass(frozen=True, slots=True)
class TraceColumns:
    """Names of columns, or dotted paths of keys of JSON objects (``input.inputTokenCount``).

    Attributes
    ----------
    timestamp, prompt_tokens, output_tokens : str
    unit : {"datetime", "s", "ms", "us", "ns"} or None
        How times are written: ISO 8601 dates (or Parquet's timestamps), or numbers in a unit. None:
        dates are known by sight, and numbers since 1970 by their size; others are ``default_unit``.
    session : str or None
        Column of the session that a request belongs to, if any.
    blocks : str or None
        Column of lists that name the blocks a prompt begins with: prompts whose first names are the
        same begin alike.
    block_tokens : int
        Tokens of a named block; 0 where blocks have no names, or by how many each prompt has.
    delay : str or None
        Column of times from the end of the session's request before, if any: in the unit, or in
        seconds beside dates.
    cached : str or None
        Column of the prompt's tokens that were found in a cache.
    turns : {"new", "whole"} or None
        What the prompt tokens of a session's later turns are, where they have a delay: their new
        tokens, as AIPerf's, or whole prompts; None: as they show (:mod:`sim.catalog.logs.turns`).
    parent : str or None
        Column of the request before, by what ``session`` calls it: a session is then all that goes
        back to one request.
    also_prompt : tuple of str
        Columns of further tokens of the prompt, which ``prompt_tokens`` leaves out.
    default_unit : {"s", "ms", "us", "ns"}
        Of numbers that are no times since 1970.
    strict : bool
        Whether files of other tools have the same columns, with times in another unit: then those
        that make no sense in the default unit are refused.
    """

    timestamp: str
    prompt_tokens: str
    output_tokens: str
    unit: Unit | None = None
    session: str | None = None
    blocks: str | None = None
    block_tokens: int = 0
    delay: str | None = None
    cached: str | None = None
    turns: Turns | None = None
    parent: str | None = None
    also_prompt: tuple[str, ...] = ()
    default_unit: Unit = "s"
    strict: bool = False

    def __post_init__(self) -> None:
        known = f"must be one of {', '.join(UNITS_PER_S)}"
        require(self.unit in (None, *UNITS_PER_S), "unit of time", self.unit, known)
        require(len(set(self.needed)) == 3, "columns", ", ".join(self.needed), "must be three")
        every = self.names
        require(len(set(every)) == len(every), "columns", ", ".join(every), "must be different")
        rule = "must be None where there is no column of sessions"
        require(self.delay is None or self.session is not None, "delay", self.delay, rule)
        rule = "must be at least 0, and 0 where there is no column of blocks"
        of_turns = f"must be one of {', '.join(TURNS)}"
        require(self.turns in (None, *TURNS), "turns", self.turns, of_turns)
        needless = self.blocks is None and self.block_tokens != 0
        require(not needless and self.block_tokens >= 0, "block tokens", self.block_tokens, rule)

    @property
    def needed(self) -> tuple[str, str, str]:
        """The three columns without which there is no trace."""
        return self.timestamp, self.prompt_tokens, self.output_tokens

    @property
    def tokens(self) -> tuple[str, ...]:
        """Columns of numbers of tokens."""
        cached = () if self.cached is None or self.cached in self.also_prompt else (self.cached,)
        return self.prompt_tokens, self.output_tokens, *self.also_prompt, *cached

    @property
    def names(self) -> list[str]:
        """All columns, in the order in which a container gives them."""
        given = (self.timestamp, *self.tokens, self.session, self.parent, self.blocks, self.delay)
        return [name for name in given if name is not None]


GIVEN = tuple(
    field.name
    for field in fields(TraceColumns)
    if field.name not in ("also_prompt", "default_unit", "strict", "parent")
)  # what people may say of a file
