"""InferenceX (InferenceMAX) rows: a table with a row a run, or the benchmark's own JSON rows.

A run is a closed loop of N users, 10 N requests after (in 2026) 2 N to warm up, all users at once,
so that a mean time to the first token holds that burst. Lengths are uniform from 0.8 times the
nominal to the nominal. Rows of NVIDIA's gap analyses in the same table have the nominal lengths.

**Parallelism.** InferenceX says on how many GPUs a model lies (``tp``), over how many its experts
are spread (``ep``), and whether attention runs data parallel. Two of the dumps in the table
(``db-dump`` and ``2026-04-06.csv``) come with tensor or data parallelism multiplied by ``ep``:
``tp8_ep8`` on one node of 8 GPUs reads as 64, where the dump of 2026-03-25 has 8. That is undone
here. Rows of that dump with a number of GPUs that is no power of two, or of more than 16 in one
tensor-parallel group, add up the GPUs of a disaggregated deployment and are left out.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import replace

from sim.catalog.benchmarks.document import Document
from sim.catalog.benchmarks.fields import MS, Fields, S
from sim.catalog.benchmarks.summary import statistics
from sim.errors import MeasurementError
from sim.model.measured import (
    ClosedLoop,
    Drive,
    MeasuredRun,
    Parallelism,
    Remark,
    Setup,
    Source,
    Statistics,
    Tokens,
)

SHORTEST = 0.8  # of the nominal length; InferenceX runs with --random-range-ratio 0.8
REQUESTS, WARMUPS = 10, 2  # per user
MOST_TENSOR = 16  # GPUs in one group of the aggregated rows
MULTIPLIED = re.compile(r"db-dump|source_file=2026-04-06\.csv")
OF_INFERENCEX = re.compile(r"db-dump|source_file=20\d\d-\d\d-\d\d\.csv|^$")
COLUMNS = ("model_path", "system", "isl", "osl", "batch_size", "silicon_ttft_ms", "silicon_tpot_ms")
ENGINES = {"trt": "trtllm", "trt-llm": "trtllm", "tensorrt-llm": "trtllm", "tensorrt_llm": "trtllm"}


def recognises(document: Document) -> bool:
    """The table of rows."""
    return set(COLUMNS) <= set(document.columns)


def recognises_json(document: Document) -> bool:
    """The benchmark's own rows."""
    first = _json_rows(document)[:1]
    return bool(first) and isinstance(first[0], dict) and {"hw", "conc", "tp"} <= first[0].keys()


def runs(document: Document) -> Iterator[MeasuredRun]:
    """A run for every row of an aggregated deployment."""
    found, disaggregated, summed = [], 0, 0
    for index, row in enumerate(document.rows):
        fields = Fields(row, document.place(index))
        if fields.text("mode") not in ("", "agg"):
            disaggregated += 1
            continue
        parallelism = table_parallelism(fields)
        if parallelism is None:
            summed += 1
            continue
        found.append(_table_run(fields, parallelism, document))
    if not found:
        raise MeasurementError(f"{document.path}: has no row of an aggregated deployment")
    left = [
        Remark("left_out", f"{count} of {len(document.rows)} rows are of {what}")
        for count, what in (
            (disaggregated, "disaggregated deployments"),
            (summed, "deployments whose GPUs are summed up"),
        )
        if count
    ]
    yield replace(found[0], remarks=(*found[0].remarks, *left))
    yield from found[1:]


def table_parallelism(fields: Fields) -> Parallelism | None:
    """How the model lay on GPUs; None where the row adds up several engines.

    >>> row = {"tp_size": "64", "attention_dp_size": "1", "moe_tp_size": "8", "moe_ep_size": "8"}
    >>> of_april = {"silicon_data_source": "source_file=2026-04-06.csv; model=DeepSeek-R1"}
    >>> table_parallelism(Fields(row | of_april, ""))
    Parallelism(tensor=8, pipeline=1, data=1, expert=8)
    """
    names = ("tp_size", "pp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size")
    tensor, pipeline, data, cut, expert = (
        fields.users(n) if _some(fields, n) else 1 for n in names
    )
    tensor, pipeline, data = tensor or 1, pipeline or 1, data or 1
    cut, expert = cut or 1, expert or 1
    if MULTIPLIED.match(fields.text("silicon_data_source")) and expert > 1:
        if tensor > 1 and data > 1:  # vLLM: attention is data parallel on every GPU
            tensor, expert = 1, max(expert // data, 1)
        elif data > 1:
            data = max(data // expert, 1)
        else:
            tensor = max(tensor // expert, 1)
    elif not _some(fields, "attention_dp_size") and cut * expert > tensor:
        data = cut * expert // tensor  # experts lie on all GPUs, attention is copied
    gpus = tensor * data
    if tensor > MOST_TENSOR or gpus & (gpus - 1):
        return None
    return Parallelism(tensor, pipeline, data, expert)


def _some(fields: Fields, name: str) -> bool:
    """Whether a column says a number above 0."""
    return bool(fields.count(name))


def _table_run(fields: Fields, parallelism: Parallelism, document: Document) -> MeasuredRun:
    source = fields.text("silicon_data_source")
    stated = re.search(r"silicon_concurrency=(\d{1,7})\b", source)
    measured = re.search(r"measured=(\d{4}-\d\d-\d\d)", source)
    users = int(stated[1]) if stated else fields.users("batch_size")
    if not users:
        raise fields.missing("batch_size")
    ttft, tpot = (fields.number(f"silicon_{name}_ms", MS) for name in ("ttft", "tpot"))
    if ttft is None or tpot is None:
        raise fields.missing("silicon_ttft_ms or silicon_tpot_ms")
    ours = bool(OF_INFERENCEX.match(source))
    return MeasuredRun(
        name=fields.text("id") or f"c{users}",
        source=Source(
            document.path, document.sha256, "inferencex", as_of=measured[1] if measured else ""
        ),
        setup=Setup(
            engine=fields.text("backend"),
            engine_version=fields.text("backend_version"),
            model=fields.text("model_path"),
            gpu=fields.text("system").replace("_", "-"),
            precision=fields.text("precision"),
            parallelism=parallelism,
        ),
        drive=_drive(fields, users, ours),
        statistics={"ttft_s": Statistics(ttft), "tpot_s": Statistics(tpot)},
        remarks=() if ours else (_assumed(),),
    )


def _assumed() -> Remark:
    return Remark("assumed", "the two times are taken as means; the row does not say")


def _drive(fields: Fields, users: int, ours: bool) -> Drive:
    """A closed loop; of InferenceX itself with its lengths and number of requests."""
    lengths = [fields.number(name) for name in ("isl", "osl")]
    if not all(lengths):
        raise fields.missing("isl or osl", "the nominal lengths")
    prompt, output = (_uniform(n or 1.0) if ours else Tokens("fixed", n or 1.0) for n in lengths)
    return Drive(
        ClosedLoop(users),
        requests=REQUESTS * users if ours else None,
        ending="drained",
        warmup_requests=WARMUPS * users if ours else 0,
        prompt_tokens=prompt,
        output_tokens=output,
    )


def _uniform(nominal: float) -> Tokens:
    low = math.floor(SHORTEST * nominal)
    return Tokens("uniform", (low + nominal) / 2, (nominal - low) / math.sqrt(12), low, nominal)


# ---------------------------------------------------------------- the benchmark's own rows


def _json_rows(document: Document) -> list[object]:
    """Rows of a list, or the one there is."""
    first = document.objects[0] if document.objects else None
    return list(first) if isinstance(first, list) else list(document.objects)


def runs_of_json(document: Document) -> Iterator[MeasuredRun]:
    """A run for every row; times are in seconds, without a unit in their names."""
    for index, found in enumerate(_json_rows(document)):
        place = f"{document.path}: row {index + 1}"
        fields = Fields(found if isinstance(found, dict) else {}, place)
        users, tensor = fields.users("conc"), fields.users("tp")
        if users is None or tensor is None:
            raise fields.missing("conc or tp")
        summaries = {
            ours: statistics(fields, S, after=f"_{word}")
            for ours, word in (("ttft_s", "ttft"), ("tpot_s", "tpot"), ("itl_s", "itl"),
                               ("e2e_s", "e2el"))
        }  # fmt: skip
        given = {ours: one for ours, one in summaries.items() if one is not None}
        if not given.keys() >= {"ttft_s", "tpot_s"}:
            raise fields.missing("mean_ttft or mean_tpot")
        data = fields.entries.get("dp_attention") in (True, "true", "True")
        framework = fields.text("framework").casefold()
        yield MeasuredRun(
            name=f"c{users}",
            source=Source(document.path, document.sha256, "inferencex", as_of=fields.day("date")),
            setup=Setup(
                engine=ENGINES.get(framework, framework),
                model=fields.text("model"),
                gpu=fields.text("hw"),
                precision=fields.text("precision"),
                parallelism=Parallelism(
                    tensor=1 if data else tensor,
                    data=tensor if data else 1,
                    expert=fields.users("ep") or 1,
                ),
            ),
            drive=_drive(fields, users, ours=True),
            statistics=given,
            output_tokens_per_s=_throughput(fields, tensor),
        )


def _throughput(fields: Fields, gpus: int) -> float | None:
    each = fields.number("output_tput_per_gpu")
    return None if each is None else each * gpus
