"""Rows as the classical models take them: plain matrices and small pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.specs import ColumnKind

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.load import Prepared

MAX_CATEGORIES = 254  # scikit-learn's boosting bins a column into 255; the last one takes the rare and the unseen
MAX_SIDE_PX = 28


@dataclass(frozen=True)
class TableFeatures:
    """Numbers as they are, dates in days, categories as codes of the most frequent values; gaps stay gaps.

    Text columns of a table become their length: the yardstick stays simple.
    """

    columns: dict[str, ColumnKind]
    categories: dict[str, pd.Index[Any]]

    @classmethod
    def fit(cls, prepared: Prepared, train: NDArray[np.integer]) -> TableFeatures:
        """Learn the categories from the train rows."""
        frame = prepared.frame
        categories = {
            name: frame[name].iloc[train].dropna().astype(str).value_counts().index[:MAX_CATEGORIES]
            for name, kind in prepared.columns.items()
            if kind is ColumnKind.CATEGORY
        }
        return cls(dict(prepared.columns), categories)

    @property
    def is_category(self) -> list[bool]:
        """Which columns of `matrix` hold codes."""
        return [name in self.categories for name in self.columns]

    def matrix(self, prepared: Prepared, positions: NDArray[np.integer]) -> NDArray[np.float64]:
        """Rows by position as `(rows, columns)`; NaN where a value is missing."""
        rows = prepared.frame.iloc[positions]
        columns = [self._column(rows[name], name, kind) for name, kind in self.columns.items()]
        return np.stack(columns, axis=1) if columns else np.zeros((len(rows), 1))

    def _column(self, values: pd.Series[Any], name: str, kind: ColumnKind) -> NDArray[np.float64]:
        import pandas as pd

        codes: Any
        missing = values.isna().to_numpy()
        if name in self.categories:
            known = self.categories[name]
            codes = known.get_indexer(pd.Index(values.astype(str))).astype(np.float64)
            codes[codes < 0] = min(len(known), MAX_CATEGORIES)  # rare and unseen values share a code
        elif kind is ColumnKind.DATE:
            dates = pd.to_datetime(values, errors="coerce", utc=True)
            codes = (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(np.float64, na_value=np.nan)
        elif kind is ColumnKind.TEXT:
            codes = values.astype(str).str.len().to_numpy(np.float64)
        else:
            codes = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        return np.where(missing | ~np.isfinite(codes), np.nan, codes)


@dataclass(frozen=True)
class ImageFeatures:
    """Pictures of one small size, grey or RGB, as rows of 0 to 1."""

    side_px: int
    grey: bool

    @classmethod
    def of(cls, prepared: Prepared) -> ImageFeatures:
        """Size and colour as the document has them, but at most `MAX_SIDE_PX`."""
        settings = prepared.spec.preprocessing
        side_px = min(int(getattr(settings, "image_size_px", MAX_SIDE_PX)), MAX_SIDE_PX)
        return cls(side_px, getattr(settings, "colour", "rgb") == "grey")

    def matrix(self, prepared: Prepared, positions: NDArray[np.integer]) -> NDArray[np.float32]:
        """Rows by position as `(rows, side × side × channels)`."""
        rows: list[NDArray[np.float32]] = []
        for start in range(0, len(positions), 512):  # a batch at a time: large pictures are never all in memory
            rows += [self._row(picture) for picture in prepared.images(positions[start : start + 512])]
        channels = 1 if self.grey else 3
        return np.stack(rows) if rows else np.zeros((0, self.side_px**2 * channels), np.float32)

    def _row(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        from PIL import Image

        picture = Image.fromarray(pixels.squeeze(-1) if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels)
        picture = picture.convert("L" if self.grey else "RGB")
        if picture.size != (self.side_px, self.side_px):
            picture = picture.resize((self.side_px, self.side_px), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return np.asarray(picture, dtype=np.float32).reshape(-1) / 255.0
