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
    before : tuple of str
        What is done before the answer, in turn: names in :mod:`sim.studies.first.before`.
    model : str
        On GPUs, where nobody says which; empty for the usual one.
    needs_gpus : str
        Why no API of the catalogue can answer; empty where one can.
    step : str
        The service in YAML where requests take a fixed number of steps, no tokens of a model.
    step_s : float
        GPU-seconds of a request then.
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
    before: tuple[str, ...] = ()
    model: str = ""
    needs_gpus: str = ""
    step: str = ""
    step_s: float = 0.0


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

_LOOKUP = """\
    # Instructions, the best of the passages and the question. (yours?)
    prompt_tokens: {lognormal: {mean: 3000, p95: 6000}, max: 16k}
    output_tokens: {lognormal: {mean: 300, p95: 700}, max: 2k}
    slo: {ttft_p95: 3s, e2e_p95: 30s}      # from the question on, what 95 % should get
    client: {timeout: 60s, retries: openai-sdk}
"""

_EMBEDDING = """\
    # Passages of documents, or questions, that become vectors. (yours?)
    prompt_tokens: {lognormal: {mean: 300, p95: 800}, max: 8k}
    output_tokens: 0                       # nothing is generated
    slo: {e2e_p95: 500ms}                  # what 95 % of the texts should get
    client: {timeout: 10s, retries: openai-sdk}
"""

_RERANK = """\
    # Thirty passages, each beside the question, that get scores. (yours?)
    prompt_tokens: {lognormal: {mean: 6000, cv: 0.3}, max: 24k}
    output_tokens: 0                       # nothing is generated
    slo: {e2e_p95: 1s}                     # what 95 % of the rankings should get
    client: {timeout: 5s, retries: openai-sdk}
"""

_VISION = """\
    # Tokens of the pictures and of the question about them. (yours?)
    prompt_tokens: {lognormal: {mean: 1300, cv: 0.6}, max: 8k}
    output_tokens: {lognormal: {mean: 200, p95: 600}, max: 2k}
    slo: {ttft_p95: 3s, e2e_p95: 20s}      # from the upload on, what 95 % should get
    client: {timeout: 60s, retries: openai-sdk}
"""

_SPEECH = """\
    # Tokens of the recording, and the text that it becomes. (yours?)
    prompt_tokens: {lognormal: {mean: 450, cv: 0.8}, max: 4k}
    output_tokens: {lognormal: {mean: 120, cv: 0.8}, max: 2k}
    slo: {ttft_p95: 2s, e2e_p95: 10s}      # from the end of the recording on
    client: {timeout: 60s, retries: openai-sdk}
"""

_IMAGE = """\
    # Each picture takes as many steps, which stand where other models have tokens. (yours?)
    prompt_tokens: 1
    output_tokens: 28                      # steps
    slo: {e2e_p95: 20s}                    # what 95 % of the pictures should get
    client: {timeout: 2min, retries: openai-sdk}
"""
_STEP = "{step: {1: 95ms, 2: 180ms, 4: 350ms}, gpu: h100-sxm, start: 200ms}"

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
        "rag-chain": Kind(
            "Questions that are looked up", "answers", 20_000, "questions a day", _CHAT_DAY,
            _LOOKUP, 3000, 300, before=("embedding", "ranking"),
        ),
        "embedding": Kind(
            "Embeddings", "texts", 500_000, "texts a day", _CHAT_DAY, _EMBEDDING, 300, 1,
            model="qwen3-4b", needs_gpus="embeddings",
        ),
        "rerank": Kind(
            "Rankings", "rankings", 100_000, "rankings a day", _CHAT_DAY, _RERANK, 6000, 1,
            model="qwen3-4b", needs_gpus="rankings",
        ),
        "vision": Kind(
            "Questions about pictures", "answers", 20_000, "questions a day", _CHAT_DAY, _VISION,
            1300, 200, before=("pictures",),
        ),
        "speech": Kind(
            "Transcripts", "transcripts", 20_000, "recordings a day", _CHAT_DAY, _SPEECH, 450, 120,
            before=("sound",),
        ),
        "image": Kind(
            "Pictures that are made", "pictures", 10_000, "pictures a day", _CHAT_DAY, _IMAGE, 1,
            28, needs_gpus="pictures", step=_STEP, step_s=28 * 0.350 / 4 + 0.2,
        ),
    }
)  # fmt: skip
