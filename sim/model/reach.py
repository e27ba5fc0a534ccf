"""How far work goes beyond what a profile was measured with: its batch, contexts and prompts."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.model.closed import ClosedSource, ListedRequests, drawn_lengths
from sim.model.generated import GeneratedSource
from sim.model.lengths import Lengths
from sim.model.profile import ServiceProfile
from sim.model.trace import TraceSource
from sim.model.workload import Workload

IntArray = npt.NDArray[np.int32]

TAIL = 0.95  # share of prompts that are not longer
HALF = 0.5
LOOKED_AT = 10_000  # rows of a trace, for a quantile


@dataclass(frozen=True, slots=True)
class Reach:
    """Long prompts and contexts of some work.

    Attributes
    ----------
    prompt_tokens : float
        That 95 % of the prompts do not exceed; of tasks whose prompts grow, the last of a mean one.
    context_tokens : float
        With a median answer.
    """

    prompt_tokens: float
    context_tokens: float

    def within(self, longest: int) -> "Reach":
        """Where nothing is longer than an engine takes."""
        return Reach(min(self.prompt_tokens, longest), min(self.context_tokens, longest))


def reach_of(workload: Workload) -> Reach:
    """Of a workload."""
    source = workload.source
    match source:
        case TraceSource(trace=trace):
            return _of_tables(trace.prompt_tokens, trace.output_tokens)
        case ClosedSource(lengths=ListedRequests() as listed):
            return _of_tables(listed.prompt_tokens, listed.output_tokens)
    drawn = drawn_lengths(source)
    assert drawn is not None
    prompt, answer = _quantile(drawn.prompt, TAIL), _quantile(drawn.output, HALF)
    if isinstance(source, GeneratedSource) and source.follow_ups is not None:
        calls = source.follow_ups
        new, each = calls.prompt.mean_tokens(), calls.output.mean_tokens()
        first = source.prompt.mean_tokens() + source.output.mean_tokens()
        before = first + max(calls.calls.mean() - 2, 0) * (new + each)
        prompt = max(prompt, workload.carry * before + new)
    return Reach(prompt, prompt + answer)


def _of_tables(prompt_tokens: IntArray, output_tokens: IntArray) -> Reach:
    step = max(len(prompt_tokens) // LOOKED_AT, 1)
    prompt = float(np.quantile(prompt_tokens[::step], TAIL))
    return Reach(prompt, prompt + float(np.median(output_tokens[::step])))


def _quantile(lengths: Lengths, level: float) -> float:
    with np.errstate(all="ignore"):  # infinite where a distribution has no end
        drawn = float(lengths.distribution.ppf(np.array([level]))[0])
    return max(min(drawn, lengths.maximum), lengths.minimum)


def reaching(profile: ServiceProfile, reach: Reach) -> ServiceProfile:
    """The profile, bounded by physics where contexts or prompts go beyond the measured ones.

    What was measured at the longest contexts and prompts stays as it is, as far as a(B) does not
    fall with the batch, and the law turns about it: it rises at least as steeply as the cache can
    be read, and attention computed.
    """
    measured, limits = profile.measured, profile.limits
    if measured is None or limits is None:
        return profile
    reach = reach.within(profile.max_model_len)
    prompts, outputs = measured.prompt_tokens, measured.output_tokens or (0, 0)
    if prompts is None:
        return profile
    if reach.context_tokens > prompts[1] + outputs[1]:
        profile = _with_steeper_contexts(profile, limits.kv_token_s, prompts[1] + outputs[1] / 2)
    if reach.prompt_tokens > prompts[1]:
        profile = _with_steeper_prompts(profile, limits.pair_s, prompts[1])
    return profile


def _with_steeper_contexts(
    profile: ServiceProfile, least_s: float, longest: float
) -> ServiceProfile:
    """c(B) at least this, and a(B) lower, so that steps at the longest contexts take the same."""
    assert profile.limits is not None
    base_s, per_token_s = list(profile.step_base_s), list(profile.step_s_per_kv_token)
    for index, batch in enumerate(profile.batch):
        missing = max(least_s - per_token_s[index], 0.0)
        least_base_s = min(base_s[index], profile.limits.weights_s)
        per_token_s[index] += missing
        base_s[index] = max(base_s[index] - missing * batch * longest, least_base_s)
    return replace(
        profile,
        step_base_s=tuple(np.maximum.accumulate(base_s).tolist()),
        step_s_per_kv_token=tuple(per_token_s),
    )


def _with_steeper_prompts(profile: ServiceProfile, least_s: float, longest: int) -> ServiceProfile:
    """d2 at least this, and d1 lower, so that the longest prompt takes the same."""
    assert profile.limits is not None
    missing = max(least_s - profile.prefill_s_per_token_context, 0.0)
    per_token_s = profile.prefill_s_per_token
    return replace(
        profile,
        prefill_s_per_token_context=profile.prefill_s_per_token_context + missing,
        prefill_s_per_token=max(
            per_token_s - missing * longest / 2, min(per_token_s, profile.limits.token_s)
        ),
    )
