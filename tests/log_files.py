"""Small logs as tools write them."""

import csv
import io
import json


def lines(*rows):
    return "\n".join(json.dumps(row) for row in rows)


def table(rows, separator=","):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


BAILIAN = [
    {"chat_id": 7, "parent_chat_id": -1, "timestamp": 0.5, "input_length": 40, "output_length": 9,
     "type": "text", "turn": 1, "hash_ids": [1, 2, 3]},
    {"chat_id": 8, "parent_chat_id": -1, "timestamp": 1.0, "input_length": 20, "output_length": 8,
     "type": "text", "turn": 1, "hash_ids": [9, 4]},
    {"chat_id": 9, "parent_chat_id": 7, "timestamp": 60.25, "input_length": 70, "output_length": 7,
     "type": "text", "turn": 2, "hash_ids": [1, 2, 5, 6, 7]},
    {"chat_id": 11, "parent_chat_id": 9, "timestamp": 61, "input_length": 80, "output_length": 7,
     "type": "text", "turn": 3, "hash_ids": [1, 2, 5, 6, 7]},
]  # fmt: skip

LITELLM = [
    {"request_id": "a", "startTime": "2026-07-01T10:00:00.5Z", "model": "m", "prompt_tokens": 90,
     "completion_tokens": 9, "session_id": "s", "metadata": {
         "usage_object": {"prompt_tokens_details": {"cached_tokens": 30}}}},
    {"request_id": "b", "startTime": "2026-07-01T10:00:02Z", "model": "m", "prompt_tokens": 0,
     "completion_tokens": 0, "session_id": "s", "metadata": {"usage_object": None}},
    {"request_id": "c", "startTime": "2026-07-01T10:00:03Z", "model": "m", "prompt_tokens": 60,
     "completion_tokens": 6, "session_id": "t", "metadata": {}},
]  # fmt: skip

LANGFUSE = [
    {"id": "1", "traceId": "t1", "type": "SPAN", "startTime": "2026-07-01T10:00:00.000Z",
     "sessionId": None},
    {"id": "2", "traceId": "t1", "type": "GENERATION", "startTime": "2026-07-01T10:00:01.250Z",
     "sessionId": "s", "usageDetails": {"input": 100, "output": 20, "input_cached_tokens": 300}},
    {"id": "3", "traceId": "t2", "type": "GENERATION", "startTime": "2026-07-01T10:00:02.250Z",
     "sessionId": None, "usageDetails": {"input": 100, "output": 10}},
]  # fmt: skip

HELICONE = [
    {"request_id": "1", "request_created_at": "2026-07-01T10:00:00+00:00", "prompt_tokens": 50,
     "completion_tokens": 5, "prompt_cache_read_tokens": 10,
     "request_properties": {"Helicone-Session-Id": "x"}},
    {"request_id": "2", "request_created_at": "2026-07-01T12:00:04+02:00", "prompt_tokens": None,
     "completion_tokens": None, "prompt_cache_read_tokens": None, "request_properties": {}},
    {"request_id": "3", "request_created_at": "2026-07-01T10:00:09+00:00", "prompt_tokens": 30,
     "completion_tokens": 3, "prompt_cache_read_tokens": 0, "request_properties": {}},
]  # fmt: skip


def span(start, prompt, output, **more):
    given = {"gen_ai.usage.input_tokens": prompt, "gen_ai.usage.output_tokens": output, **more}
    return {"traceId": "t", "startTimeUnixNano": str(start), "attributes": [
        {"key": key, "value": {"stringValue" if isinstance(v, str) else "intValue": v}}
        for key, v in given.items() if v is not None]}  # fmt: skip


NGINX = '10.0.0.1 - - [01/Jul/2026:{} +0200] "POST /v1/chat HTTP/1.1" 200 99 "-" "py"'
ENVOY = '[2026-07-01T{}Z] "POST /v1/chat HTTP/1.1" 200 - 512 1024 35 34 "-" "py" "id" "h" "10:80"'


MOONCAKE = lines(*(
    {"timestamp": t, "input_length": 700, "output_length": 9, "hash_ids": [1, t], "session_id": "s"}
    for t in (0, 900, 2500)
))  # fmt: skip
BEDROCK = [
    {"timestamp": f"2026-07-01T10:00:0{t}Z", "schemaType": "ModelInvocationLog",
     "input": {"inputTokenCount": 9, "cacheReadInputTokenCount": 3}, "output":
     {"outputTokenCount": 4}} for t in (0, 7)
]  # fmt: skip
USAGE = [{"time": f"2026-07-01 10:00:0{t}", "in": "1,5", "prompt_tokens": 7, "output_tokens": 3}
         for t in range(5)]  # fmt: skip
FILES = {
    "azure": "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n",
    "bailian": lines(*BAILIAN),
    "mooncake": MOONCAKE,
    "aiperf": lines({"session_id": "a", "turns": [
        {"timestamp": 0, "input_length": 600, "output_length": 40},
        {"delay": 2500, "input_length": 300, "output_length": 60}]}),
    "litellm": json.dumps(LITELLM),
    "litellm csv": table([{**row, "metadata": json.dumps(row["metadata"])} for row in LITELLM]),
    "langfuse": json.dumps({"data": LANGFUSE}, indent=1),
    "helicone": lines(*HELICONE),
    "bedrock": lines(*BEDROCK),
    "otel": lines({"resourceSpans": [{"scopeSpans": [{"spans": [span(10**18, 9, 4)] * 2}]}]}),
    "nginx": "\n".join([NGINX.format("10:00:00") + " prompt_tokens=7 completion_tokens=3"] * 3),
    "envoy": "\n".join([ENVOY.format("10:00:00") + " 7 3"] * 3),
    "semicolons": table(USAGE, ";"),
}  # fmt: skip
