"""The page of 10,000 worlds: how long it takes to be made, how large it is, how soon it is open.

    python benchmarks/report_page.py [WORLDS]

The worlds are copies of 32 simulated ones, scattered (``tests/many_worlds.py``): their number, and
not their cost, is what is measured. Opening counts from the address to the last chart drawn.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import browser, look_at, wait_for
from many_worlds import copies

from sim.montecarlo.run import run
from sim.report.charts.run import charts
from sim.report.page import markdown, render
from sim.report.page.run import page_of_run
from sim.scenario import load_scenario

SCENARIO = Path(__file__).parents[1] / "scenarios" / "quickstart.yaml"
WORLDS = 10_000
TEXT = "document.readyState === 'complete'"
DRAWN = "document.documentElement.dataset.charts === 'drawn'"


def main() -> None:
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else WORLDS
    few = run(load_scenario(SCENARIO, ["horizon.days=0.2"]), worlds=32)
    result = copies(few, worlds)
    began = time.perf_counter(), time.process_time()
    summary = result.summary
    print(f"{worlds:,} worlds; summary {time.perf_counter() - began[0]:.2f} s (not of the page)")
    began = time.perf_counter(), time.process_time()
    page = page_of_run(result, summary, charts(result))
    text, short = render(page), markdown(page)
    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    print(f"made in {wall:.2f} s ({cpu:.2f} s of CPU)")
    print(f"report.html {len(text.encode()) / 1e6:.2f} MB, report.md {len(short) / 1e3:.1f} kB")
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder, "profile")) as driver:
        file = Path(folder, "report.html")
        file.write_text(text, encoding="utf-8")
        look_at(driver, 1440)
        for visit in ("first", "second"):
            driver.get("about:blank")
            start = time.perf_counter()
            driver.get(file.as_uri())
            wait_for(driver, TEXT)
            readable = time.perf_counter() - start
            wait_for(driver, DRAWN)
            print(
                f"{visit} visit: text after {readable:.2f} s, all charts drawn after"
                f" {time.perf_counter() - start:.2f} s"
            )


if __name__ == "__main__":
    main()
