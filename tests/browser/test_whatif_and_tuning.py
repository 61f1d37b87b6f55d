"""What if and tuning in one walk, as a person does it.

Three knobs of a model are turned and their verdicts read; one goes on as a full run; a search starts on two workers,
one of which dies in the middle; its leaderboard is read, and its best becomes a run.
"""

import contextlib
import csv
import re
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(2400)]
# A probe takes a second; a machine that is busy otherwise, and an engine that starts, take more
VERDICT_MS = 300_000
VERDICT = re.compile(r"Validation accuracy .+ \(95 %: .+ to .+\), (better|worse|within the noise)")
TRIALS, EPOCHS = 4, 12  # long enough for two to be seen at work
STEP_MS = 180_000
TYPINGS, SOON_MS = 4, 2_000
SEARCH_MS = 600_000  # four trainings; a machine that is busy otherwise, and an engine that starts, take more


def said(page: Page):  # type: ignore[no-untyped-def]
    """Where the verdict stands."""
    return page.locator("[class*=st-key-whatif_said]")


def drawn(page: Page, change: str):  # type: ignore[no-untyped-def]
    """The names in the legend of the chart that say this change."""
    return page.locator("[class*=st-key-following_whatif] .legendtext").filter(has_text=change)


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


def test_three_knobs_a_full_run_and_a_search_that_loses_a_worker(
    page: Page,
    browser: Browser,
    app,  # type: ignore[no-untyped-def]
    tmp_path: Path,
) -> None:
    page.set_default_timeout(STEP_MS)
    expect.set_options(timeout=STEP_MS)
    # Home offers only samples that no test before has opened; Data offers all of them.
    page.get_by_role("link", name="Data", exact=True).click()
    page.locator(".st-key-sample_digits button").click()
    page.get_by_role("button", name="Design a model").click()
    page.get_by_role("tab", name="Training", exact=True).click()
    fill(page, "Epochs", str(EPOCHS))
    expect(page).to_have_url(re.compile("draft="))
    design = page.url.partition("draft=")[2].partition("&")[0]
    turn_three_knobs(page, browser)
    promote_the_pinned_one(page)
    search_and_lose_a_worker(page, app.home, tmp_path, design)


def turn_three_knobs(page: Page, browser: Browser) -> None:
    page.get_by_role("link", name="What if?").click()
    expect(page.get_by_text("Nothing is changed yet")).to_be_visible()
    expect(page).to_have_url(re.compile("base=draft"))
    page.goto(f"{page.url}&box=steps:40;seeds:2")

    # A slider by the keyboard, without a new trace
    rate = page.get_by_role("slider", name="Learning rate")
    rate.focus()
    rate.press("ArrowRight")
    expect(page).to_have_url(re.compile(r"turn=training\.optimizer\.learning_rate%3A0\.0015"))
    expect(drawn(page, "Learning rate 0.001 → 0.0015").first).to_be_visible(timeout=VERDICT_MS)
    expect(said(page)).to_have_text(VERDICT, timeout=VERDICT_MS)
    expect(said(page)).to_contain_text("A probe of 40 steps, not the full run")

    # Another one beside it, then by itself
    page.get_by_role("button", name="Learning rate 0.001 → 0.0015").click()
    expect(page).not_to_have_url(re.compile("turn="))
    dropout = page.get_by_role("slider", name="Dropout")
    dropout.focus()
    dropout.press("Home")
    expect(drawn(page, re.compile("Dropout 0.3 → 0$")).first).to_be_visible(timeout=VERDICT_MS)
    expect(said(page)).to_have_text(VERDICT, timeout=VERDICT_MS)
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_role("button", name="Unpin")).to_be_visible()
    page.get_by_role("button", name="Dropout 0.3 → 0").click()

    # A choice, which needs a new trace
    page.get_by_role("combobox", name=re.compile("Optimizer")).click()
    page.get_by_role("option", name="Lion").click()
    expect(page.get_by_role("button", name="Optimizer AdamW → Lion")).to_be_visible()
    expect(said(page)).to_have_text(VERDICT, timeout=VERDICT_MS)
    verdict = said(page).inner_text()

    # Another person opens the address
    other = browser.new_context(locale="en-US", viewport={"width": 1440, "height": 1000})
    try:
        theirs = other.new_page()
        theirs.goto(page.url)
        expect(said(theirs)).to_have_text(VERDICT, timeout=VERDICT_MS)
        assert said(theirs).inner_text().splitlines()[0] == verdict.splitlines()[0]
        expect(theirs.get_by_role("button", name="Unpin")).to_be_visible()
    finally:
        other.close()


def promote_the_pinned_one(page: Page) -> None:
    # What was pinned goes on as a full run
    pinned = page.locator("[class*=st-key-pin_0]").first
    expect(pinned).to_contain_text("Dropout 0.3 → 0")
    pinned.get_by_role("button", name="Full run").click()
    page.get_by_role("button", name="Start the full run").click()
    expect(page).to_have_url(re.compile("/train.*run=[0-9a-f]+"))
    expect(page.get_by_text("Dropout 0.3 → 0").first).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.get_by_role("button", name="Stop", exact=True).first.click()


def search_and_lose_a_worker(page: Page, home: Path, tmp_path: Path, design: str) -> None:
    # The space: ready made; a range that cannot be is said beside it, and nothing starts
    page.goto(f"{page.url.partition('/train')[0]}/tuning?draft={design}")
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
    at_work = workers_of(home)
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
