"""The whole way, as a new user goes it: upload → preview → design → live training → evaluation, for every task, in
both languages, with a reload in the middle of the training."""

import io
import re
import zipfile
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from pages.widgets.catalogue import translations

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(420)]
LANGUAGES = {"en-US": "en", "zh-CN": "zh_CN"}
EPOCHS = 4


def pictures() -> tuple[str, bytes]:
    """Handwritten digits as PNG files in a folder for each class."""
    digits = load_digits()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for index in range(400):
            picture = io.BytesIO()
            Image.fromarray((digits.images[index] * 15).astype(np.uint8)).save(picture, "PNG")
            archive.writestr(f"digits/{digits.target[index]}/{index}.png", picture.getvalue())
    return "digits.zip", packed.getvalue()


def texts() -> tuple[str, bytes]:
    """Praise and blame, half of it Chinese, with words that recur in each class."""
    draw = np.random.default_rng(0)
    good = ["a wonderful warm stay", "very friendly and clean", "I would come back", "房间很干净", "服务非常好"]
    bad = ["a dirty noisy room", "rude staff and cold food", "never again", "房间又小又脏", "服务太差了"]
    rows = [
        {"review": ", ".join(draw.choice(words, 3)) + f" ({index})", "label": label}
        for index in range(150)
        for label, words in (("good", good), ("bad", bad))
    ]
    return "reviews.csv", pd.DataFrame(rows).to_csv(index=False).encode()


def tumours() -> tuple[str, bytes]:
    frame = load_breast_cancer(as_frame=True).frame
    frame["target"] = frame["target"].map({0: "malignant", 1: "benign"})
    return "tumours.csv", frame.to_csv(index=False, sep=";").encode()


def diabetes() -> tuple[str, bytes]:
    return "diabetes.tsv", load_diabetes(as_frame=True, scaled=False).frame.to_csv(index=False, sep="\t").encode()


TASKS: dict[str, tuple[Callable[[], tuple[str, bytes]], str, str]] = {
    "Image classification": (pictures, "application/zip", "Accuracy"),
    "Text classification": (texts, "text/csv", "Accuracy"),
    "Table classification": (tumours, "text/csv", "Accuracy"),
    "Table regression": (diabetes, "text/tab-separated-values", "RMSE"),
}


@pytest.mark.parametrize("locale", list(LANGUAGES), indirect=True)
@pytest.mark.parametrize("task", list(TASKS))
def test_the_whole_way(page: Page, locale: str, task: str) -> None:
    say = translations(LANGUAGES[locale]).gettext
    make, mime, metric = TASKS[task]
    name, content = make()

    # Data: upload and preview
    page.get_by_role("link", name=say("Data"), exact=True).click()
    page.get_by_role("tab", name=say("Upload")).click()
    page.locator("input[type=file]").first.set_input_files([{"name": name, "mimeType": mime, "buffer": content}])
    page.get_by_role("button", name=say("Bring in")).first.click()
    expect(page.get_by_role("button", name=say("Design a model"))).to_be_visible()
    expect(page.get_by_text(say(task)).first).to_be_visible()

    # Design: the proposal, a shorter training
    page.get_by_role("button", name=say("Design a model")).click()
    page.get_by_role("tab", name=say("Training"), exact=True).click()
    epochs = page.get_by_label(say("Epochs"), exact=True).first
    epochs.fill(str(EPOCHS))
    epochs.press("Enter")
    expect(page).to_have_url(re.compile("draft="))
    expect(page.get_by_text(say("Parameters"), exact=True).first).to_be_visible(timeout=120_000)

    # Train: live, and the same after a reload in the middle
    page.get_by_role("button", name=say("Start training")).click()
    expect(page.get_by_text(say("Validation examples")).first).to_be_visible()
    run_id = re.search("run=([0-9a-f]+)", page.url)
    page.reload()
    expect(page.get_by_text(say("Validation examples")).first).to_be_visible()
    assert run_id is not None
    assert run_id.group(1) in page.url
    evaluate = page.get_by_role("button", name=say("Evaluate"))
    expect(evaluate.first).to_be_visible(timeout=150_000)  # it is offered when the run has finished
    expect(page.locator(".js-plotly-plot").first).to_be_visible()

    # Evaluate: the metric with its interval, the comparison, no error anywhere
    evaluate.first.click()
    expect(page.get_by_text(say(metric)).first).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
