"""Any table or log whose columns say by their names what they are: access logs of gateways too.

JSON logs of nginx and Envoy, of Cloudflare's, Vercel's or Kong's AI gateway, or a team's own: a
time, prompt tokens and output tokens under names that are in use. Which were taken is said.
"""

from collections.abc import Sequence

from sim.catalog.logs.access_lines import LAST, LAST_BUT_ONE
from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head

TIMES = (
    "start_time", "startTime", "request_time", "requestTime", "time_iso8601", "created_at",
    "createdAt", "@timestamp", "timestamp", "Timestamp", "time_local", "msec", "time", "date",
    "datetime", "ts", "created", "arrival_time", "arrival_s", "t",
)  # fmt: skip
PROMPTS = (
    "prompt_tokens", "input_tokens", "promptTokens", "inputTokens", "prompt_token_count",
    "input_token_count", "inputTokenCount", "promptTokenCount", "llm_input_token",
    "llm_input_tokens", "tokens_in", "in_tokens", "input_length", "prompt_length", "request_tokens",
    "usage.prompt_tokens", "usage.input_tokens", "usage.promptTokens", "usage.inputTokens",
    "gen_ai.usage.input_tokens", "num_prompt_tokens", "prompt_len", "input_len", LAST_BUT_ONE, "in",
)  # fmt: skip
OUTPUTS = (
    "completion_tokens", "output_tokens", "completionTokens", "outputTokens",
    "completion_token_count", "output_token_count", "outputTokenCount", "candidatesTokenCount",
    "llm_output_token", "llm_output_tokens", "tokens_out", "out_tokens", "output_length",
    "completion_length", "response_tokens", "usage.completion_tokens", "usage.output_tokens",
    "usage.completionTokens", "usage.outputTokens", "gen_ai.usage.output_tokens",
    "num_generation_tokens", "generated_tokens", "output_len", LAST, "out",
)  # fmt: skip
SESSIONS = ("session_id", "sessionId", "session", "conversation_id", "conversationId", "chat_id")
CACHED = (
    "cached_tokens", "cachedTokens", "usage.prompt_tokens_details.cached_tokens",
    "prompt_tokens_details.cached_tokens", "cached_input_tokens",
)  # fmt: skip
APART = ("cache_read_input_tokens", "cache_creation_input_tokens")  # Anthropic's, not of the input


def recognises(head: Head) -> bool:
    """By a name of each of the three."""
    return all(_named(head, names) for names in (TIMES, PROMPTS, OUTPUTS))


def columns(head: Head) -> TraceColumns:
    """The first of the names in use that a file has."""
    prompt = _named(head, PROMPTS) or PROMPTS[0]
    before = prompt.rpartition(".")[0]
    apart = tuple(name for key in APART if (name := f"{before}.{key}".lstrip(".")) in head.known)
    apart = apart if "input" in prompt else ()
    return TraceColumns(
        _named(head, TIMES) or TIMES[0],
        prompt,
        _named(head, OUTPUTS) or OUTPUTS[0],
        session=_named(head, SESSIONS),
        cached=apart[0] if apart and APART[0] in apart[0] else _named(head, CACHED),
        also_prompt=apart,
    )


def _named(head: Head, names: Sequence[str]) -> str | None:
    """The column of one of some names, in any case."""
    found = head.first(names)
    if found is not None:
        return found
    spelled = {name.casefold().replace(" ", "_"): name for name in reversed(head.names)}
    return next((spelled[name.casefold()] for name in names if name.casefold() in spelled), None)


USAGE = Format(
    "usage",
    "any table, JSON or access log (nginx, Envoy) with a time and tokens under usual names",
    recognises,
    columns,
    source="names in use",
)
