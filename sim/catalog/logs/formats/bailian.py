"""Alibaba's Bailian (Qwen) traces: Mooncake's keys, in seconds, with the chat before each.

``{"chat_id": 159, "parent_chat_id": 55, "timestamp": 61.1, "input_length": 521, "output_length":
132, "type": "text", "turn": 2, "hash_ids": [...]}``; blocks of 16 tokens, and a parent of -1 for
the first turn of a conversation.
"""

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head

BLOCK_TOKENS = 16


def recognises(head: Head) -> bool:
    """By the chat and the chat before."""
    return head.has("timestamp", "input_length", "output_length", "chat_id", "parent_chat_id")


def columns(head: Head) -> TraceColumns:
    """Blocks where a file has them."""
    blocks = head.first(("hash_ids",))
    return TraceColumns(
        "timestamp",
        "input_length",
        "output_length",
        session="chat_id",
        parent="parent_chat_id",
        blocks=blocks,
        block_tokens=BLOCK_TOKENS if blocks else 0,
    )


BAILIAN = Format(
    "bailian",
    "Alibaba Bailian (Qwen) traces, JSON lines in seconds",
    recognises,
    columns,
    source="alibaba-edu/qwen-bailian-usagetraces-anon",
)
