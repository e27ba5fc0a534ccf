"""Services of a fixed number of steps, as those that make images: times of a step by the batch.

A diffusion model takes as many steps for each image, and no step hangs on what came before. So a
request is what the engine calls an answer of so many tokens, whose cache holds nothing that would
slow a step: its steps are the ``output_tokens`` of the workload.
"""

import itertools
from typing import Any, Final

from sim.catalog.hardware import gpu as gpu_named
from sim.errors import CatalogError
from sim.model.profile import ServiceProfile
from sim.scenario.values.fields import JsonSchema, number_schema
from sim.scenario.values.numbers import Quantity
from sim.scenario.values.problems import Spot, choose
from sim.scenario.values.reading import read_number
from sim.scenario.values.units import shown

KEY: Final = "step"
KEYS: Final = (KEY, "gpu", "gpus", "start")
MOST_AT_ONCE: Final = 1024
MOST_STEPS: Final = 4096
TIME: Final = Quantity("duration", above=0, most=3600.0, certain=True)
START: Final = Quantity("duration", least=0, most=3600.0, certain=True)
BLOCK: Final = 16  # tokens of KV blocks that nobody runs out of


def read_steps(raw: dict[str, Any], spot: Spot) -> tuple[ServiceProfile, dict[str, Any]] | None:
    """The profile of a mapping with ``step``, and how it is written; None, with problems noted."""
    for key in raw.keys() - set(KEYS):
        spot.below(key).wrong("unknown key", choose(str(key), KEYS))
    times = _times(raw[KEY], spot.below(KEY))
    start_s = read_number(raw.get("start", 0.0), START, spot.below("start"))
    count = raw.get("gpus", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_AT_ONCE:
        spot.below("gpus").wrong(f"{shown(count)} must be a whole number from 1 to {MOST_AT_ONCE}")
    if not isinstance(raw.get("gpu"), str):
        spot.wrong("has no gpu", "such as gpu: h100-sxm")
    if spot.findings or times is None:
        return None
    try:
        gpu = gpu_named(raw["gpu"]).name
    except CatalogError as error:
        spot.below("gpu").wrong(str(error))
        return None
    assert isinstance(start_s, float)
    written = {KEY: times, "gpu": gpu, "gpus": count, "start": start_s}
    return _profile(times, gpu, count, start_s), written


def _times(raw: Any, spot: Spot) -> dict[int, float] | None:
    """Seconds of a step by how many are in the batch."""
    remedy = "such as step: {1: 95ms, 4: 340ms}"
    if not isinstance(raw, dict) or not raw:
        spot.wrong(f"{shown(raw)} must give the time of a step by how many are in it", remedy)
        return None
    found: dict[int, float] = {}
    for key, value in raw.items():
        at = spot.below(str(key))
        size = int(key) if str(key).isdecimal() else 0
        if not 1 <= size <= MOST_AT_ONCE:
            at.wrong(f"{shown(key)} must be a whole number from 1 to {MOST_AT_ONCE}", remedy)
        time_s = read_number(value, TIME, at)
        if isinstance(time_s, float):
            found[size] = time_s
    if spot.findings:
        return None
    found = dict(sorted(found.items()))
    for (less, less_s), (more, more_s) in itertools.pairwise(found.items()):
        if more_s < less_s:
            spot.below(str(more)).wrong(f"is shorter than a step of {less}", "sort or correct them")
            return None
    return found


def _profile(times: dict[int, float], gpu: str, gpus: int, start_s: float) -> ServiceProfile:
    sizes, seconds = tuple(times), tuple(times.values())
    most = sizes[-1]
    return ServiceProfile(
        name=f"steps/{gpu}",
        model="own",
        gpu=gpu,
        precision="own",
        engine="own",
        gpus_per_replica=gpus,
        batch=(0, *sizes),
        step_base_s=(seconds[0], *seconds),
        step_s_per_kv_token=(0.0,) * (1 + len(sizes)),
        prefill_s_per_request=start_s,
        prefill_s_per_token=0.0,
        prefill_s_per_token_context=0.0,
        overhead_s=0.0,
        frontend_s_per_request=0.0,
        frontend_s_per_token=0.0,
        kv_capacity_tokens=2 * MOST_STEPS * most,
        kv_block_tokens=BLOCK,
        max_num_seqs=most,
        max_num_batched_tokens=MOST_STEPS * most,
        max_model_len=2 * MOST_STEPS,
        scheduler="chunked",
        source="the scenario's own times of a step",
    )


def steps_schema() -> JsonSchema:
    """JSON Schema of the mapping."""
    time = number_schema(TIME)
    return {
        "type": "object",
        "properties": {
            KEY: {
                "description": "In place of a model, where each request takes output_tokens steps,"
                " as of a diffusion model: the time of one by how many are in the batch.",
                "type": "object",
                "patternProperties": {"^[1-9][0-9]*$": time},
                "additionalProperties": False,
                "examples": [{"1": "95ms", "4": "340ms"}],
            },
            "gpu": {"type": "string"},
            "gpus": {
                "type": "integer",
                "minimum": 1,
                "maximum": MOST_AT_ONCE,
            },
            "start": {
                "description": "Beside step: time before the first one; default 0.",
                **number_schema(START),
            },
        },
        "required": [KEY, "gpu"],
        "additionalProperties": False,
    }
