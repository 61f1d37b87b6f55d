"""What if, as a person does it: three knobs of a model are turned, their verdicts read, one goes on as a run."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(1200)]
VERDICT_MS = 300_000  # a probe takes a second; a machine that is busy otherwise, and an engine that starts, take more
VERDICT = re.compile(r"Validation accuracy .+ \(95 %: .+ to .+\), (better|worse|within the noise)")


def said(page: Page):  # type: ignore[no-untyped-def]
    """Where the verdict stands."""
    return page.locator("[class*=st-key-whatif_said]")


def drawn(page: Page, change: str):  # type: ignore[no-untyped-def]
    """The names in the legend of the chart that say this change."""
    return page.locator("[class*=st-key-following_whatif] .legendtext").filter(has_text=change)


def test_three_knobs_their_verdicts_and_a_full_run(page: Page, browser: Browser) -> None:
    page.get_by_role("button", name="Open sample").first.click()
    page.get_by_role("button", name="Design a model").click()
    expect(page.get_by_role("button", name="Start training")).to_be_visible()
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

    # What was pinned goes on as a full run
    pinned = page.locator("[class*=st-key-pin_0]").first
    expect(pinned).to_contain_text("Dropout 0.3 → 0")
    pinned.get_by_role("button", name="Full run").click()
    page.get_by_role("button", name="Start the full run").click()
    expect(page).to_have_url(re.compile("/train.*run=[0-9a-f]+"))
    expect(page.get_by_text("Dropout 0.3 → 0").first).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.get_by_role("button", name="Stop", exact=True).first.click()
