"""What people serve a model for: the traffic that a first scenario begins with.

Lengths, pauses and limits are assumptions that whoever knows better replaces; those of chats and of
code assistants are near what Azure's public traces of 2024 hold. Volumes are round figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of product.

    Attributes
    ----------
    title : str
        Its name.
    workload : str
        Name of its workload.
    volume : int
        Requests a day, or documents a night, where nobody says how many.
    counted : str
        What that number counts.
    shape : str
        Of its days.
    traffic : str
        The workload in YAML below its arrivals, with comments.
    mean_prompt, mean_output : float
        Tokens of one request, as in ``traffic``; with all that a task says before.
    calls : float
        Requests to the model that come of one arrival.
    burst_s : float
        Seconds in which all of a day has to be done, where it comes at once; 0 where it does not.
    says_again : bool
        Whether requests begin with what earlier ones said, so that memories of prompts matter.
    """

    title: str
    workload: str
    volume: int
    counted: str
    shape: str
    traffic: str
    mean_prompt: float
    mean_output: float
    calls: float = 1.0
    burst_s: float = 0.0
    says_again: bool = False


_CHAT = """\
    # What a request says and is answered: means and 95th percentiles over requests. (yours?)
    prompt_tokens: {lognormal: {mean: 1200, p95: 4000}, max: 16k}
    output_tokens: {lognormal: {mean: 350, p95: 900}, max: 4k}
    slo: {ttft_p95: 2s, e2e_p95: 60s}      # what 95 % of the requests should get
    client: {timeout: 60s, retries: openai-sdk}
"""

_RAG = """\
    # Instructions, found passages and the question. (yours?)
    prompt_tokens: {lognormal: {mean: 6000, p95: 12000}, max: 32k}
    output_tokens: {lognormal: {mean: 300, p95: 700}, max: 2k}
    prefix_cache: {hit_rate: 10%}          # the instructions, with which all prompts begin
    slo: {ttft_p95: 3s, e2e_p95: 30s}      # what 95 % of the requests should get
    client: {timeout: 60s, retries: openai-sdk}
"""

_CODE = """\
    # Files in, a few lines out. (yours?)
    prompt_tokens: {lognormal: {mean: 2500, p95: 7000}, max: 16k}
    output_tokens: {lognormal: {mean: 40, p95: 120}, max: 1k}
    slo: {ttft_p95: 1s, e2e_p95: 5s}       # what 95 % of the requests should get
    client: {timeout: 10s, retries: none}  # who types on does not wait
"""

_AGENTS = """\
    # The first call of a task: instructions, tools, files. (yours?)
    prompt_tokens: {lognormal: {mean: 4000, p95: 10000}, max: 48k}
    output_tokens: {lognormal: {mean: 300, p95: 900}, max: 4k}
    # Each further call begins with all that was said before. (yours?)
    follow_ups:
      calls_per_task: {lognormal: {mean: 8, p95: 20}}
      think_time: {lognormal: {p50: 3s, p95: 30s}}                  # tools run
      prompt_tokens: {lognormal: {mean: 700, p95: 2500}, max: 12k}  # what they printed
    slo: {ttft_p95: 5s}                    # what 95 % of the calls should get
    client: {timeout: 5min, retries: {preset: anthropic-sdk, budget: 10%}}
"""

_BATCH = """\
    # A document and what is made of it. (yours?)
    prompt_tokens: {lognormal: {mean: 3000, cv: 0.5}, max: 16k}
    output_tokens: {lognormal: {mean: 400, cv: 0.5}, max: 4k}
    deadline: 12h                          # all at once in the evening, done by the morning
"""

_VOICE = """\
    # Short turns, and a caller who hears every pause. (yours?)
    prompt_tokens: {lognormal: {mean: 1500, p95: 3500}, max: 8k}
    output_tokens: {lognormal: {mean: 60, p95: 150}, max: 500}
    slo: {ttft_p95: 1s, e2e_p95: 5s}       # what 95 % of the turns should get
    client: {timeout: 5s, retries: none}
"""

_CHAT_DAY, _CODE_DAY = "azure-chat-2024", "azure-code-2024"

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "chat": Kind("Chat", "chat", 50_000, "requests a day", _CHAT_DAY, _CHAT, 1200, 350),
        "rag": Kind(
            "Answers from documents", "answers", 20_000, "requests a day", _CHAT_DAY, _RAG,
            6000, 300,
        ),
        "code": Kind(
            "Code assistant", "completions", 100_000, "requests a day", _CODE_DAY, _CODE, 2500, 40
        ),
        "agents": Kind(
            "Agents", "agents", 5_000, "tasks a day", _CODE_DAY, _AGENTS, 7500, 300, calls=8,
            says_again=True,
        ),
        "batch": Kind(
            "Nightly batch", "documents", 20_000, "documents a night", "", _BATCH, 3000, 400,
            burst_s=12 * 3600.0,
        ),
        "voice": Kind(
            "Voice assistant", "turns", 50_000, "turns a day", _CHAT_DAY, _VOICE, 1500, 60
        ),
    }
)  # fmt: skip
