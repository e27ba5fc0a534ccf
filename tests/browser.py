"""A browser for tests: Debian's Chromium, by way of its driver.

Where there is none tests are skipped, unless ``PEAKFLEET_BROWSER=required`` makes that a failure.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REQUIRED = "PEAKFLEET_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1440,900",
)
PATIENCE_S = 30.0


def missing() -> str:
    """Why there is no browser; empty if there is one."""
    try:
        import selenium  # noqa: F401, PLC0415 (it may be missing)
    except ImportError:
        return "selenium is not installed"
    if not any(map(shutil.which, NAMES)):
        return f"no browser: none of {', '.join(NAMES)} is installed"
    return "" if shutil.which("chromedriver") else "no browser: chromedriver is not installed"


@contextmanager
def browser(profile: Path):
    """A browser with a new profile and a log of all that it asks for."""
    if reason := missing():
        if os.environ.get(REQUIRED) == "required":
            pytest.fail(f"{REQUIRED}=required, but {reason}")
        pytest.skip(reason)
    from selenium import webdriver  # noqa: PLC0415 (it may be missing)

    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, NAMES)))
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


def wait_for(driver, script: str, patience_s: float = PATIENCE_S):
    """The value of an expression once it is there."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if found := driver.execute_script(f"return {script}"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{script} did not come to be within {patience_s:g} s")


def look_at(driver, width: int, height: int = 900, scheme: str = "light", media: str = "") -> None:
    """Give the page a window and a medium."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features, "media": media})


def complaints(driver) -> list[str]:
    """Errors on the console since the last look."""
    return [each["message"] for each in driver.get_log("browser") if each["level"] == "SEVERE"]


def asked_for(driver) -> Iterator[str]:
    """Addresses of all requests since the last look."""
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            address = message["params"]["request"]["url"]
            if not address.startswith("chrome"):  # what the browser shows before any page
                yield address
