"""What the formats of logs are called, in the order in which they are tried."""

NAMES = (
    "azure",
    "bailian",
    "mooncake",
    "aiperf",
    "burstgpt",
    "servegen",
    "litellm",
    "langfuse",
    "helicone",
    "bedrock",
    "otel",
    "usage",
)
