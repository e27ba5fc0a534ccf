"""Service profiles as YAML files: read with every problem found at once, and written.

The keys mirror :class:`~sim.model.profile.ServiceProfile`, in units that keep the figures readable:

=============================  =========================================================
key                            meaning
=============================  =========================================================
model, gpu, precision, engine  what was measured
gpus_per_replica               GPUs of one copy of the model
data_parallel_ranks            ranks of it with data-parallel attention, each of which has the
                               times, limits and KV cache that follow (1)
batch                          batch sizes of the next two tables
step_base_ms                   a(B), milliseconds per step
step_ns_per_kv_token           c(B), nanoseconds per step and cached token
prefill_ms_per_request         d0 (0)
prefill_us_per_token           d1, microseconds per prompt token
prefill_ns_per_token_context   d2, nanoseconds per prompt token and token before it (0)
overhead_ms                    constant delay from the front end to the engine (0)
output_delay_ms                constant delay from the front end to the client (0)
frontend_ms_per_request        serial cost of a request in the front end (0)
frontend_us_per_prompt_token   and of each token of its prompt (0)
frontend_us_per_token          and of each token of its answer, as it is streamed (0)
frontend_us_per_token_from_rest   what it costs beyond that where the front end was idle (0)
frontend_us_per_prompt_token_out  what the first token costs more, per token of the prompt (0)
frontend_processes             processes of the front end, which share its work (1)
kv_capacity_tokens             size of the KV cache
kv_block_tokens                tokens in a block, a power of two (16)
max_num_seqs                   limit of the batch
max_num_batched_tokens         token budget of a step
max_model_len                  longest prompt plus output
kv_cache_dtype                 precision of the KV cache, ``auto`` for the checkpoint's (bf16)
admission                      what must fit into the KV cache: ``prompt``, ``whole`` (prompt and
                               answer) or ``watermark`` (``whole`` for TensorRT-LLM, else
                               ``prompt``)
scheduler                      ``chunked`` or ``prefill_first`` (chunked)
steps_in_flight                1, or 2 where the engine composes a step while the one before it
                               runs, as vLLM does since 0.14 and SGLang since 0.4 (1)
measured                       what, points, and ranges of batch, prompt and output (none)
fit_error                      mean relative error of the law, 0.02 for 2 % (0)
grade, source, as_of, notes    where the figures come from (empty)
simulated_error,               how far simulations, and coefficients together, may be off
coefficient_errors             (none): see :mod:`sim.catalog.profile_error`
=============================  =========================================================

Defaults are in brackets; every other key must be there.
"""

import io
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.scalarstring import FoldedScalarString

from sim.catalog import profile_error
from sim.catalog.checkpoints import checkpoint_dtype
from sim.catalog.yaml_mapping import YamlMapping, read_mapping
from sim.errors import Problem, ScenarioError
from sim.model.input_file import InputFileError, text
from sim.model.kv_cache import AUTO, BYTES
from sim.model.profile import MOST_RANKS, Admission, Measurement, ServiceProfile, StepSample

LINE_LENGTH = 96

# Key in the file, attribute of the profile, one unit of the file in SI, default.
_TEXTS = {"grade": "", "source": "", "as_of": "", "notes": ""}
_SCALARS: tuple[tuple[str, str, float, float | None], ...] = (
    ("prefill_ms_per_request", "prefill_s_per_request", 1e-3, 0.0),
    ("prefill_us_per_token", "prefill_s_per_token", 1e-6, None),
    ("prefill_ns_per_token_context", "prefill_s_per_token_context", 1e-9, 0.0),
    ("overhead_ms", "overhead_s", 1e-3, 0.0),
    ("output_delay_ms", "output_delay_s", 1e-3, 0.0),
    ("frontend_ms_per_request", "frontend_s_per_request", 1e-3, 0.0),
    ("frontend_us_per_prompt_token", "frontend_s_per_prompt_token", 1e-6, 0.0),
    ("frontend_us_per_token", "frontend_s_per_token", 1e-6, 0.0),
    ("frontend_us_per_token_from_rest", "frontend_s_per_token_from_rest", 1e-6, 0.0),
    ("frontend_us_per_prompt_token_out", "frontend_s_per_prompt_token_out", 1e-6, 0.0),
)
_TABLES = (
    ("step_base_ms", "step_base_s", 1e-3),
    ("step_ns_per_kv_token", "step_s_per_kv_token", 1e-9),
)
MOST_SEQS = 100_000
MOST_PROCESSES = 64
MOST_IN_FLIGHT = 2  # steps
_COUNTS: tuple[tuple[str, int | None], ...] = (
    ("kv_capacity_tokens", None),
    ("kv_block_tokens", 16),
    ("max_num_seqs", None),
    ("max_num_batched_tokens", None),
    ("max_model_len", None),
    ("frontend_processes", 1),
    ("data_parallel_ranks", 1),
)
_IDENTITY = ("model", "gpu", "precision", "engine")
_SCHEDULERS = ("chunked", "prefill_first")
_ADMISSIONS = ("prompt", "whole", "watermark")
_WHOLE = ("trtllm", "tensorrt")  # engines whose default is to evict nobody
_ISO_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_KEYS = (
    *("model", "gpu", "gpus_per_replica", "precision", "engine", "batch"),
    *(key for key, _, _ in _TABLES),
    *(key for key, *_ in _SCALARS),
    *(key for key, _ in _COUNTS),
    *("kv_cache_dtype", "scheduler", "steps_in_flight", "admission", "measured", "fit_error"),
    *_TEXTS,
    *profile_error.KEYS,
)
_COEFFICIENTS = {"step_ns_per_kv_token", *(key for key, *_ in _SCALARS)}


def load_profile(path: str | Path) -> ServiceProfile:
    """Read a profile file; its name is the path as given.

    Raises
    ------
    ScenarioError
        With every problem of the file.
    """
    try:
        content = text(path, "profile")
    except InputFileError as error:
        remedy = "is it a profile?" if "larger" in str(error) else ""
        raise ScenarioError([Problem(str(path), None, "", str(error), remedy)]) from None
    return parse_profile(content, str(path), str(path))


def usual_admission(engine: str) -> Admission:
    """What an engine admits by where nothing is said.

    >>> usual_admission("vllm"), usual_admission("TRTLLM")
    ('prompt', 'whole')
    """
    return "whole" if engine.lower().startswith(_WHOLE) else "prompt"


def parse_profile(text: str, file: str, name: str) -> ServiceProfile:
    """A profile from the text of a file, called ``file`` in errors."""
    document = read_mapping(text, file)
    if not any(key in document.entries for key in _KEYS):  # of what is something else
        raise ScenarioError([Problem(file, None, "", "has no key of a profile")])
    document.check_keys(_KEYS)
    values: dict[str, Any] = {key: document.text(key) for key in _IDENTITY}
    values["gpus_per_replica"] = document.count("gpus_per_replica", least=1)
    values["batch"] = document.counts("batch", least=0)
    for key, attribute, scale in _TABLES:
        values[attribute] = _scaled(document.numbers(key), scale)
    for key, attribute, scale, default in _SCALARS:
        number = document.number(key, default)
        values[attribute] = None if number is None else number * scale
    for key, default_count in _COUNTS:
        values[key] = document.count(key, default_count, least=1)
    values["kv_cache_dtype"] = _kv_cache_dtype(document, values)
    usual = usual_admission(values["engine"] or "")
    values["admission"] = document.choice("admission", _ADMISSIONS, usual)
    values["scheduler"] = document.choice("scheduler", _SCHEDULERS, "chunked")
    values["steps_in_flight"] = document.count("steps_in_flight", 1, least=1)
    values["fit_error"] = document.number("fit_error", 0.0)
    values |= {key: document.text(key, default) for key, default in _TEXTS.items()}
    values["measured"] = _measurement(document)
    values |= profile_error.read_errors(document)
    profile_error.check_coefficients(document, values["batch"] or (), _COEFFICIENTS)
    _check_tables(document, values)
    _check_limits(document, values)
    document.raise_problems()
    return ServiceProfile(name=name, **values)


def profile_document(profile: ServiceProfile) -> dict[str, Any]:
    """The profile as the mapping that its file holds, without empty entries."""
    document: dict[str, Any] = {
        "model": profile.model,
        "gpu": profile.gpu,
        "gpus_per_replica": profile.gpus_per_replica,
        "precision": profile.precision,
        "engine": profile.engine,
        "batch": list(profile.batch),
    }
    for key, attribute, scale in _TABLES:
        document[key] = [_unscaled(value, scale) for value in getattr(profile, attribute)]
    for key, attribute, scale, _ in _SCALARS:
        document[key] = _unscaled(getattr(profile, attribute), scale)
    document |= {key: getattr(profile, key) for key, _ in _COUNTS}
    document["kv_cache_dtype"] = profile.kv_cache_dtype
    document["scheduler"] = profile.scheduler
    document["steps_in_flight"] = profile.steps_in_flight
    document["admission"] = profile.admission
    if profile.measured is not None:
        document["measured"] = _measurement_document(profile.measured)
    document["fit_error"] = profile.fit_error
    document |= {key: value for key in _TEXTS if (value := getattr(profile, key))}
    errors = profile_error.errors_document(profile.simulated_error, profile.joint_error)
    return document | errors


def write_profile(profile: ServiceProfile, path: str | Path) -> None:
    """Write a profile to a file that :func:`load_profile` reads back."""
    Path(path).write_text(profile_yaml(profile), encoding="utf-8")


def profile_yaml(profile: ServiceProfile) -> str:
    """The text of a profile's file, that :func:`parse_profile` reads back."""
    yaml = YAML()
    yaml.width = 10_000  # nothing is folded but what _laid_out folds
    yaml.indent(mapping=2, sequence=4, offset=2)
    written = io.StringIO()
    yaml.dump(_laid_out(profile_document(profile)), written)
    return written.getvalue()


def _kv_cache_dtype(document: YamlMapping, values: dict[str, Any]) -> str:
    """As it is given; ``auto`` is what the checkpoint says."""
    given = document.choice("kv_cache_dtype", (AUTO, *BYTES), "bf16")
    if given != AUTO:
        return given or "bf16"
    return checkpoint_dtype(values["model"] or "", values["precision"] or "")


def _measurement(document: YamlMapping) -> Measurement | None:
    part = document.mapping("measured")
    if part is None:
        return None
    part.check_keys(("what", "points", "batch", "prompt_tokens", "output_tokens", "samples"))
    what, points = part.text("what"), part.count("points", least=0)
    ranges = {key: part.range(key) for key in ("batch", "prompt_tokens", "output_tokens")}
    samples = tuple(_sample(each) for each in part.mappings("samples"))
    if what is None or points is None:
        return None
    return Measurement(what, points, **ranges, samples=samples)


def _sample(part: YamlMapping) -> StepSample:
    part.check_keys(("batch", "kv_tokens", "prefill_tokens", "step_ms"))
    return StepSample(
        batch=part.count("batch", least=0) or 0,
        kv_tokens=part.number("kv_tokens") or 0.0,
        prefill_tokens=part.number("prefill_tokens", 0.0) or 0.0,
        step_s=(part.number("step_ms") or 0.0) * 1e-3,
    )


def _measurement_document(measured: Measurement) -> dict[str, Any]:
    document: dict[str, Any] = {"what": measured.what, "points": measured.points}
    for key in ("batch", "prompt_tokens", "output_tokens"):
        if (bounds := getattr(measured, key)) is not None:
            document[key] = list(bounds)
    if measured.samples:
        document["samples"] = [
            {
                "batch": sample.batch,
                "kv_tokens": sample.kv_tokens,
                "prefill_tokens": sample.prefill_tokens,
                "step_ms": _unscaled(sample.step_s, 1e-3),
            }
            for sample in measured.samples
        ]
    return document


def _check_tables(document: YamlMapping, values: dict[str, Any]) -> None:
    batch, base = values["batch"], values["step_base_s"]
    if batch is None:
        return
    if any(later <= earlier for earlier, later in pairwise(batch)):
        document.problem("batch", f"{list(batch)} must increase from entry to entry")
    for key, attribute, _ in _TABLES:
        table = values[attribute]
        if table is not None and len(table) != len(batch):
            document.problem(key, f"{len(table)} entries, but batch has {len(batch)}")
    if base is None or len(base) != len(batch):
        return
    if max(base) == 0:
        document.problem("step_base_ms", "all entries are 0: a step takes some time")
    limit = values["max_num_seqs"]
    if len(batch) > 1 and limit is not None and limit > batch[-1] > batch[-2]:
        slope = (base[-1] - base[-2]) / (batch[-1] - batch[-2])
        if base[-1] + slope * (limit - batch[-1]) < 0:
            message = f"falls below 0 before the batch reaches max_num_seqs ({limit})"
            document.problem("step_base_ms", message, "add a point or lower max_num_seqs")


def _check_limits(document: YamlMapping, values: dict[str, Any]) -> None:
    _check_ranks(document, values["data_parallel_ranks"], values["gpus_per_replica"])
    seqs, budget = values["max_num_seqs"], values["max_num_batched_tokens"]
    longest, capacity = values["max_model_len"], values["kv_capacity_tokens"]
    block, error, as_of = values["kv_block_tokens"], values["fit_error"], values["as_of"]
    if seqs is not None and seqs > MOST_SEQS:
        document.problem("max_num_seqs", f"{seqs} must be at most {MOST_SEQS}", "engines use 256")
    processes = values["frontend_processes"]
    if processes is not None and processes > MOST_PROCESSES:
        message = f"{processes} must be at most {MOST_PROCESSES}"
        document.problem("frontend_processes", message, "vLLM starts one")
    _check_steps_in_flight(document, values)
    if seqs is not None and budget is not None and budget < seqs:
        message = f"{budget} must be at least max_num_seqs ({seqs})"
        document.problem("max_num_batched_tokens", message, "each decoding sequence takes one")
    held = capacity if not capacity or not block else capacity // block * block
    if longest is not None and held is not None and longest > held:
        message = f"{longest} must be at most what kv_capacity_tokens holds in blocks ({held})"
        document.problem("max_model_len", message, "a longer sequence could never run")
    if block is not None and block & (block - 1):
        document.problem("kv_block_tokens", f"{block} must be a power of two", "engines use 16")
    if error is not None and error >= 1:
        document.problem("fit_error", f"{error:g} must be below 1", "write 0.02 for 2 %")
    if as_of and not _ISO_DATE.fullmatch(as_of):
        document.problem("as_of", f"{as_of!r} must be a date", "such as 2026-10-29 or 2026-10")


def _check_steps_in_flight(document: YamlMapping, values: dict[str, Any]) -> None:
    steps = values["steps_in_flight"]
    if steps is None:
        return
    if steps > MOST_IN_FLIGHT:
        message = f"{steps} must be at most {MOST_IN_FLIGHT}"
        document.problem("steps_in_flight", message, "an engine of today has 2")
    elif steps > 1 and values["scheduler"] == "prefill_first":
        message = f"{steps} must be 1 where the scheduler is prefill_first"
        document.problem("steps_in_flight", message)


def _check_ranks(document: YamlMapping, ranks: int | None, gpus: int | None) -> None:
    if ranks is not None and gpus is not None and (gpus % ranks or ranks > MOST_RANKS):
        message = f"{ranks} must divide gpus_per_replica ({gpus})"
        if ranks > MOST_RANKS:
            message = f"{ranks} must be at most {MOST_RANKS}"
        document.problem("data_parallel_ranks", message, "each rank has as many GPUs")


def _scaled(numbers: tuple[float, ...] | None, scale: float) -> tuple[float, ...] | None:
    return None if numbers is None else tuple(number * scale for number in numbers)


def _unscaled(value: float, scale: float) -> float:
    """In the unit of the file; 15 digits, so that 0.0123 s are 12.3 and not 12.299999999999999."""
    return float(f"{value / scale:.15g}")


def _laid_out(value: Any) -> Any:
    """The same with lists of numbers on one line and long texts folded over several."""
    if isinstance(value, dict):
        return {key: _laid_out(each) for key, each in value.items()}
    if isinstance(value, list) and not any(isinstance(each, dict) for each in value):
        flow = CommentedSeq(value)
        flow.fa.set_flow_style()
        return flow
    if isinstance(value, list):
        return [_laid_out(each) for each in value]
    if isinstance(value, str) and len(value) > LINE_LENGTH - 16 and "\n" not in value:
        return _folded(value)
    return value


def _folded(text: str) -> Any:
    """The text, to be written over lines of at most ``LINE_LENGTH`` characters."""
    folds, start = [], 0
    while len(text) - start > LINE_LENGTH:
        fold = text.rfind(" ", start + 1, start + LINE_LENGTH + 1)
        if fold < 0:
            break
        folds.append(fold)
        start = fold + 1
    folded = FoldedScalarString(text)
    folded.fold_pos = folds
    return folded
