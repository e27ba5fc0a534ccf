"""Plans: what is asked for, on the command line and beyond, and training beside inference."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from stress_cases import API, case

from sim.cli import cli
from sim.errors import PeakfleetError
from sim.studies.bench import bench
from sim.studies.plan import Outlook, Plan, Refresh, Retraining, Terms, factor, growth, plan

LARGE_QUOTA = API.replace("requests_per_minute: 12", "requests_per_minute: 1000")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    once = "one_off={cost: 5000 USD, life_months: 12}"
    folder = tmp_path_factory.mktemp("trained")
    outlook = Outlook(months=12, growth=factor("2"), retraining=Retraining(5, 300.0))
    with bench(1) as place:
        scenario = case(folder, LARGE_QUOTA, once)
        return plan(scenario, place, outlook, worlds=2, probability=0.5, simulated=3)


def test_retraining_comes_round_and_adds_to_the_first(trained: Plan) -> None:
    paid = trained.training_usd[0]
    assert paid.tolist() == [5000.0] * 5 + [5300.0] * 5 + [5600.0] * 2


def test_share_of_training_is_that_of_all_paid_so_far(trained: Plan) -> None:
    for month in (0, 4, 5, 11):
        inference = trained.cost_usd[:, : month + 1].sum(axis=1)
        training = 5000.0 + 300.0 * (month // 5)
        expected = training / (training + inference)
        np.testing.assert_allclose(trained.training_share[:, month], expected)


def test_training_is_in_text_tables_and_json(trained: Plan) -> None:
    share = 100.0 * np.median(trained.training_share[:, -1])
    assert f"training is {share:.0f} % of all that is paid" in trained.sentence
    frame = trained.frames()["months"]
    assert frame["training_so_far_usd_p50"].iloc[-1] == 5600.0
    document = json.loads(json.dumps(trained.as_json(), allow_nan=False))
    assert (document["one_off_usd"], document["retraining_usd"]) == (5000.0, 600.0)
    assert document["months"][11]["training_share_so_far_p50"] == pytest.approx(share / 100.0)


def test_spot_and_on_demand_share_what_is_not_reserved() -> None:
    """Half at 0.4 beside half at 1: of 0.7 paid, 0.2 are spot's."""
    terms = Terms(spot=0.4, spot_share=0.5)
    assert terms.blend == pytest.approx(0.7)
    assert terms.spot_part == pytest.approx(0.2 / 0.7)


def test_growth_is_a_factor_a_spread_a_list_or_a_file(tmp_path: Path) -> None:
    assert growth("3")[0].mean() == 3.0
    assert growth("2..6")[0].ppf(np.array([0.05, 0.95])) == pytest.approx([2.0, 6.0])
    assert growth("1, 1.1,1.3")[1] == (1.0, 1.1, 1.3)
    path = tmp_path / "launch.csv"
    path.write_text("# multiples\n1\n1.1  # spring\n\n1.3\n", encoding="utf-8")
    assert growth(str(path))[1] == (1.0, 1.1, 1.3)


@pytest.mark.parametrize("text", ["", ",", "a,b", "1,x", "missing.csv", "-1", "6..2"])
def test_wrong_growth_is_refused(text: str) -> None:
    with pytest.raises(PeakfleetError, match="growth"):
        growth(text)


def test_empty_file_of_growth_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("# nothing yet\n", encoding="utf-8")
    with pytest.raises(PeakfleetError, match=r"empty.csv: a growth curve"):
        growth(str(path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"months": 0}, "months"),
        ({"months": 121}, "months"),
        ({"peak_days": 30.0}, "peak days"),
        ({"peak_factor": 0.5}, "factor"),
        ({"peak_factor": float("nan")}, "factor"),
        ({"curve": (1.0, -1.0)}, "curve"),
        ({"curve": (1.0, float("inf"))}, "curve"),
        ({"refreshes": (Refresh(24, 2.0, 1.0),)}, "beyond the 24 months"),
        ({"refreshes": (Refresh(9, 2.0, 1.0), Refresh(9, 3.0, 1.0))}, "in the order"),
        ({"refreshes": (Refresh(9, 2.0, 1.0), Refresh(5, 3.0, 1.0))}, "in the order"),
        ({"retraining": Retraining(24, 10.0)}, "never comes round"),
    ],
)
def test_wrong_outlook_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(PeakfleetError, match=message):
        Outlook(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [(0, 2.0, 1.0), (3, 0.0, 1.0), (3, 2.0, float("inf"))])
def test_wrong_refresh_is_refused(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(PeakfleetError, match="MONTH:SPEED:PRICE"):
        Refresh(*wrong)


@pytest.mark.parametrize("wrong", [(0, 10.0), (6, 0.0), (6, float("inf"))])
def test_wrong_retraining_is_refused(wrong: tuple[int, float]) -> None:
    with pytest.raises(PeakfleetError, match="MONTHS:USD"):
        Retraining(*wrong)


def command(folder: Path, *options: str) -> Result:
    """``sim plan`` of two worlds of an API."""
    path = str(case(folder, LARGE_QUOTA).path)
    common = ["--worlds", "2", "--jobs", "1", "--quiet", "--out", str(folder / "out")]
    return CliRunner().invoke(cli, ["plan", path, *common, *options])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--months", "0"], "--months"),
        (["--growth", "missing.csv"], "growth"),
        (["--refresh", "30:2:1.5"], "beyond the 24 months"),
        (["--refresh", "2:fast"], "MONTH:SPEED:PRICE"),
        (["--retrain", "6"], "MONTHS:USD"),
        (["--spot", "0.4", "--spot-share", "1.2"], "--spot-share"),
        (["--spot-share", "0.5"], "go together"),
        (["--reserved", "1.2"], "reserved"),
        (["--on-demand", "-3"], "on demand"),
        (["--simulate", "none"], "--simulate"),
        (["--simulate", "0"], "--simulate"),
        (["--budget", "-1"], "--budget"),
        (["--peak-days", "nan"], "peak days"),
    ],
)
def test_wrong_option_is_refused(tmp_path: Path, options: list[str], message: str) -> None:
    result = command(tmp_path, *options)
    if isinstance(result.exception, PeakfleetError):  # said by the program around all commands
        assert message in str(result.exception)
    else:
        assert result.exit_code == 2
        assert message in result.output


def test_command_takes_a_curve_several_refreshes_and_all_months(tmp_path: Path) -> None:
    options = "--months 4 --growth 1,1.5,1.2,2 --refresh 2:2:1.5 --refresh 4:3:2 --retrain 2:10"
    result = command(tmp_path, *options.split(), "--simulate", "all", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    months = document["months"]
    assert [each["volume_p50"] for each in months] == [1.0, 1.5, 1.2, 2.0]
    assert all(each["simulated"] for each in months)
    assert document["retraining_usd"] == 10.0


def test_help_shows_how_growth_is_written() -> None:
    shown = CliRunner().invoke(cli, ["plan", "--help"]).output
    for example in ("2..6", "--growth 1,1.1,1.3", "--growth launch.csv", "--refresh 13:1.8:1.3"):
        assert example in shown
