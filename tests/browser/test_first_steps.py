"""The first minute: a sample is brought in and looked at, in both languages, and a reload shows the same."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
WORDS = {
    "en-US": {"open": "Open sample", "name": "Handwritten digits", "classes": "Classes in pictures", "split": "Split"},
    "zh-CN": {"open": "打开示例", "name": "手写数字", "classes": "各类别的图片", "split": "划分"},
}


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"], indirect=True)
def test_a_sample_is_brought_in_and_previewed(page: Page, locale: str) -> None:
    words = WORDS[locale]
    page.get_by_role("button", name=words["open"]).first.click()
    expect(page.get_by_role("heading", name=words["name"])).to_be_visible()
    expect(page.get_by_role("heading", name=words["classes"])).to_be_visible()
    expect(page.get_by_test_id("stImage").first).to_be_visible()
    page.get_by_role("radio", name=words["split"], exact=True).click()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("1,257")
    expect(page).to_have_url(re.compile("dataset=[0-9a-f]{16}"))

    page.reload()

    expect(page.get_by_role("heading", name=words["name"])).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("1,257")


def test_the_language_can_be_switched(page: Page) -> None:
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name="简体中文").click()
    expect(page.get_by_role("link", name="数据")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="数据")).to_be_visible()
    page.get_by_role("link", name="运行").click()
    expect(page.get_by_role("heading", name="运行", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("language=zh_CN"))
