"""Speculative decoding: several tokens a step, worth less the larger the batch.

It is given by what was measured, or by what it is made of.

- *Gain*: tokens in the time of a step, at some batch sizes, such as ``{1: 2.5, 64: 1.4}``, linear
  in between and constant beyond: a step that brings g tokens to each sequence in a time t is taken
  for g steps of t/g.
- *Drafts*: k tokens are drafted for each sequence, and verified in one step. Position i is accepted
  with probability p_i where all before it were (engines report that, and the mean length), so that
  a step makes E = 1 + p_1 + p_1·p_2 + … tokens, and takes as long as one of B·(k + 1) sequences
  with the caches of B, and drafting beside it: a((k + 1)·B) + c(B)·K + k·(share)·a(B). Drafts take
  k tokens more of the budget of a step, and each step E tokens of memory. E is the mean, which
  every step makes; answers are many steps long. (The expectation: Leviathan, Kalman, Matias, "Fast
  Inference from Transformers via Speculative Decoding", 2023, equation 1, position by position.)

Prefill is as fast as before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from sim.model.profile import UNITS_PER_TOKEN, ServiceProfile
from sim.scenario.values.families import FAMILIES, INTERVAL
from sim.scenario.values.fields import JsonSchema, Reads, number_schema
from sim.scenario.values.numbers import Number, Quantity, document_of, known
from sim.scenario.values.problems import Spot, choose
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import shown

GAIN: Final = Quantity("factor", least=0.1, most=100)
LARGEST_BATCH: Final = 100_000
DRAFTED: Final = Quantity("count", least=1, most=32, integer=True, certain=True)
SHARE: Final = Quantity("share", least=0, most=1)
COST: Final = Quantity("share", least=0, most=1)
EXAMPLES: Final = {
    "draft_tokens": "such as draft_tokens: 3",
    "acceptance": "such as acceptance: 70%, or one for each position: [82%, 70%, 60%]",
    "draft_cost": "such as draft_cost: 3%, of the time of a decode step for each token drafted",
}
KEYS: Final = tuple(EXAMPLES)
TEXTS: Final = {
    "draft_tokens": "Tokens that are drafted for each sequence in a step.",
    "acceptance": "Probability that a drafted token is accepted where those before it were, one for"
    " each position, or one number for all.",
    "draft_cost": "Time in which a token is drafted for the whole batch, as a share of a decode"
    " step of the model: a few per cent for a head of its own, more for a second model.",
}


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


@dataclass(frozen=True, slots=True)
class Drafting:
    """What speculative decoding is made of.

    Attributes
    ----------
    draft_tokens : int
        k, drafted for each sequence and step.
    acceptance : tuple of float or Uncertain
        Probability of each position, where those before it were accepted; (k,).
    draft_cost : float or Uncertain
        Time in which one token is drafted for the whole batch, as a share of a decode step of the
        model without what it reads of caches.
    """

    draft_tokens: int
    acceptance: tuple[Number, ...]
    draft_cost: Number

    def document(self) -> Any:
        """As plain data."""
        return {
            "draft_tokens": self.draft_tokens,
            "acceptance": [document_of(share) for share in self.acceptance],
            "draft_cost": document_of(self.draft_cost),
        }


def tokens_per_step() -> Reads:
    """A number, a mapping of batch sizes to numbers, or what is drafted and accepted."""
    return Reads(_read, _schema)


def _read(raw: Any, spot: Spot) -> Speculation | Drafting | None:
    if raw == {}:
        spot.wrong("says nothing", f"{EXAMPLES['draft_tokens']}, acceptance: 70%, draft_cost: 3%")
        return None
    if isinstance(raw, dict) and any(key in KEYS for key in raw):
        return _read_drafting(raw, spot)
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


def _read_drafting(raw: dict[str, Any], spot: Spot) -> Drafting | None:
    for key in raw:
        if key not in KEYS:
            spot.below(key).wrong("unknown key", choose(str(key), KEYS))
    for key in KEYS:
        if key not in raw:
            spot.below(key).wrong("is missing", EXAMPLES[key])
    if spot.findings:
        return None
    drafted = read_number(raw["draft_tokens"], DRAFTED, spot.below("draft_tokens"))
    accepted = _read_acceptance(raw["acceptance"], drafted, spot.below("acceptance"))
    cost = read_number(raw["draft_cost"], COST, spot.below("draft_cost"))
    if spot.findings or cost is None or accepted is None or not isinstance(drafted, int | float):
        return None
    return Drafting(int(drafted), accepted, cost)


def _read_acceptance(raw: Any, drafted: Number | None, spot: Spot) -> tuple[Number, ...] | None:
    """Of every position; one number stands for all."""
    if not isinstance(raw, list):
        one = read_number(raw, SHARE, spot)
        if one is None or not isinstance(drafted, int | float):
            return None
        return (one,) * int(drafted)
    if isinstance(drafted, int | float) and len(raw) != drafted:
        spot.wrong(
            f"has {len(raw)} numbers, must have one for each of the {drafted:g} draft_tokens",
            "give one number where all positions are alike",
        )
    shares = [read_number(each, SHARE, spot.below(at)) for at, each in enumerate(raw)]
    return tuple(share for share in shares if share is not None)


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
    share = number_schema(SHARE)
    drafting = {
        "type": "object",
        "properties": {
            "draft_tokens": {"description": TEXTS["draft_tokens"], **number_schema(DRAFTED)},
            "acceptance": {
                "description": TEXTS["acceptance"],
                "anyOf": [*share["anyOf"], {"type": "array", "items": share}],
            },
            "draft_cost": {"description": TEXTS["draft_cost"], **number_schema(COST)},
        },
        "required": list(KEYS),
        "additionalProperties": False,
    }
    return {"anyOf": [*one["anyOf"], table, drafting]}


def sped_up(
    profile: ServiceProfile,
    speculation: Speculation | Drafting | None,
    draws: Mapping[str, float],
) -> ServiceProfile:
    """The profile with steps as short as a token of speculative decoding takes."""
    if speculation is None:
        return profile
    if isinstance(speculation, Drafting):
        return _drafting(profile, speculation, draws)
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


def _drafting(
    profile: ServiceProfile, drafting: Drafting, draws: Mapping[str, float]
) -> ServiceProfile:
    """The profile with steps that verify drafts, each with its share of what a token takes."""
    base_s, per_kv_token_s = profile.step_tables()
    width = drafting.draft_tokens + 1
    accepted = np.cumprod([known(share, draws) for share in drafting.acceptance])
    made = 1.0 + float(accepted.sum())
    drafts_s = drafting.draft_tokens * known(drafting.draft_cost, draws) * base_s
    verified_s = np.array([profile.step_s(width * each, 0.0) for each in range(len(base_s))])
    steps_s = verified_s + drafts_s
    steps_s[0] = base_s[0]  # where nobody decodes nothing is drafted
    gain = np.full(len(base_s), made)
    gain[0] = 1.0
    return replace(
        profile,
        batch=tuple(range(len(base_s))),
        step_base_s=tuple((steps_s / gain).tolist()),
        step_s_per_kv_token=tuple((per_kv_token_s / gain).tolist()),
        tokens_per_step=round(made * UNITS_PER_TOKEN) / UNITS_PER_TOKEN,
        step_width=width,
        measured=None,
        limits=None,
    )
