"""Examples of a data set that stand there more than once, and whether they stand in several of its given parts."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engine.data.database import quote
from engine.data.duplicates import across, exact_groups, image_keys, near_image_groups, near_text_groups, sketches_of
from engine.data.values import join_texts
from engine.specs.records import DatasetRecord
from engine.specs.task import ColumnKind, Modality
from engine.store.datasets import FILES, PART_COLUMN, read_table
from engine.store.home import dataset_dir

if TYPE_CHECKING:
    from engine.data.profile.tables import Rows

Group = npt.NDArray[np.int64]
_MOST_TEXTS = 50_000
_MOST_STACKED_IMAGES = 80_000
_MOST_IMAGE_FILES = 10_000  # each is to be decoded: some 1 to 10 ms
_ROWS_A_PASS = 4_000_000  # hashes held at a time: 32 MB, twice that while they are fetched
_TELLING_COLUMNS = 3  # compared first: where no two rows agree in them, the other columns need not be read
_GROUPS_SHOWN, _ROWS_SHOWN = 12, 6


def find_duplicates(record: DatasetRecord, target: str, rows: "Rows") -> dict[str, Any]:
    """See `engine.data.profile.shapes.Duplicates`."""
    if record.modality is Modality.TABLE:
        return _tables(record, rows)
    if record.modality is Modality.TEXT:
        return _texts(record, target)
    return _images(record, target)


def _summary(groups: Sequence[Group], labels: npt.NDArray[Any] | None) -> dict[str, Any]:
    """A `Groups` record."""
    conflicting = 0
    if labels is not None:
        conflicting = sum(len(set(labels[group].tolist())) > 1 for group in groups)
    return {
        "groups": len(groups),
        "rows": int(sum(len(group) - 1 for group in groups)),
        "conflicting": conflicting,
        "examples": [[int(row) for row in group[:_ROWS_SHOWN]] for group in groups[:_GROUPS_SHOWN]],
    }


def _report(
    looked_at: int,
    exact: list[Group],
    near: Callable[[], list[Group]] | None,
    labels: npt.NDArray[Any] | None,
    parts: npt.NDArray[Any] | None,
) -> dict[str, Any]:
    report: dict[str, Any] = {"looked_at": looked_at, "exact": _summary(exact, labels)}
    close = near() if near else None
    if close is not None:
        report["near"] = _summary(close, labels)
    if parts is not None:
        report["exact_across_parts"] = _summary(across(exact, parts), labels)
        if close is not None:
            report["near_across_parts"] = _summary(across(close, parts), labels)
    return report


def _labels_and_parts(
    record: DatasetRecord, target: str, count: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    has_parts = any(column.name == PART_COLUMN for column in record.columns) or bool(record.parts)
    frame = read_table(record.id, [target, PART_COLUMN] if has_parts else [target]).head(count)
    labels = frame[target].astype(str).to_numpy(dtype=object)
    return labels, frame[PART_COLUMN].to_numpy(dtype=object) if has_parts else None


def _texts(record: DatasetRecord, target: str) -> dict[str, Any]:
    columns = text_columns(record, target)
    texts = join_texts(read_table(record.id, columns).head(_MOST_TEXTS), columns)
    labels, parts = _labels_and_parts(record, target, len(texts))
    hashes = np.array([hash(text) for text in texts], dtype=np.int64).astype(np.uint64)
    exact = [group for group in exact_groups(hashes) if texts.iloc[group[0]]]  # gaps are not duplicates
    return _report(len(texts), exact, lambda: near_text_groups(texts.tolist()), labels, parts)


def text_columns(record: DatasetRecord, target: str) -> list[str]:
    """The text columns of a data set, else all but the target."""
    others = [column for column in record.columns if column.name not in (target, PART_COLUMN)]
    return [c.name for c in others if c.kind is ColumnKind.TEXT] or [c.name for c in others]


def _images(record: DatasetRecord, target: str) -> dict[str, Any]:
    files = (dataset_dir(record.id) / FILES).is_dir()
    keys = read_table(record.id, ["image"])["image"].head(_MOST_IMAGE_FILES if files else _MOST_STACKED_IMAGES)
    labels, parts = _labels_and_parts(record, target, len(keys))
    exact = exact_groups(image_keys(record.id, keys.tolist()))
    return _report(len(keys), exact, lambda: near_image_groups(sketches_of(record.id, keys.tolist())), labels, parts)


def _tables(record: DatasetRecord, rows: "Rows") -> dict[str, Any]:
    """Equal rows by their hash, in as many passes as memory asks for."""
    compared = [
        column.name
        for column in record.columns
        if column.kind is not ColumnKind.IDENTIFIER and column.name != PART_COLUMN
    ]
    key = _key(compared)
    telling = _most_varied(record, compared)
    if record.rows > _ROWS_A_PASS and len(telling) < len(compared) and not _count_equal(record, rows, _key(telling))[0]:
        groups, extra, repeated = 0, 0, list[int]()  # rows that differ in some columns differ
    else:
        groups, extra, repeated = _count_equal(record, rows, key)
    report: dict[str, Any] = {"looked_at": record.rows, "exact": {"groups": groups, "rows": extra, "conflicting": 0}}
    report["exact"]["examples"] = _row_numbers(rows, key, repeated)
    if PART_COLUMN in rows.types and groups:
        report["exact_across_parts"] = _across_parts(rows, key)
    return report


def _key(names: Sequence[str]) -> str:
    return "hash(" + ", ".join(quote(name) for name in names) + ")"


def _most_varied(record: DatasetRecord, names: Sequence[str]) -> list[str]:
    """The columns with the most distinct values, numbers first: they are quick to read and tell most rows apart."""
    columns = [column for column in record.columns if column.name in set(names)]
    columns.sort(key=lambda column: (column.dtype == "VARCHAR", -column.distinct))
    return [column.name for column in columns[:_TELLING_COLUMNS]]


def _count_equal(record: DatasetRecord, rows: "Rows", key: str) -> tuple[int, int, list[int]]:
    """Groups of rows of an equal key, the rows in them beyond the first, and the keys of some groups."""
    passes = -(-record.rows // _ROWS_A_PASS)
    extra, groups = 0, 0
    repeated: list[int] = []
    for number in range(passes):
        where = f"WHERE key % {passes} = {number}" if passes > 1 else ""
        hashes = rows.ask_arrays(f"SELECT key FROM (SELECT {key} AS key FROM {rows.source}) AS keys {where}")["key"]
        hashes = np.asarray(hashes)
        hashes.sort()
        same = hashes[1:] == hashes[:-1]
        extra += int(same.sum())
        starts = same & ~np.concatenate([[False], same[:-1]]) if len(same) else same
        groups += int(starts.sum())
        if len(repeated) < _GROUPS_SHOWN:
            repeated += hashes[1:][starts][: 4 * _GROUPS_SHOWN].tolist()
        del hashes, same, starts
    return groups, extra, repeated


def _row_numbers(rows: "Rows", key: str, repeated: list[int]) -> list[list[int]]:
    if not repeated:
        return []
    wanted = ", ".join(str(value) for value in repeated)
    found = rows.ask(
        f"SELECT min(file_row_number) AS first, list(file_row_number ORDER BY file_row_number) "
        f"FROM {rows.source} WHERE {key} IN ({wanted}) GROUP BY {key} ORDER BY first LIMIT {_GROUPS_SHOWN}"
    )
    return [[int(row) for row in group[:_ROWS_SHOWN]] for _, group in found]


def _across_parts(rows: "Rows", key: str) -> dict[str, Any]:
    part = quote(PART_COLUMN)
    members = f"list(file_row_number ORDER BY file_row_number)[:{_ROWS_SHOWN}]"
    inner = (
        f"SELECT {key} AS key, count(*) AS n, {members} AS members "
        f"FROM {rows.source} GROUP BY key HAVING count(DISTINCT {part}) > 1"
    )
    found = rows.ask(f"SELECT count(*), coalesce(sum(n - 1), 0), list(members)[:{_GROUPS_SHOWN}] FROM ({inner}) AS g")[
        0
    ]
    examples = [[int(row) for row in group] for group in found[2] or []]
    return {"groups": int(found[0]), "rows": int(found[1]), "conflicting": 0, "examples": examples}
