"""``sim calibrate``: a service profile from benchmark files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sim.cli.completion import GPU
from sim.cli.delivery import Advice, deliver
from sim.cli.outputs import FORCE, check_folder, check_outputs


def benchmark_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options of commands that read benchmark files."""
    for option in (
        click.option("--quiet", is_flag=True, help="No progress, no advice."),
        click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
        click.option(
            "--figures",
            type=click.Path(path_type=Path),
            help="Folder for pictures and tables of the errors.",
        ),
        click.option(
            "--column",
            "columns",
            multiple=True,
            metavar="OURS=THEIRS",
            help="A column of a plain CSV file by hand, such as e2e_s=Latency. Repeatable.",
        ),
        click.option(
            "--only",
            "only",
            multiple=True,
            metavar="KEY=VALUE",
            help="Runs of one engine among several: model, gpu, precision, engine,"
            " engine_version, gpus. Repeatable.",
        ),
    ):
        command = option(command)
    return command


@click.command(short_help="A service profile, with its error, from benchmark files.")
@click.argument("files", nargs=-1, type=click.Path())
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where the answer goes.")
@click.option(
    "--workload",
    "trace",
    type=click.Path(),
    metavar="TRACE",
    help="Model the traffic of a trace instead; --column names its columns (timestamp,"
    " prompt_tokens, output_tokens, unit, session).",
)
@click.option("--model", help="What was served, as in 'sim catalog models'.")
@click.option("--gpu", type=GPU, help="On what, as in 'sim catalog gpus'.")
@click.option("--gpus", "gpus_per_replica", type=click.IntRange(1, 4096), help="Per replica.")
@click.option("--precision", help="bf16, fp8, fp4.")
@click.option("--engine", help="vllm, sglang, trtllm.")
@click.option("--kv-capacity-tokens", type=click.IntRange(min=16), help="What its cache holds.")
@click.option("--max-num-seqs", type=click.IntRange(1, 100_000), help="Limit of its batch.")
@click.option("--max-num-batched-tokens", type=click.IntRange(1, 10**8), help="Budget of a step.")
@click.option("--max-model-len", type=click.IntRange(2, 10**8), help="Longest prompt plus answer.")
@click.option("--scheduler", type=click.Choice(["chunked", "prefill_first"]), help="Of its steps.")
@click.option(
    "--steps-in-flight",
    type=click.IntRange(1, 2),
    help="2 where the engine composes a step while another runs; by default as its version does,"
    " else as the runs show.",
)
@click.option(
    "--admission",
    type=click.Choice(["prompt", "whole", "watermark"]),
    help="What must fit into the cache before a request starts; by default the engine's.",
)
@click.option(
    "--frontend-us-per-prompt-token",
    type=click.FloatRange(0, 1e6),
    help="The API server's own work for a token of a prompt, which no benchmark tells apart (0).",
)
@click.option(
    "--frontend-processes",
    type=click.IntRange(1, 1024),
    help="Processes of the API server, such as those of vLLM's --api-server-count (1).",
)
@FORCE
@benchmark_options
def calibrate(
    files: tuple[str, ...],
    output: Path | None,
    trace: str | None,
    only: tuple[str, ...],
    columns: tuple[str, ...],
    figures: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Fit a service profile to FILES of benchmarks, by simulating each as it was run.

    Files are those of vllm bench serve, SGLang, GuideLLM, AIPerf, GenAI-Perf, inference-perf,
    LLMPerf, InferenceX, the llm-d Benchmark Report, logs of an engine, or plain CSV. The profile
    says how far simulations with it are off its own data, how far its coefficients may be off
    together, and what the data could not tell, with the run that would. A file of -o that is there
    already is replaced with --force alone, and one that is read never.

    \b
    sim calibrate results/*.json -o mine.yaml --gpu h100-sxm --max-num-seqs 256
    sim run chat.yaml --set backends.large.service=mine.yaml

    With --workload the answer is a workload: daily and weekly shape, growth, swings and bursts of
    arrivals, lengths with their correlation, sessions and shared prompts, as the block of a
    scenario.

    \b
    sim calibrate --workload requests.csv.gz -o workload.yaml --figures pictures
    """  # noqa: D301 (Click wants the control character itself)
    read = (*files, *([trace] if trace is not None else []))
    check_outputs({"--output": output}, read, force)
    check_folder("--figures", figures, read, force)
    if trace is not None:
        from sim.cli.workload import model_trace

        if files or only or any(value is not None for value in given.values()):
            raise click.UsageError("--workload takes neither FILES nor what is said of a profile")
        model_trace(trace, output, pairs(columns, "--column"), figures, as_json, quiet)
        return
    if not files:
        raise click.UsageError("give FILES of benchmarks, or a trace with --workload")
    from sim.catalog import write_profile
    from sim.montecarlo.compilation import ANY
    from sim.montecarlo.needed_kernel import compile_once
    from sim.montecarlo.storage.manifest import to_json
    from sim.report.calibration_text import render_calibration
    from sim.report.charts.calibration import calibration_charts
    from sim.studies.calibration import Given
    from sim.studies.calibration import calibrate as study
    from sim.studies.calibration.choice import chosen

    advice = Advice(quiet)
    every = read_runs(files, columns, ())
    runs = chosen(every, pairs(only, "--only"))
    compile_once(ANY, None, advice.say)
    name = str(output) if output is not None else "calibrated"
    answer = study(runs, Given(**given), name, advice.say, others=every)
    for remark in answer.remarks:
        advice.say(remark)
    shown = to_json(answer.as_json()) if as_json else render_calibration(answer) + "\n"

    def save() -> None:
        if output is not None:
            write_profile(answer.profile, output)
            advice.say(f"profile in {output}")
        if figures is not None:
            save_figures(answer.frames(), calibration_charts(answer), figures)

    deliver(shown, save, advice)


def read_runs(files: tuple[str, ...], columns: tuple[str, ...], only: tuple[str, ...]) -> Any:
    """The runs of files, those asked for."""
    from sim.catalog.benchmarks import read_benchmarks
    from sim.studies.calibration.choice import chosen

    return chosen(read_benchmarks(list(dict.fromkeys(files)), pairs(columns, "--column")),
                  pairs(only, "--only"))  # fmt: skip


def pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    """What KEY=VALUE options say."""
    found = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise click.UsageError(f"{option} ({each}) must be KEY=VALUE")
        found[key.strip()] = value.strip()
    return found


def save_figures(frames: dict[str, Any], charts: Any, folder: Path) -> None:
    """Pictures, and tables as CSV."""
    from sim.errors import ResultError
    from sim.montecarlo.exports.spreadsheet import csv_text
    from sim.report.charts import save

    try:
        folder.mkdir(parents=True, exist_ok=True)
        save(charts, folder)
        for name, frame in frames.items():
            folder.joinpath(f"{name}.csv").write_bytes(csv_text(frame).encode())
    except OSError as error:
        raise ResultError(f"{folder}: cannot be written: {error.strerror}") from None
