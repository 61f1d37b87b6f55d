"""How long texts are in the pieces of a source, counted on a sample without TensorFlow."""

from __future__ import annotations

import numpy as np

from engine.data.values import join_texts
from engine.finetuning.sources import Found
from engine.finetuning.sources.bert_folder import Tokenizer, read_bert_folder
from engine.finetuning.sources.keras_hub_folder import preset_config, preset_vocabulary
from engine.specs import ColumnKind
from engine.specs.records import DatasetRecord
from engine.store.datasets import read_table

_SAMPLE = 2_000
_MARKS = 2  # [CLS] and [SEP]


def pieces_quantile(found: Found, record: DatasetRecord, target: str, share: float) -> int:
    """The length, in tokens with both marks, that a share of the texts does not exceed."""
    from tokenizers import Tokenizer as Pieces
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    tokenizer = _tokenizer(found)
    pieces = Pieces(WordPiece({word: i for i, word in enumerate(tokenizer.vocabulary)}, unk_token=tokenizer.unknown))
    pieces.normalizer = BertNormalizer(
        handle_chinese_chars=tokenizer.chinese,
        strip_accents=tokenizer.strip_accents,
        lowercase=tokenizer.lowercase,
    )
    pieces.pre_tokenizer = BertPreTokenizer()
    lengths = [len(each.ids) + _MARKS for each in pieces.encode_batch(_texts(record, target))]
    return int(np.ceil(np.quantile(lengths, share))) if lengths else _MARKS + 1


def _tokenizer(found: Found) -> Tokenizer:
    if found.format == "bert":
        return read_bert_folder(found.folder).tokenizer
    words, lowercase = preset_vocabulary(found.folder, preset_config(found.folder)["vocabulary_size"])
    return Tokenizer(tuple(words), lowercase, lowercase, True)


def _texts(record: DatasetRecord, target: str) -> list[str]:
    others = [column for column in record.columns if column.name != target]
    columns = [column.name for column in others if column.kind is ColumnKind.TEXT]
    columns = columns or [column.name for column in others if not column.name.startswith("_")]
    table = read_table(record.id, columns)
    sample = table.iloc[:: max(len(table) // _SAMPLE, 1)]
    return [str(text) for text in join_texts(sample, columns)]
