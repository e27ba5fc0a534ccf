"""The live page in a browser: sliders change the answer, what is wrong is told, files are saved."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from browser import asked_for, browser, complaints, look_at, wait_for
from small_answers import SCENARIO

from sim.explore.server import Server
from sim.explore.study import Study
from sim.studies.case import Case

REPLICAS = "backends.own.replicas"
HOSTILE = "<script>alert(1)</script> שלום 🦙"
ANSWERED = "document.documentElement.dataset.explore === 'answered'"
DRAWN = "document.documentElement.dataset.charts === 'drawn'"
FIELD = "document.querySelector('.field[data-path=\"{path}\"]')"
SLIDER = "document.querySelector('[data-slider=\"{path}\"]')"


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server of a scenario with a name that is no HTML."""
    path = tmp_path_factory.mktemp("explore") / "shop.yaml"
    path.write_text(SCENARIO.replace("Shop <b>&</b>", f"'{HOSTILE}'"))
    server = Server("127.0.0.1", 0, "a-token", path.parent)
    with ThreadPoolExecutor(1) as executor:
        server.study = Study(Case(path), server.board, executor, 1, 4)
        server.study.start()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.study.end()
        server.board.close()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def page(driver, served):
    """The page, opened, as it answers to the scenario as it is."""
    served.study.ask({})
    look_at(driver, 1440)
    complaints(driver), list(asked_for(driver))
    driver.get(served.url)
    wait_for(driver, ANSWERED)
    wait_for(driver, DRAWN)
    return driver


def move(driver, kind, path, value):
    """Set a slider or a field, as a hand would; the answer that is shown goes out of date."""
    control = kind.format(path=path)
    script = (
        f"const control = {control}; control.value = arguments[0];"
        " control.dispatchEvent(new Event('input', { bubbles: true }));"
    )
    driver.execute_script(script, value)


def told(driver):
    return driver.find_element("css selector", "main h1").text


def test_a_moved_slider_changes_the_answer(page, served):
    before = told(page)
    assert "17,532 USD a month" in before
    move(page, SLIDER, REPLICAS, "0")
    assert page.execute_script(f"return {FIELD.format(path=REPLICAS)}.value") == "1"
    wait_for(page, ANSWERED)
    assert "8,766 USD a month" in told(page)
    assert page.execute_script("return document.querySelectorAll('figure').length") > 3
    assert page.execute_script("return document.querySelectorAll('.chart.failed').length") == 0
    move(page, FIELD, REPLICAS, "2")
    wait_for(page, ANSWERED)
    assert told(page) == before
    assert complaints(page) == []
    own = (served.url.partition("?")[0], "data:")
    assert [each for each in asked_for(page) if not each.startswith(own)] == []


def test_what_is_out_of_bounds_is_told_and_the_next_is_answered(page):
    move(page, FIELD, REPLICAS, "0")
    wait_for(page, "document.documentElement.dataset.explore === 'problem'")
    said = page.find_element("id", "problems").text
    assert said.startswith("--set backends.own.replicas=0: backends.own.replicas: 0 must be")
    assert "\n" not in said
    page.find_element("id", "reset").click()
    wait_for(page, ANSWERED)
    assert not page.find_element("id", "problems").is_displayed()
    assert page.execute_script(f"return {FIELD.format(path=REPLICAS)}.value") == "2"


def test_a_page_that_is_opened_again_has_the_values_that_were_moved(page, served):
    move(page, FIELD, REPLICAS, "3")
    wait_for(page, ANSWERED)
    page.get(served.url)
    wait_for(page, ANSWERED)
    assert page.execute_script(f"return {FIELD.format(path=REPLICAS)}.value") == "3"
    assert "26,298 USD a month" in told(page)


def test_a_name_is_text_and_nothing_runs_but_the_page(page):
    assert HOSTILE in told(page)
    assert page.title == HOSTILE
    assert page.execute_script("return document.querySelectorAll('main script').length") == 0


@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits_a_telephone_and_a_desk(page, width):
    look_at(page, width)
    wide = page.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width
    small = page.execute_script(
        "return [...document.querySelectorAll('#controls input, #controls select')]"
        ".filter((each) => each.getBoundingClientRect().width < 60).length"
    )
    assert small == 0


def test_a_changed_scenario_is_saved_and_overwritten_only_where_one_agrees(page, served):
    move(page, FIELD, REPLICAS, "4")
    wait_for(page, ANSWERED)
    page.find_element("id", "save").click()
    wait_for(page, "document.getElementById('saved').textContent")
    place = served.folder / "shop-changed.yaml"
    assert Case(place).load().document["backends"]["own"]["replicas"] == 4
    move(page, FIELD, REPLICAS, "5")
    wait_for(page, ANSWERED)
    for agree, replicas in ((False, 4), (True, 5)):
        page.execute_script("document.getElementById('saved').textContent = ''")
        page.execute_script(
            "window.asked = [];"
            "window.confirm = (text) => { asked.push(text); return arguments[0]; };".replace(
                "arguments[0]", json.dumps(agree)
            )
        )
        page.find_element("id", "save").click()
        assert "is there already" in wait_for(page, "window.asked[0]")
        if agree:
            wait_for(page, "document.getElementById('saved').textContent")
        assert Case(place).load().document["backends"]["own"]["replicas"] == replicas


def test_the_page_says_that_the_server_has_ended(driver, tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(SCENARIO)
    server = Server("127.0.0.1", 0, "a-token", tmp_path)
    with ThreadPoolExecutor(1) as executor:
        server.study = Study(Case(path), server.board, executor, 1, 1)
        server.study.start()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        driver.get(server.url)
        wait_for(driver, ANSWERED)
        server.study.end()
        server.board.close()
        wait_for(driver, "document.documentElement.dataset.explore === 'gone'")
        server.shutdown()
        server.server_close()
