"""A log as a whole scenario, which can be run as it stands: its traffic, and who answers it."""

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.catalog import api_models, profile, profile_names
from sim.catalog.naming import known_as
from sim.catalog.table import no_such
from sim.errors import CatalogError, PeakfleetError, one_line
from sim.model.arrivals.shape import FLAT
from sim.scenario.text.emission import to_yaml
from sim.studies.traffic.answer import Traffic
from sim.studies.traffic.contents import Contents
from sim.studies.traffic.written import WIDTH, workload

DEFAULT = "gpt-4.1-mini"  # an API answers any volume, so that the first run is about the traffic
ASSUMED_SLO = "2s"  # without one nothing says what goes wrong, and why
# Without a client everybody waits for ever, and nothing can be lost. A log does not tell how long
# its clients wait; most call by an SDK, whose defaults are known: openai-python 3.3.1 gives up
# after 600 s and tries twice again (src/openai/_constants.py, read 2026-08-21).
ASSUMED_CLIENT = {"timeout": "10min", "retries": "openai-sdk"}
ASSUMED = {  # keys of a workload, and what is said beside them
    "slo": "assumed; yours?",
    "client": "assumed: what the OpenAI SDK does by default; yours?",
}
HOUR_S, DAY_S = 3600.0, 86_400.0


def scenario_yaml(
    found: Contents, given: Mapping[str, Any], backends: Mapping[str, Any] | None = None
) -> str:
    """A scenario as YAML: the modelled traffic of a log, or where there is no model the log itself.

    Parameters
    ----------
    found : Contents
    given : mapping
        What was said of the log's columns.
    backends : mapping, optional
        Who answers, the first of them in the first place; by default an API.
    """
    document: dict[str, Any] = {"name": f"Traffic of {one_line(Path(found.trace.file).name)}"}
    if found.model is None:
        how = "the log itself, played once"
        document["workloads"] = found.replay(given)
    else:
        how = "its traffic as modelled"
        document["horizon"] = _horizon(found, found.model)
        document["workloads"] = {found.model.name: workload(found.model)}
    for each in document["workloads"].values():
        each.setdefault("slo", {"ttft_p95": ASSUMED_SLO})
        each.setdefault("client", dict(ASSUMED_CLIENT))
    document["backends"] = dict(backends or backends_of(DEFAULT))
    if len(document["backends"]) > 1:
        for each in document["workloads"].values():
            each["route"] = next(iter(document["backends"]))
    comments = [
        f"{found.trace.file}: {how} ('sim trace' says what it rests on).",
        "Put your own in place of what answers it here: a pool of GPUs ('sim catalog profiles'), an"
        " API ('sim catalog prices'). Assumptions, too, are the slo, that 95 % of the requests get"
        f" their first token within {ASSUMED_SLO}, and the client, which gives up after"
        f" {ASSUMED_CLIENT['timeout']} and tries twice again, as the OpenAI SDK does by default.",
    ]
    lines = [line for text in comments for line in textwrap.wrap(one_line(text), WIDTH)]
    return "".join(f"# {line}\n" for line in lines) + _marked(to_yaml(document))


def _marked(text: str) -> str:
    """The document with a comment beside each key that is assumed."""
    for key, said in ASSUMED.items():
        text = text.replace(f"\n    {key}:\n", f"\n    {key}:  # {said}\n")
    return text


def _horizon(found: Contents, model: Traffic) -> dict[str, Any]:
    """As long as the shape, from the log's first midnight on; hours where it tells of no day."""
    began, rate = found.trace.began, model.rate
    start = {} if began is None else {"start": f"{began:%Y-%m-%d}"}
    if rate.shape is not FLAT:
        return {**start, "days": 7 if len(rate.shape.values) % 7 == 0 else 1}
    hours = min(max(math.ceil(model.span_s / HOUR_S), 1), 24)
    return {**start, "duration": f"{hours}h"}


def backends_of(served_by: str) -> dict[str, Any]:
    """The only backend: a model with an API, or the profile of a pool."""
    if known_as(served_by, api_models()) is not None:
        return {"api": {"kind": "managed_api", "model": served_by}}
    return {"fleet": {"kind": "gpu_pool", "service": served_by, "replicas": 1}}


def answered_by(served_by: str, folder: Path) -> dict[str, Any]:
    """The only backend as ``--on`` names it, which is known to be there.

    Parameters
    ----------
    served_by : str
        A model with an API, the name of a profile, or the path of its file.
    folder : Path
        Of the scenario, where such paths may begin as well as here.

    Raises
    ------
    CatalogError
        If there is none of them.
    """
    if known_as(served_by, api_models()) is not None:
        return backends_of(served_by)
    name = served_by
    if name.casefold() not in profile_names():
        places = (Path(name).absolute(), (folder / name).absolute())
        name = next((str(path) for path in places if path.is_file()), name)
    try:
        profile(name)
    except CatalogError as error:
        said = str(error)
        if "is not in the catalogue" in said:
            models = no_such("model with an API", served_by, api_models(), "sim catalog prices")
            said = f"{said}; {models}"
        raise CatalogError(f"--on {served_by}: {said}") from None
    except (PeakfleetError, OSError, ValueError) as error:
        said = "; ".join(str(error).splitlines())
        raise CatalogError(f"--on {served_by}: {said}") from None
    return backends_of(name)
