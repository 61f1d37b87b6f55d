"""Table rows: numbers as vectors, categories as entries, and the telling words of names and codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.models.encoding import LAYER, Encoder, InputSpecs, fit_target, raw_names, train_positions
from engine.models.encoding_numbers import NumberColumn
from engine.models.encoding_target import TargetScaler
from engine.specs import ColumnKind, Modality
from engine.specs.data import DataSpec, TablePreprocessing

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.load import Prepared
    from engine.specs.records import DatasetRecord

# A category with more values than this is likely made of parts (cabin "C85", ticket "PC 17599"); they count as well.
COMPOSITE_CATEGORIES = 30
# Words of one text column that become inputs: the most frequent ones, each in at least this many train rows.
MAX_WORDS, MIN_WORD_ROWS = 64, 5


@dataclass
class Columns:
    """What was learned of each column, by column name, in the order of the inputs."""

    numbers: dict[str, NumberColumn] = field(default_factory=dict)
    dates: set[str] = field(default_factory=set)  # numbers that are read from dates, as days since 1970
    categories: dict[str, list[str]] = field(default_factory=dict)  # known values; number i + 1 is the value at i
    words: dict[str, np.ndarray] = field(default_factory=dict)  # fingerprints of the words that count, ascending


class TableEncoder(Encoder):
    """Quantiles, known categories and telling words of the train part.

    Inputs (those that the table has columns for): `numbers` float32 `(number columns, width)`, the last place 1 where
    the value is missing if any train value was; `categories` int32 `(category columns,)`, 0 for rare and unseen values;
    `words` float32 `(words,)`, 1 where the row's text has the word.
    """

    modality = Modality.TABLE

    def __init__(
        self, spec: DataSpec, classes: tuple[str, ...], scaler: TargetScaler | None, columns: Columns, flag: bool
    ) -> None:
        super().__init__(spec, classes, scaler)
        self.columns = columns
        self.flag = flag

    # ---- learning -------------------------------------------------------------------------------------------------
    @classmethod
    def _fit(cls, prepared: Prepared) -> TableEncoder:
        settings = cast(TablePreprocessing, prepared.spec.preprocessing)
        train = prepared.frame.iloc[train_positions(prepared)]
        columns, flag = Columns(), False
        for name, kind in prepared.columns.items():
            role = _role(kind, train[name])
            if role in ("number", "date"):
                values = _numbers(train[name], role == "date")
                flag = flag or bool(~np.isfinite(values).all())
                columns.numbers[name] = NumberColumn.fit(values, settings.number_encoding, settings.bins)
                if role == "date":
                    columns.dates.add(name)
                continue
            texts = as_texts(train[name])
            if role == "category":
                columns.categories[name] = _known(texts, settings.rare_category_count)
            if role == "words" or len(set(texts)) > COMPOSITE_CATEGORIES:
                words = _telling_words(texts)
                if words.size:
                    columns.words[name] = words
        return cls(prepared.spec, tuple(prepared.classes or ()), fit_target(prepared), columns, flag)

    @classmethod
    def shape(cls, spec: DataSpec, record: DatasetRecord) -> tuple[InputSpecs, dict[str, Any]]:
        """See `Encoder.shape`."""
        settings = cast(TablePreprocessing, spec.preprocessing)
        wanted = [c for c in record.columns if c.name != spec.target and (not spec.inputs or c.name in spec.inputs)]
        numbers = [c for c in wanted if c.kind in (ColumnKind.NUMBER, ColumnKind.DATE)]
        categories = [c for c in wanted if c.kind is ColumnKind.CATEGORY]
        composite = [c for c in categories if c.distinct > COMPOSITE_CATEGORIES]
        texts = [c for c in wanted if c.kind is ColumnKind.TEXT] + composite
        bins = settings.bins if settings.number_encoding == "piecewise_linear" else 1
        width = min(bins, max((max(c.distinct - 1, 1) for c in numbers), default=1))
        flag = any(c.missing for c in numbers)
        sizes = [c.distinct + 1 + bool(c.missing) for c in categories]
        return _describe(len(numbers), width + flag, sizes, MAX_WORDS * len(texts))

    # ---- use ------------------------------------------------------------------------------------------------------
    @property
    def width(self) -> int:
        """Length of each number's vector; columns with fewer bins are filled up with zeros."""
        return max((column.width for column in self.columns.numbers.values()), default=0) + int(self.flag)

    def _shape(self) -> tuple[InputSpecs, dict[str, Any]]:
        sizes = [len(known) + 1 for known in self.columns.categories.values()]
        return _describe(
            len(self.columns.numbers), self.width, sizes, sum(words.size for words in self.columns.words.values())
        )

    @property
    def input_specs(self) -> InputSpecs:
        """See the class."""
        return self._shape()[0]

    def _info(self) -> dict[str, Any]:
        return self._shape()[1]

    def encode(self, prepared: Prepared, positions: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """See `Encoder.encode`."""
        frame = prepared.frame if positions is None else prepared.frame.iloc[positions]
        return self.encode_frame(frame)

    def encode_frame(self, frame: pd.DataFrame) -> dict[str, np.ndarray]:
        """Rows as a frame with the input columns → arrays by input name."""
        columns, out = self.columns, {}
        if columns.numbers:
            numbers = np.zeros((len(frame), len(columns.numbers), self.width), np.float32)
            for place, (name, column) in enumerate(columns.numbers.items()):
                values = _numbers(frame[name], name in columns.dates)
                numbers[:, place, : column.width] = column.encode(values)
                if self.flag:
                    numbers[:, place, -1] = ~np.isfinite(values)
            out["numbers"] = numbers
        if columns.categories:
            codes = [_codes(as_texts(frame[name]), known) for name, known in columns.categories.items()]
            out["categories"] = np.stack(codes, axis=1)
        if columns.words:
            found = [words_of(as_texts(frame[name]), words) for name, words in columns.words.items()]
            out["words"] = np.concatenate(found, axis=1)
        return out

    def raw_inputs(self, reserved: Iterable[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
        """A raw input a column, `(batch,)`: floats, NaN for missing (dates: days since 1970); strings, "" for none."""
        import keras

        from engine.models.preprocessing import Column, NumberEncoding

        columns, encoded = self.columns, {}
        strings = dict.fromkeys([*columns.categories, *columns.words], "string")
        dtypes = {**dict.fromkeys(columns.numbers, "float32"), **strings}
        names = raw_names(dtypes, reserved)
        raw = {column: keras.Input((), dtype=dtype, name=names[column]) for column, dtype in dtypes.items()}
        if columns.numbers:
            vectors = []
            for place, (name, column) in enumerate(columns.numbers.items()):
                value = Column(name=f"{LAYER}column_{place}")(raw[name])
                label = f"{LAYER}number_{place}"
                encode = NumberEncoding(column.method, self.width, self.flag, constants=column.constants, name=label)
                vectors.append(encode(value))
            encoded["numbers"] = _joined(vectors, "numbers")
        if strings:
            encoded |= self._encoded_strings(raw)
        return {names[column]: tensor for column, tensor in raw.items()}, encoded

    def _encoded_strings(self, raw: dict[str, Any]) -> dict[str, Any]:
        from engine.models.preprocessing_text import CategoryLookup, ColumnWords
        from engine.models.tokens import fingerprint_array, lookup_table

        columns, encoded = self.columns, {}
        codes = []
        for place, (name, known) in enumerate(columns.categories.items()):
            table = lookup_table(fingerprint_array(known), np.arange(len(known)) + 1)
            codes.append(CategoryLookup(constants=table, name=f"{LAYER}category_{place}")(raw[name]))
        if codes:
            encoded["categories"] = _joined(codes, "categories")
        found = [
            ColumnWords(constants={"marks": words}, name=f"{LAYER}words_{place}")(raw[name])
            for place, (name, words) in enumerate(columns.words.items())
        ]
        if found:
            encoded["words"] = _joined(found, "words")
        return encoded

    # ---- keeping --------------------------------------------------------------------------------------------------
    def _state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        columns = self.columns
        arrays: dict[str, np.ndarray] = {}
        for place, column in enumerate(columns.numbers.values()):
            arrays |= {f"number/{place}/{key}": value for key, value in column.constants.items()}
        arrays |= {f"words/{place}": words for place, words in enumerate(columns.words.values())}
        state = {
            "numbers": {name: column.method for name, column in columns.numbers.items()},
            "dates": sorted(columns.dates),
            "categories": columns.categories,
            "words": list(columns.words),
            "flag": self.flag,
        }
        return state, {key: np.asarray(value) for key, value in arrays.items()}

    @classmethod
    def _from_state(
        cls,
        spec: DataSpec,
        classes: tuple[str, ...],
        scaler: TargetScaler | None,
        state: dict[str, Any],
        arrays: Mapping[str, np.ndarray],
    ) -> TableEncoder:
        columns = Columns(dates=set(state["dates"]), categories=state["categories"])
        for place, (name, method) in enumerate(state["numbers"].items()):
            start = f"number/{place}/"
            constants = {key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)}
            columns.numbers[name] = NumberColumn(method, constants)
        columns.words = {name: arrays[f"words/{place}"] for place, name in enumerate(state["words"])}
        return cls(spec, classes, scaler, columns, state["flag"])


def _joined(tensors: list[Any], name: str) -> Any:
    from keras import layers

    return layers.Concatenate(axis=1, name=f"{LAYER}{name}")(tensors) if len(tensors) > 1 else tensors[0]


def as_texts(values: pd.Series) -> list[str]:
    """Categories as strings: "" for missing, whole numbers without ".0", no spaces around."""
    out = []
    for value, missing in zip(values.astype("object"), values.isna(), strict=True):
        if missing:
            out.append("")
        elif isinstance(value, float) and value.is_integer():
            out.append(str(int(value)))
        else:
            out.append(str(value).strip())
    return out


def words_of(texts: Sequence[str], words: np.ndarray) -> np.ndarray:
    """Which of the fingerprints `(words,)` occur in each text: float32 `(texts, words)`."""
    from engine.models.tokens import look_up, token_fingerprints

    marks, offsets = token_fingerprints(texts, "parts", True)
    place = look_up(marks, words)
    rows = np.repeat(np.arange(len(texts)), np.diff(offsets))
    out = np.zeros((len(texts), words.size), np.float32)
    out[rows[place >= 0], place[place >= 0]] = 1.0
    return out


def _role(kind: ColumnKind, values: pd.Series) -> str:
    """How a column enters: "number", "date", "category" or "words"."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if kind is ColumnKind.DATE:
        return "date"
    if kind is ColumnKind.CATEGORY:
        return "category"
    if kind is ColumnKind.NUMBER or (is_numeric_dtype(values) and not is_bool_dtype(values)):
        return "number"
    return "category" if kind is ColumnKind.CONSTANT else "words"


def _numbers(values: pd.Series, dates: bool) -> np.ndarray:
    """A column as float64 `(rows,)`, NaN where missing; dates as days since 1970."""
    import pandas as pd

    if not dates:
        return cast(np.ndarray, pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan))
    times = pd.to_datetime(values, errors="coerce", utc=True)
    return cast(np.ndarray, ((times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)).to_numpy(np.float64))


def _known(texts: Sequence[str], least: int) -> list[str]:
    """Values seen often enough, most frequent first."""
    values, counts = np.unique(np.asarray(texts, object), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [str(values[i]) for i in order if counts[i] >= least]


def _codes(texts: Sequence[str], known: Sequence[str]) -> np.ndarray:
    number = {value: place + 1 for place, value in enumerate(known)}
    return np.fromiter((number.get(text, 0) for text in texts), np.int32, len(texts))


def _telling_words(texts: Sequence[str]) -> np.ndarray:
    from engine.models.tokens import token_fingerprints

    marks, offsets = token_fingerprints(texts, "parts", True)
    rows = np.repeat(np.arange(len(texts)), np.diff(offsets))
    distinct, place = np.unique(marks, return_inverse=True)
    pairs = np.unique(place.astype(np.int64) * max(len(texts), 1) + rows)
    in_rows = np.bincount(pairs // max(len(texts), 1), minlength=distinct.size)
    eligible = np.flatnonzero(in_rows >= MIN_WORD_ROWS)
    return np.sort(distinct[eligible[np.argsort(-in_rows[eligible], kind="stable")][:MAX_WORDS]])


def _describe(numbers: int, width: int, categories: list[int], words: int) -> tuple[InputSpecs, dict[str, Any]]:
    specs: InputSpecs = {}
    if numbers:
        specs["numbers"] = ((numbers, width), "float32")
    if categories:
        specs["categories"] = ((len(categories),), "int32")
    if words:
        specs["words"] = ((words,), "float32")
    info = {"numbers": numbers, "number_width": width, "category_sizes": categories, "words": words}
    return specs, info
