"""Tuning, as a person does it: a search on two workers, one of which dies in the middle; its leaderboard; the best."""

import contextlib
import csv
import re
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(1500)]
TRIALS, EPOCHS = 4, 12  # long enough for two to be seen at work
STEP_MS = 180_000
TYPINGS, SOON_MS = 4, 2_000
SEARCH_MS = 600_000  # four trainings; a machine that is busy otherwise, and an engine that starts, take more


def workers_of(home: Path) -> list[psutil.Process]:
    """The processes that train for this workspace; Ray names them after the actor's class."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            ours = process.environ().get("LATHE_HOME") == str(home)
            if ours and "".join(process.cmdline()).startswith("ray::Worker") and process.is_running():
                found.append(process)
    return found


def fill(page: Page, label: str, value: str) -> None:
    """Type a value and wait until the page has taken it; what a page that was just opened has lost is typed again."""
    field = page.get_by_label(label, exact=True).first
    for _ in range(TYPINGS):
        field.fill(value)
        field.press("Enter")
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        with contextlib.suppress(AssertionError):
            expect(field).to_have_value(value, timeout=SOON_MS)
            return
    pytest.fail(f"{label} does not take {value}")


def figure(page: Page, label: str):  # type: ignore[no-untyped-def]
    """The value of a figure in the head of the search."""
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")


def cell(page: Page, column: int, row: int):  # type: ignore[no-untyped-def]
    """A cell of the leaderboard; column 0 holds the boxes that choose a row."""
    return page.get_by_test_id(f"glide-cell-{column}-{row}").first


def test_a_search_outlives_a_worker_and_its_best_becomes_a_run(page: Page, app, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    page.set_default_timeout(STEP_MS)
    expect.set_options(timeout=STEP_MS)
    page.get_by_role("button", name="Open sample").first.click()
    page.get_by_role("button", name="Design a model").click()
    page.get_by_role("tab", name="Training", exact=True).click()
    fill(page, "Epochs", str(EPOCHS))
    expect(page).to_have_url(re.compile("draft="))

    # The space: ready made; a range that cannot be is said beside it, and nothing starts
    page.get_by_role("link", name="Tuning", exact=True).click()
    start = page.get_by_role("button", name="Start the search")
    expect(start).to_be_enabled()
    low = page.get_by_label("From", exact=True).first
    usual = low.input_value()
    fill(page, "From", "0")
    expect(page.get_by_text("log range cannot reach 0")).to_be_visible()
    expect(start).to_be_disabled()
    fill(page, "From", usual)
    expect(start).to_be_enabled()

    # Random search on two workers
    page.get_by_role("combobox", name=re.compile("Algorithm")).click()
    page.get_by_role("option", name="Random", exact=True).click()
    fill(page, "Trials", str(TRIALS))
    fill(page, "Workers", "2")
    start.click()
    expect(page).to_have_url(re.compile("search="))
    expect(figure(page, "At work")).to_have_text("2", timeout=SEARCH_MS)

    # One of them dies in the middle
    at_work = workers_of(app.home)
    assert len(at_work) == 2, at_work
    victim = at_work[0]
    victim.kill()
    victim.wait(30)

    # The search ends as if nothing had happened
    expect(page.locator(".stMarkdownBadge").filter(has_text="Finished")).to_be_visible(timeout=SEARCH_MS)
    expect(figure(page, "Trials")).to_have_text(str(TRIALS))
    expect(figure(page, "Failed")).to_have_text("0")
    with page.expect_download() as download:
        page.get_by_role("button", name="More").click()
        page.get_by_role("button", name="Table of the trials (CSV)").click()
    download.value.save_as(tmp_path / "trials.csv")
    page.keyboard.press("Escape")
    with (tmp_path / "trials.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["COMPLETED"] * TRIALS
    best = max(rows, key=lambda row: (float(row["val/accuracy"]), -int(row["trial"])))

    # The leaderboard: the best first
    expect(cell(page, 2, 0)).to_have_text(best["trial"])
    assert float(cell(page, 4, 0).text_content() or "nan") == pytest.approx(float(best["val/accuracy"]), rel=1e-3)
    for tab in ("Parameters", "Effects", "Curves", "Workers"):
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.locator(".js-plotly-plot:visible").first).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)

    # A trial, from a link; the best becomes a full run
    page.goto(f"{page.url}&trial={best['trial']}")
    expect(page.get_by_text(f"Trial {best['trial']}", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Fork into Design")).to_be_visible()
    page.get_by_role("button", name="Train in full").click()
    expect(page).to_have_url(re.compile("/train.*run="))
    expect(page.get_by_text("Validation examples").first).to_be_visible()
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
