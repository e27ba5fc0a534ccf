"""``sim validate``: how well a profile predicts measured runs."""

from pathlib import Path

import click

from sim.cli.calibrate import benchmark_options, read_runs, save_figures
from sim.cli.delivery import Advice, deliver
from sim.cli.outputs import FORCE, check_folder

MISSED = 1  # exit code where the bar is not cleared


@click.command(short_help="How well a profile predicts measured runs.")
@click.argument("profile")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--bar",
    "bars",
    multiple=True,
    metavar="FIGURE<=LIMIT",
    help="Largest error allowed below saturation, such as ttft_p50<=25%. Repeatable."
    "  [default: ttft_p50<=25%, tpot_p50<=10%, e2e_p50<=10%, throughput<=5%]",
)
@click.option(
    "--worlds",
    type=click.IntRange(0, 1000),
    default=40,
    show_default=True,
    help="Worlds of the bands; 0 for none.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the worlds' draws.")
@click.option("--kv-capacity-tokens", type=click.IntRange(min=16), help="What the cache holds.")
@click.option("--max-num-seqs", type=click.IntRange(1, 100_000), help="Limit of the batch.")
@click.option("--max-num-batched-tokens", type=click.IntRange(1, 10**8), help="Budget of a step.")
@benchmark_options
@FORCE
def validate(
    profile: str,
    files: tuple[str, ...],
    bars: tuple[str, ...],
    worlds: int,
    seed: int,
    kv_capacity_tokens: int | None,
    max_num_seqs: int | None,
    max_num_batched_tokens: int | None,
    only: tuple[str, ...],
    columns: tuple[str, ...],
    figures: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Predict the runs in FILES with PROFILE and say how far it is off.

    Each run is simulated as it was driven, a closed or an open loop. Exit code 1 where an error is
    beyond the bar.

    \b
    sim validate mine.yaml tuesday/*.json --bar 'tpot_p50<=5%'
    sim validate llama-3.3-70b/h100-sxm/tp4/fp8/vllm runs.csv
    """  # noqa: D301 (Click wants the control character itself)
    from sim.catalog import profile as named
    from sim.montecarlo.compilation import ANY
    from sim.montecarlo.needed_kernel import compile_once
    from sim.montecarlo.storage.manifest import to_json
    from sim.report.calibration_text import render_validation
    from sim.report.charts.calibration import validation_charts
    from sim.studies.calibration import Given
    from sim.studies.validation import Bar
    from sim.studies.validation import validate as study

    check_folder("--figures", figures, files, force)
    advice = Advice(quiet)
    bar, engine = Bar.parse(bars), named(profile)
    runs = read_runs(files, columns, only)
    compile_once(ANY, None, advice.say)
    given = Given(
        kv_capacity_tokens=kv_capacity_tokens,
        max_num_seqs=max_num_seqs,
        max_num_batched_tokens=max_num_batched_tokens,
    )
    answer = study(engine, runs, bar, given, worlds, seed, advice.say)
    shown = to_json(answer.as_json()) if as_json else render_validation(answer) + "\n"

    def save() -> None:
        if figures is not None:
            save_figures(answer.frames(), validation_charts(answer), figures)

    deliver(shown, save, advice)
    if not answer.passed:
        raise SystemExit(MISSED)
