"""What the names of columns and files usually mean, in English and Chinese. Evidence only: contents weigh as well."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from engine.specs import Part

# In order of strength; a name matches whole, or as the last word ("median_house_value", "loan status").
TARGET_NAMES = (
    "target", "label", "labels", "class", "y", "outcome", "标签", "类别", "目标", "分类", "情感", "结果", "类标",
    "sentiment", "category", "topic", "diagnosis", "survived", "species", "churn", "churned", "default", "fraud",
    "spam",
    "income", "quality", "rating", "score", "stars", "grade", "price", "saleprice", "medv", "value", "cost", "charges",
    "salary", "sales", "demand", "revenue", "count", "cnt", "progression", "response", "status", "result", "approved",
    "subscribed", "deposit", "exited", "attrition", "polarity", "emotion", "intent", "评分", "价格", "房价", "销量",
    "极性", "等级", "评级", "星级", "是否流失", "是否违约",
)  # fmt: skip
TEXT_NAMES = (
    "text", "sentence", "review", "reviews", "comment", "comments", "content", "message", "tweet", "document", "body",
    "description", "title", "question", "abstract", "docstring", "文本", "评论", "内容", "句子", "标题", "正文", "留言",
)  # fmt: skip
_LAST_WORDS = {
    "target", "label", "outcome", "sentiment", "diagnosis", "species", "churn", "quality", "rating", "price", "value",
    "progression", "status", "flag", "score", "cost", "amount", "revenue", "charges",
}  # fmt: skip
_LAST_WORDS_IN_ORDER = [*(name for name in TARGET_NAMES if name in _LAST_WORDS), *sorted(_LAST_WORDS - {*TARGET_NAMES})]
_WORTHS = {
    "value",
    "price",
    "cost",
    "amount",
    "revenue",
    "charges",
    "saleprice",
    "价格",
    "房价",
    "金额",
}  # often asked for
_INCOMES = {
    "income",
    "salary",
    "wage",
    "wages",
    "earnings",
    "收入",
    "工资",
}  # as a number more often known than asked for
STRONG_TARGETS = 13  # the first names of TARGET_NAMES say it outright
_ID_NAMES = re.compile(
    r"^(id|index|idx|no|nr|key|uuid|guid|rowid|row|编号|序号|unnamed: 0)$|[_ ]id$|^id[_ ]|[a-z]I[dD]$"
)
_WORDS = re.compile(r"[^\W_]+")
_PARTS = {
    Part.TRAIN: {"train", "training", "trn", "训练集", "训练"},
    Part.VALIDATION: {"val", "valid", "validation", "dev", "eval", "develop", "验证集", "验证"},
    Part.TEST: {"test", "testing", "tst", "t10k", "holdout", "测试集", "测试"},
}


def target_rank(name: str) -> int | None:
    """How strongly a name says "target": 0 is strongest, None not at all."""
    plain = name.strip().lower()
    words = _words_of(name)
    if plain in TARGET_NAMES:
        return TARGET_NAMES.index(plain)
    if (last := words[-1] if words else "") in _LAST_WORDS:
        return len(TARGET_NAMES) + _LAST_WORDS_IN_ORDER.index(last)  # "house_value": weaker than the bare word
    return None


def worth(name: str) -> float:
    """Above zero for names of what something costs, below for what someone earns: of two, the price is asked."""
    last = (_words_of(name) or [""])[-1]
    return 1.0 * (last in _WORTHS) - 3.0 * (last in _INCOMES)


def _words_of(name: str) -> list[str]:
    return _WORDS.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.strip()).replace("_", " ").lower())


def is_target_name(name: str) -> bool:
    """True for the usual names of what is to be predicted."""
    return name.strip().lower() in TARGET_NAMES


def is_text_name(name: str) -> bool:
    """True for the usual names of running text."""
    return name.strip().lower() in TEXT_NAMES


def is_id_name(name: str) -> bool:
    """True for the usual names of row numbers and keys."""
    return bool(_ID_NAMES.search(name.strip()) or _ID_NAMES.search(name.strip().lower()))


def part_of(name: str) -> Part | None:
    """The part that a file or folder name speaks of: "train.csv", "adult-test.csv", "x_val", "dev.tsv"."""
    stem = PurePosixPath(name).name.lower()
    words = set(re.split(r"[^\w]+|_|\d{4,}", stem)) | {stem.split(".")[0]}
    found = [part for part, names in _PARTS.items() if words & names]
    return found[0] if len(found) == 1 else None
