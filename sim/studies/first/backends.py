"""Who answers in a first scenario: an API, a pool of GPUs, or both."""

from typing import Any

from sim.catalog import api_models, api_price, api_providers, gpu_price
from sim.catalog.naming import known_as
from sim.catalog.prices import default_gpu_price, listed_prices
from sim.catalog.table import no_such
from sim.studies.first.pool import Pool, pool_of, replicas_at
from sim.studies.traffic.contents import Contents

COLUMN = 40  # of comments
DIGITS = 3  # of prices


def line(text: str, comment: str) -> str:
    """A line of YAML with a comment, beneath those of others where there is room.

    >>> print(line("    replicas: 2", "two").rstrip())
        replicas: 2                          # two
    """
    return f"{text:<{COLUMN}} # {comment}\n" if len(text) < COLUMN else f"{text}   # {comment}\n"


def api_model(name: str) -> str:
    """The model with an API that a name stands for; raises CatalogError if there is none."""
    named = known_as(name, api_models())
    if named is None:
        raise no_such("model with an API", name, api_models(), "sim catalog prices")
    return named


def provider_of(api: str) -> str | None:
    """The one that asks least for prompts, where several have the model."""
    several = api_providers(api)
    if len(several) == 1:
        return None
    return min(several, key=lambda who: (api_price(api, who).rates.input, who))


def api_text(model: str, says_again: bool) -> str:
    """The backend of an API as YAML.

    Parameters
    ----------
    model : str
    says_again : bool
        Whether its memory of prompts matters.
    """
    named = api_model(model)
    provider = provider_of(named)
    text = "  api:\n    kind: managed_api\n"
    text += line(f"    model: {named}", "list price; 'sim catalog prices' has others")
    if provider is not None:
        text += line(f"    provider: {provider}", "the least for prompts")
    if says_again:
        text += line("    prompt_caching: {}", "what was said before costs less; null for none")
    return text + line("    # quota: openai-tier-1", "limits of your account, if they matter")


def pool_text(pool: Pool, replicas: int, says_again: bool, candidate: bool = False) -> str:
    """The backend of a pool as YAML, as :func:`api_text`."""
    found = pool.profile
    basis = "measured" if pool.measured else "computed, not measured"
    gpus = found.gpus_per_replica
    each = f"{gpus} GPU{'s' if gpus > 1 else ''}"
    text = f"  fleet:\n    kind: gpu_pool\n    # {basis}; 'sim catalog profiles' lists others\n"
    if candidate:
        text += line("    candidate: true", "not paid until a route names it")
    text += f"    service: {pool.service}\n"
    text += line(f"    replicas: {replicas}", f"of {each} each: a guess by mean loads")
    if says_again:
        text += line("    prefix_cache: {}", "replicas keep what was said before")
        text += line("    router: session", "and a task goes where that is")
    price, note = price_of(found.gpu)
    text += line(f"    price: {{usd_per_gpu_hour: {_flow(price)}}}", note)
    return text + line("    # fixed_usd_per_month: 6000", "people who run it: none are counted")


def _flow(price: Any) -> str:
    if not isinstance(price, dict):
        return f"{price:g}"
    ends = ", ".join(f"{name}: {value:g}" for name, value in price["triangular"].items())
    return f"{{triangular: {{{ends}}}}}"


def price_of(gpu: str) -> tuple[Any, str]:
    """A price per GPU-hour as scenarios have it, and what it is.

    The median of what providers ask on demand, down to the least and up by as much: its mean is the
    median, which a single expensive provider does not move.
    """
    rows = [row for row in listed_prices() if row.gpu == gpu and row.purchase == "on_demand"]
    if not rows:
        return 3.0, "no list price: yours?"
    middle = default_gpu_price(gpu).usd_per_gpu_hour
    least = min(gpu_price(who, gpu).usd_per_gpu_hour for who in {row.provider for row in rows})
    low, mode, high = (round(each, DIGITS) for each in (least, middle, 2 * middle - least))
    if low == high:
        return mode, "on demand; yours?"
    return {"triangular": {"low": low, "mode": mode, "high": high}}, "on demand; yours?"


def beside_a_log(
    found: Contents, api: str | None, model: str | None, gpu: str | None
) -> dict[str, Any]:
    """Who answers what a log holds, as the mapping of a scenario.

    Parameters
    ----------
    found : Contents
    api, model : str or None
        None for none of the kind.
    gpu : str or None
    """
    backends: dict[str, Any] = {}
    if api is not None:
        named = api_model(api)
        backends["api"] = {"kind": "managed_api", "model": named}
        if provider := provider_of(named):
            backends["api"]["provider"] = provider
    if model is not None:
        prompt, output = (float(each.mean()) for each in _tokens(found))
        pool = pool_of(model, gpu, prompt + output)
        backends["fleet"] = {
            "kind": "gpu_pool",
            **({} if api is None else {"candidate": True}),
            "service": pool.service,
            "replicas": replicas_at(float(found.rates.max()), prompt, output, pool),
            "price": {"usd_per_gpu_hour": price_of(pool.profile.gpu)[0]},
        }
    return backends


def _tokens(found: Contents) -> tuple[Any, Any]:
    return found.trace.prompt_tokens, found.trace.output_tokens
