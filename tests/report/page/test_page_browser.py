"""Pages in a browser: every chart drawn, nothing asked for, numbers and names as they are."""

import json
import time
from dataclasses import replace

import pytest
from browser import asked_for, browser, complaints, look_at, wait_for
from scenario_documents import SHIPPED

from sim.montecarlo.run import run
from sim.report.charts.run import charts
from sim.report.page import render
from sim.report.page.run import page_of_run
from sim.report.parts import Verdict
from sim.scenario import load_scenario

DRAWN = "document.documentElement.dataset.charts === 'drawn'"
HOSTILE = "</script><script>alert(1)</script> שלום 🦙 <b>"
LONG = HOSTILE + "x" * 5000
HOSTILE_SCENARIO = """\
name: "{name}"
horizon: {{duration: 10min, warm_up: 1min}}
workloads:
  chat:
    arrivals: {{requests_per_second: {{uniform: {{low: 1, high: 4}}}}}}
    prompt_tokens: 500
    output_tokens: 50
    slo: {{ttft_p95: 2s}}
backends:
  large: {{kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 2,
           price: {{usd_per_gpu_hour: 3}}}}
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def result():
    scenario = load_scenario(SHIPPED / "quickstart.yaml", ["horizon.days=0.2"])
    return run(scenario, worlds=32, jobs=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def page(driver, result, folder):
    """The page of a run, opened."""
    file = folder / "report.html"
    file.write_text(render(page_of_run(result, result.summary, charts(result))), encoding="utf-8")
    look_at(driver, 1440)
    complaints(driver), list(asked_for(driver))
    driver.get(file.as_uri())
    wait_for(driver, DRAWN)
    return file


def script(driver, expression):
    return driver.execute_script(f"return {expression}")


def test_it_opens_with_no_error_and_no_request_beyond_itself(driver, page):
    assert complaints(driver) == []
    asked = [each for each in asked_for(driver) if not each.startswith("data:")]
    assert asked == [page.as_uri()]
    assert script(driver, "performance.getEntriesByType('resource').length") == 0


def test_every_chart_is_drawn(driver, page, result):
    drawn = script(
        driver,
        "[...document.querySelectorAll('figure')].map((figure) => [figure.dataset.chart,"
        " figure.querySelectorAll('.chart svg .role-mark path, .chart svg .role-mark line').length,"
        " figure.querySelector('.chart').getAttribute('aria-label').length])",
    )
    assert [name for name, *_ in drawn] == [each.name for each in charts(result)]
    assert all(marks > 0 and words > 20 for _, marks, words in drawn), drawn
    assert script(driver, "document.querySelectorAll('.failed').length") == 0


def test_numbers_are_those_of_the_summary(driver, page, result):
    found = script(
        driver,
        "[...document.querySelectorAll('data')].map("
        "(each) => [each.dataset.metric, Number(each.value), each.textContent])",
    )
    metrics = result.summary["metrics"]
    assert len(found) >= 8
    assert {name: value for name, value, _ in found} == {
        name: metrics[name]["p50"] for name, *_ in found
    }
    (cost,) = [text for name, _, text in found if name == "cost_usd_per_month"]
    assert cost.replace("\xa0", " ") == f"{metrics['cost_usd_per_month']['p50']:,.0f} USD"
    rows = script(
        driver,
        "[...document.querySelectorAll('#all tr')].map("
        "(row) => [...row.children].map((cell) => cell.textContent))",
    )
    by_label = {row[0]: row for row in rows if len(row) > 3}
    assert by_label["per month"][3] == f"{metrics['cost_usd_per_month']['p50']:,.0f}"
    # What charts draw are the figures of the worlds.
    drawn = script(driver, "JSON.parse(document.getElementById('charts').textContent)")
    assert "timeline_load" in drawn or "day" in " ".join(drawn)


def test_no_date_is_broken_over_lines(driver, page):
    heights = "[...document.querySelectorAll('.date')].map((each) => each.getClientRects().length)"
    for width in (360, 600, 1440):
        look_at(driver, width)
        found = script(driver, heights)
        assert found, "the page has no date"
        assert set(found) <= {0, 1}  # 0 where it is not shown
    look_at(driver, 1440)


def test_light_and_dark_follow_the_system_and_the_button(driver, page):
    paper = "getComputedStyle(document.body).backgroundColor"
    ink = "getComputedStyle(document.querySelector('.role-axis-label text')).fill"
    look_at(driver, 1440, scheme="light")
    light = script(driver, paper), script(driver, ink)
    look_at(driver, 1440, scheme="dark")
    dark = script(driver, paper), script(driver, ink)
    assert light[0] != dark[0]
    assert light[1] != dark[1]  # letters of charts as well
    button = driver.find_element("id", "theme")
    button.click()
    assert (script(driver, paper), script(driver, ink)) == light
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert script(driver, paper) == dark[0]
    look_at(driver, 1440, scheme="light")
    assert script(driver, paper) == dark[0]  # what was chosen stays
    driver.execute_script("localStorage.clear(); delete document.documentElement.dataset.theme")


def test_all_figures_are_there_when_asked_for_and_on_paper(driver, page):
    is_open = "document.getElementById('all').open"
    assert not script(driver, is_open)
    driver.find_element("css selector", "#all summary").click()
    assert script(driver, is_open)
    driver.find_element("css selector", "#all summary").click()
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert script(driver, is_open)
    look_at(driver, 1440, scheme="dark", media="print")
    assert script(driver, "getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert script(driver, "getComputedStyle(document.querySelector('.take')).display") == "none"
    look_at(driver, 1440)


def test_it_fits_a_phone_and_charts_are_drawn_again_to_fit(driver, page):
    look_at(driver, 390)
    # Drawn anew, not made smaller with their letters.
    scale = "[...document.querySelectorAll('.chart svg')].map("
    scale += "(each) => each.getBoundingClientRect().width / each.viewBox.baseVal.width)"
    wait_for(driver, f"Math.min(...{scale}) > 0.9")
    assert script(driver, "document.documentElement.scrollWidth") <= 390
    ends = "[...document.querySelectorAll('.chart svg')].map("
    ends += "(each) => each.getBoundingClientRect().right)"
    assert max(script(driver, ends)) <= 390
    # Each row of a table is a card with its headings, no cell beyond the edge.
    driver.execute_script("document.getElementById('all').open = true")
    cells = (
        "[...document.querySelectorAll('.cards td, .cards th')].filter((each) => each.offsetParent)"
    )
    rights = script(driver, f"{cells}.map((each) => each.getBoundingClientRect().right)")
    assert len(rights) > 20
    assert max(rights) <= 390
    heads = script(driver, f"{cells}.filter((each) => each.tagName === 'TD').map((each) =>"
                   " getComputedStyle(each, '::before').content)")  # fmt: skip
    assert '"Median"' in heads or '"p50"' in heads, set(heads)
    driver.execute_script("document.getElementById('all').open = false")
    look_at(driver, 1440)


def test_charts_and_the_scenario_can_be_taken_along(driver, page, tmp_path):
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    figure = driver.find_element("css selector", "figure")
    name = figure.get_attribute("data-chart")
    for kind in ("svg", "png", "csv"):
        figure.find_element("css selector", f"[data-take={kind}]").click()
    driver.find_element("css selector", "#scenario a[download]").click()
    expected = {f"{name}.{kind}" for kind in ("svg", "png", "csv")} | {"support-assistant.yaml"}
    end = time.monotonic() + 20
    while {each.name for each in tmp_path.iterdir()} != expected and time.monotonic() < end:
        time.sleep(0.05)
    assert {each.name for each in tmp_path.iterdir()} == expected
    assert (tmp_path / f"{name}.svg").read_text().startswith("<svg")
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert len((tmp_path / f"{name}.csv").read_text().splitlines()) > 1
    assert load_scenario(tmp_path / "support-assistant.yaml").name == "Support assistant"
    assert complaints(driver) == []


def test_names_are_shown_and_not_obeyed(driver, folder, tmp_path):
    path = tmp_path / "hostile.yaml"
    path.write_text(HOSTILE_SCENARIO.format(name=HOSTILE), encoding="utf-8")
    found = run(load_scenario(path), worlds=6, jobs=1)
    told = page_of_run(found, found.summary, charts(found))
    named = (Verdict(False, LONG, LONG), *told.verdicts)
    file = folder / "hostile.html"
    file.write_text(render(replace(told, verdicts=named)), encoding="utf-8")
    look_at(driver, 390)
    driver.get(file.as_uri())
    wait_for(driver, DRAWN)
    assert complaints(driver) == []
    assert driver.title == HOSTILE
    assert HOSTILE in script(driver, "document.querySelector('h1').textContent")
    assert LONG in script(driver, "document.querySelector('.verdicts').textContent")
    assert script(driver, "document.querySelectorAll('script').length") == 3
    assert script(driver, "document.querySelectorAll('main script, main b').length") == 0
    assert script(driver, "document.documentElement.scrollWidth") <= 390
    names = json.loads(script(driver, "document.getElementById('charts').textContent"))
    assert len(names) == script(driver, "document.querySelectorAll('.chart svg').length")
