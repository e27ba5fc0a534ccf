"""Names that attributes of spans have, by the conventions of today and before."""

PROMPT = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
)
OUTPUT = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
)
CACHED = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)
SESSION = ("gen_ai.conversation.id", "session.id")
OPERATION = "gen_ai.operation.name"
SUMS = {"invoke_agent", "create_agent", "invoke_workflow", "execute_tool"}
