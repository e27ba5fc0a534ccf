"""What is done before an answer is begun, with a workload and a pool of its own each."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sim.model.price import DAY_S
from sim.studies.first.backends import line, price_of
from sim.studies.first.pool import peak_of, pool_of, replicas_at


@dataclass(frozen=True, slots=True)
class Before:
    """A step before the answer, of a small model on a small GPU of its own.

    Attributes
    ----------
    workload, backend : str
        Their names.
    traffic : str
        The workload in YAML below its arrivals, with comments.
    mean_prompt : float
        Tokens, as in ``traffic``.
    model, gpu : str
        An embedder or encoder of that size, and where it runs.
    then : str
        How long what follows waits after it, in YAML; empty for not at all.
    """

    workload: str
    backend: str
    traffic: str
    mean_prompt: float
    model: str
    gpu: str
    then: str = ""


def arrivals_after(step: Before) -> str:
    """The arrivals of what comes after a step."""
    if not step.then:
        return f"    arrivals: {{after: {step.workload}}}\n"
    return line(f"    arrivals: {{after: {step.workload}, delay: {step.then}}}", "search; yours?")


def backend_text(step: Before, volume: float, day: str) -> str:
    """The pool of a step as YAML.

    Parameters
    ----------
    step : Before
    volume : float
        Arrivals a day.
    day : str
        Their shape.
    """
    rate = volume / DAY_S * peak_of(day)
    pool = pool_of(step.model, step.gpu)
    replicas = replicas_at(rate, step.mean_prompt, 1.0, pool)
    price, note = price_of(pool.profile.gpu)
    service = f"    service: {{model: {step.model}, gpu: {step.gpu}, precision: bf16}}"
    return "\n".join(
        [
            f"  {step.backend}:",
            "    kind: gpu_pool",
            line(service, "not measured; yours?").rstrip(),
            line(f"    replicas: {replicas}", "a guess by mean loads").rstrip(),
            line(f"    price: {{usd_per_gpu_hour: {_plain(price)}}}", note),
        ]
    )


def _plain(price: object) -> object:
    """The usual one, where there is a range."""
    return price["triangular"]["mode"] if isinstance(price, dict) else price


EMBEDDING = Before(
    "question",
    "embedder",
    """\
    # The question becomes a vector. (yours?)
    prompt_tokens: {lognormal: {mean: 40, p95: 90}, max: 500}
    output_tokens: 0                       # nothing is generated
""",
    40,
    "llama-3.2-1b",
    "l4",
    "{lognormal: {p50: 40ms, p95: 120ms}}",
)

RANKING = Before(
    "ranking",
    "reranker",
    """\
    # Thirty passages that were found, each beside the question. (yours?)
    prompt_tokens: {lognormal: {mean: 6000, cv: 0.3}, max: 24k}
    output_tokens: 0                       # scores
""",
    6000,
    "llama-3.2-1b",
    "l40s",
)

PICTURES = Before(
    "pictures",
    "encoder",
    """\
    # The patches of the pictures of a request, through the vision encoder. (yours?)
    prompt_tokens: {lognormal: {mean: 4000, cv: 0.6}, min: 256, max: 16k}
    output_tokens: 0                       # embeddings, which the prompt below has tokens for
""",
    4000,
    "llama-3.2-1b",
    "l4",
)

SOUND = Before(
    "sound",
    "encoder",
    """\
    # Frames of a recording through the audio encoder, 50 for each second of it. (yours?)
    prompt_tokens: {lognormal: {mean: 1500, cv: 0.8}, min: 100, max: 12k}
    output_tokens: 0                       # embeddings, which the prompt below has tokens for
""",
    1500,
    "llama-3.2-1b",
    "l4",
)

STEPS: Mapping[str, Before] = MappingProxyType(
    {"embedding": EMBEDDING, "ranking": RANKING, "pictures": PICTURES, "sound": SOUND}
)
