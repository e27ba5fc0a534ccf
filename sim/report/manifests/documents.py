"""The manifests of a design, as one file of several documents."""

import io
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from sim import __version__
from sim.errors import PeakfleetError, one_line
from sim.model.autoscaler import Custom, Keda, Knative, Planner, Reactive, Scheduled
from sim.model.design import Design, GpuPool
from sim.model.variants import Variants
from sim.report.manifests import hpa, keda, knative, planner, serving
from sim.report.manifests.engines import engine_of
from sim.report.manifests.metrics import sources

Document = dict[str, Any]

LONGEST_NAME = 53  # of an object, so that what is derived from it stays a label (63)
WIDTH = 100
SIGNED = "Written by Peakfleet"
HANDS_ON = (
    "Computes prompts for {to}: in vLLM both need --kv-transfer-config"
    ' \'{{"kv_connector": "NixlConnector", "kv_role": "kv_both"}}\', and a router before them that'
    " knows both roles, such as llm-d's or Dynamo's."
)
GIVES_WAY = (
    "Requests of a batch were simulated to give way when they run. Send each request with a"
    " priority: SGLang obeys it with --enable-priority-scheduling; vLLM with"
    " --scheduling-policy=priority, but there one leaves only when others that run are short of KV"
    " blocks."
)


ORDERED = (
    "Was simulated with scheduling {order}. For priorities vLLM needs"
    " --scheduling-policy=priority, SGLang --enable-priority-scheduling, and each request its own."
)
NOT_THERE = " No engine orders by {order} itself: a gateway may send it as the priority."


def manifests(design: Design, decision: str) -> str:
    """The GPU pools of a design as YAML that ``kubectl apply`` takes.

    Parameters
    ----------
    design : Design
        As chosen.
    decision : str
        Why, in one sentence; stands at the top.

    Raises
    ------
    PeakfleetError
        If the design has no GPUs.
    """
    if not design.pools:
        raise PeakfleetError(
            f"there is nothing to emit: {design.name!r} has no GPUs of its own, only managed APIs"
        )
    lines = [
        f"{SIGNED} {__version__}. Look it through before it is applied: images have no version yet,"
        " and storage, secrets and the choice of nodes are not in here.",
        decision,
    ]
    text = _comment(lines)
    taken: set[str] = set()
    for pool in design.pools:
        name = _name(pool.name, taken)
        documents, remarks = list(_documents(name, pool)), _remarks(name, pool)
        if any(each.yielding and pool.name in each.route.backends for each in design.workloads):
            remarks.append(GIVES_WAY)
        if (order := pool.scheduling.order) != "fcfs":
            further = "" if order == "priority" else NOT_THERE.format(order=order)
            remarks.append(ORDERED.format(order=order) + further)
        if pool.energy is not None and pool.energy.speed < 1:
            remarks.append(planner.power_cap(pool.energy))
        if pool.handoff is not None:
            remarks.append(HANDS_ON.format(to=pool.handoff.to))
        if (joined := design.joined(pool.name)) is not None:
            remarks.append(variant_of(joined, pool))
        if pool.gateway.flow_control is not None:
            remarks.append(planner.flow_control(pool.gateway.flow_control))
        for at, document in enumerate(documents):
            text += "---\n" + (_comment(remarks) if at == 0 else "") + _yaml(document)
    return text


def _documents(name: str, pool: GpuPool) -> Iterator[Document]:
    policy, model = pool.autoscaler, pool.profile.model
    engine = engine_of(pool)
    if engine is not None and engine.options:
        options = serving.options_file(name, engine)
        options["data"] = {
            file: LiteralScalarString(_yaml(content)) for file, content in options["data"].items()
        }
        yield options
    if isinstance(policy, Knative):
        yield serving.knative_service(name, pool, policy, model)
        return
    yield serving.deployment(name, pool, model)
    match policy:
        case Keda():
            yield keda.autoscaler(name, pool, policy)
        case Scheduled():
            yield keda.timetable(name, policy)
        case Reactive():
            yield hpa.autoscaler(name, policy)


def _remarks(name: str, pool: GpuPool) -> list[str]:
    """What stands above the documents of a pool."""
    lines = serving.remarks(pool)
    match pool.autoscaler:
        case Keda() | Scheduled() as policy:
            lines += keda.remarks(policy)
        case Knative() as policy:
            lines += knative.remarks(policy)
        case Custom() as policy:
            lines.append(
                f"Replicas were set by a process of your own ({policy.process}), between"
                f" {policy.min_replicas} and {policy.max_replicas}: it has to set them here, too."
            )
        case Planner() as policy:
            lines.append(planner.remark(policy))
        case Reactive() as policy:
            lines += [*hpa.remarks(policy), *sources(pool, name, policy)]
    return lines


def variant_of(joined: Variants, pool: GpuPool) -> str:
    """What stands before several pools, in a sentence."""
    others = ", ".join(name for name in joined.pools if name != pool.name)
    weight = joined.weight_of(pool.name)
    said = (
        f"A variant of {joined.name} beside {others}: one router before all, such as an"
        " InferencePool of the Gateway API Inference Extension whose selector has the pods of each,"
        f" was simulated to count a replica here as {weight:.3g} (router {joined.router})."
    )
    if joined.autoscaler is None:
        return said
    least, most = pool.limits
    return (
        f"{said} One autoscaler for all, as the variant autoscaler of llm-d, adds first where"
        f" {joined.pools[0]} is, within {least} and {most} replicas here."
    )


def _name(name: str, taken: set[str]) -> str:
    """A backend's name as that of an object: a label of RFC 1123, and no other's.

    >>> taken = set()
    >>> _name("Large (H100)", taken), _name("large h100", taken), _name("7b", taken)
    ('large-h100', 'large-h100-2', 'pool-7b')
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_NAME].strip("-")
    if not plain or not plain[0].isalpha():  # a Service's name begins with a letter
        plain = f"pool-{plain}".strip("-")
    found, number = plain, 2
    while found in taken:
        found, number = f"{plain}-{number}", number + 1
    taken.add(found)
    return found


def _comment(lines: list[str]) -> str:
    wrapped = (textwrap.wrap(one_line(line), WIDTH - 2) for line in lines)
    return "".join(f"# {line}\n" for each in wrapped for line in each)


def _yaml(document: Document) -> str:
    yaml = YAML()
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda _: True  # what is said twice is written twice
    written = io.StringIO()
    yaml.dump(document, written)
    return written.getvalue()
