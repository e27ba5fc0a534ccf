"""Speculative decoding: several tokens a step, fewer the larger the batch.

A step that brings g tokens to each sequence in a time t is taken for g steps of t/g. The gain is
given at some batch sizes, such as ``{1: 2.5, 64: 1.4}``, linear in between and constant beyond.
Prefill is as fast as before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from sim.model.profile import ServiceProfile
from sim.scenario.values.families import FAMILIES, INTERVAL
from sim.scenario.values.fields import JsonSchema, Reads, number_schema
from sim.scenario.values.numbers import Number, Quantity, document_of, known
from sim.scenario.values.problems import Spot
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import shown

GAIN: Final = Quantity("factor", least=0.1, most=100)
LARGEST_BATCH: Final = 100_000


@dataclass(frozen=True, slots=True)
class Speculation:
    """Tokens per step by batch size.

    Attributes
    ----------
    batches : tuple of int
        Increasing, from 1.
    gains : tuple of float or Uncertain
        Tokens per step, one for each.
    """

    batches: tuple[int, ...]
    gains: tuple[Number, ...]

    def document(self) -> Any:
        """As plain data."""
        points = zip(self.batches, self.gains, strict=True)
        return {str(batch): document_of(gain) for batch, gain in points}


def tokens_per_step() -> Reads:
    """A number, or a mapping of batch sizes to numbers."""
    return Reads(_read, _schema)


def _read(raw: Any, spot: Spot) -> Speculation | None:
    if not _is_table(raw):
        gain = read_number(raw, GAIN, spot)
        return None if gain is None else Speculation((1,), (gain,))
    gains: dict[int, Number | None] = {}
    for key, value in raw.items():
        below = spot.below(key)
        if not (key.isascii() and key.isdigit() and 0 < int(key[:9]) <= LARGEST_BATCH):
            below.wrong(f"{shown(key)} must be a batch size, a whole number from 1")
        else:
            gains[int(key)] = read_number(value, GAIN, below)
    if spot.findings:
        return None
    batches = sorted(gains)
    return Speculation(tuple(batches), tuple(g for b in batches if (g := gains[b]) is not None))


def _is_table(raw: Any) -> bool:
    """Whether a mapping is one of batch sizes rather than a distribution."""
    return (
        isinstance(raw, dict) and bool(raw) and not raw.keys() & {*FAMILIES, *INTERVAL.parameters}
    )


def _schema() -> JsonSchema:
    one = number_schema(GAIN)
    table = {
        "type": "object",
        "patternProperties": {"^[1-9][0-9]*$": one},
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {"anyOf": [*one["anyOf"], table]}


def sped_up(
    profile: ServiceProfile, speculation: Speculation | None, draws: Mapping[str, float]
) -> ServiceProfile:
    """The profile with steps as short as a token of speculative decoding takes."""
    if speculation is None:
        return profile
    base_s, per_kv_token_s = profile.step_tables()
    every = np.arange(len(base_s))
    gains = [known(gain, draws) for gain in speculation.gains]
    gain = np.interp(every, speculation.batches, gains)
    gain[0] = 1.0  # where nobody decodes nothing is gained
    return replace(
        profile,
        batch=tuple(every.tolist()),
        step_base_s=tuple((base_s / gain).tolist()),
        step_s_per_kv_token=tuple((per_kv_token_s / gain).tolist()),
        measured=None,  # the tables go to the limit of the batch: nothing lies beyond
        limits=None,
    )
