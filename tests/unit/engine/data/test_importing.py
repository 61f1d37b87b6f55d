"""Imports as a whole: what comes in, what it is taken for, and that the same content is the same data set."""

import gzip
import io
import json
import shutil
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from engine import api
from engine.errors import EngineError, ErrorKind
from engine.specs import ColumnKind, Modality, Part, Task
from engine.specs.records import DatasetRecord
from engine.store.datasets import read_images, read_table

pytestmark = pytest.mark.usefixtures("import_in_process")  # the child has tests of its own


def bring(*paths: Path, **options: object) -> DatasetRecord:
    return api.import_data(list(paths), options=options)


def kinds(record: DatasetRecord) -> dict[str, ColumnKind]:
    return {column.name: column.kind for column in record.columns}


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, 300),
            "income": rng.normal(3000, 500, 300).round(2),
            "town": rng.choice(["Bonn", "Köln", "北京", "São Paulo"], 300),
            "joined": pd.date_range("2020-01-01", periods=300).strftime("%Y-%m-%d"),
            "label": rng.choice(["yes", "no"], 300),
        }
    )


def test_the_same_rows_are_the_same_data_set_in_every_format(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.tsv", index=False, sep="\t", encoding="utf-16")
    frame.to_json(tmp_path / "c.jsonl", orient="records", lines=True, force_ascii=False)
    frame.to_json(tmp_path / "d.json", orient="records")
    frame.to_excel(tmp_path / "e.xlsx", index=False)
    frame.assign(joined=pd.to_datetime(frame["joined"])).to_parquet(tmp_path / "f.parquet")
    records = [bring(tmp_path / name) for name in ("a.csv", "b.tsv", "c.jsonl", "d.json", "e.xlsx", "f.parquet")]
    assert len({record.id for record in records}) == 1
    assert len(api.datasets()) == 1
    assert {record.name for record in records} == {"a"}  # the first record is returned
    assert kinds(records[0]) == {
        "age": ColumnKind.NUMBER,
        "income": ColumnKind.NUMBER,
        "town": ColumnKind.CATEGORY,
        "joined": ColumnKind.DATE,
        "label": ColumnKind.CATEGORY,
    }
    read = read_table(records[0].id)
    pd.testing.assert_series_equal(read["town"], frame["town"], check_dtype=False)
    np.testing.assert_array_equal(read["income"], frame["income"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gbk", "gb18030"])
def test_chinese_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    text = "标签,内容\n" + "".join(f"{i % 2},这家酒店的第{i}个房间很好，服务也不错，下次还来。\n" for i in range(60))
    (tmp_path / "评论.csv").write_bytes(text.encode(encoding))
    record = bring(tmp_path / "评论.csv")
    assert (record.name, record.task, record.target) == ("评论", Task.TEXT_CLASSIFICATION, "标签")
    assert read_table(record.id)["内容"][7] == "这家酒店的第7个房间很好，服务也不错，下次还来。"


def test_western_text_is_not_taken_for_chinese(tmp_path: Path) -> None:
    text = "name;größe;klasse\n" + "".join(f"Müller{i};{i},5;{'grün' if i % 3 else 'weiß'}\n" for i in range(60))
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    record = bring(tmp_path / "a.csv")
    read = read_table(record.id)
    assert list(read.columns) == ["name", "größe", "klasse"]
    assert read["größe"][3] == 3.5  # a decimal comma
    assert set(read["klasse"]) == {"grün", "weiß"}


def test_quotes_line_breaks_and_gaps(tmp_path: Path) -> None:
    rows = ['"said ""no"", then left",?,1', '"two\nlines", NA ,2', "plain,3.5,1"] * 6 + ["short"]
    (tmp_path / "a.csv").write_text("note,amount,class\n" + "\n".join(rows) + "\n")
    record = bring(tmp_path / "a.csv")
    read = read_table(record.id)
    assert len(read) == 19
    assert list(read["note"][:3]) == ['said "no", then left', "two\nlines", "plain"]
    assert read["amount"].isna().sum() == 13
    assert any("too few values" in warning for warning in record.warnings)


def test_large_files_are_read_as_small_ones(frame: pd.DataFrame, tmp_path: Path) -> None:
    big = pd.concat([frame.assign(note='he said "x", twice')] * 40, ignore_index=True)  # beyond a quarter MiB: DuckDB
    big.loc[7, "note"] = "two\nlines"
    big.loc[8, "income"] = None
    big.to_csv(tmp_path / "a.csv", index=False)
    assert (tmp_path / "a.csv").stat().st_size > 1 << 18
    read = read_table(bring(tmp_path / "a.csv").id)
    expected = pd.read_csv(tmp_path / "a.csv", parse_dates=["joined"])
    pd.testing.assert_frame_equal(read, expected, check_dtype=False)


def test_column_names_empty_or_double(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,,a,label\n" + "1.5,2,3,x\n2.5,3,4,y\n" * 20)
    record = bring(tmp_path / "a.csv")
    assert [column.name for column in record.columns] == ["a", "column_2", "a_2", "label"]
    assert "empty or double" in record.warnings[0]


def test_parts_by_file_names_and_an_unlabelled_test(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame[:200].to_csv(tmp_path / "train.csv", index=False)
    frame[200:250].to_csv(tmp_path / "dev.csv", index=False)
    frame[250:].drop(columns="label").to_csv(tmp_path / "test.csv", index=False)
    (tmp_path / "README.txt").write_text("About these data, and whom to thank for them.")
    record = bring(tmp_path)
    assert record.parts == {Part.TRAIN: 200, Part.VALIDATION: 50}
    assert "test.csv was left out: it has no column label" in record.warnings[0]
    assert list(read_table(record.id)["__part__"]) == ["train"] * 200 + ["validation"] * 50


def test_labels_that_differ_by_a_full_stop(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame[:200].to_csv(tmp_path / "x-train.csv", index=False)
    frame[200:].assign(label=frame["label"] + ".").to_csv(tmp_path / "x-test.csv", index=False)
    record = bring(tmp_path / "x-train.csv", tmp_path / "x-test.csv")
    assert set(read_table(record.id)["label"]) == {"yes", "no"}
    assert any("full stop" in warning for warning in record.warnings)


def test_different_tables_are_not_mixed(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "people.csv", index=False)
    (tmp_path / "towns.csv").write_text("town,size\n" + "Bonn,3\nKöln,4\n" * 5)
    with pytest.raises(EngineError, match=r"people\.csv .* towns\.csv"):
        bring(tmp_path)
    assert api.datasets() == []


def image_bytes(mode: str, size: tuple[int, int], seed: int, kind: str = "PNG") -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    if mode == "I;16":
        image = Image.fromarray((noise[..., 0].astype(np.uint16) << 8) | 7)
    else:
        image = Image.fromarray(noise[..., :3]).convert(mode)
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def test_class_folders_in_a_zip_with_parts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for number in range(24):
            part, label = ("train", "val", "test")[number % 3], ("猫", "dog")[number // 3 % 2]
            archive.writestr(f"pets/{part}/{label}/{number}.png", image_bytes("RGB", (16, 12), number))
        archive.writestr("__MACOSX/pets/._x.png", b"junk")
        archive.writestr("pets/readme.txt", "hello")
    record = bring(tmp_path / "pets.zip")
    assert record.task == Task.IMAGE_CLASSIFICATION
    assert record.parts == {Part.TRAIN: 8, Part.VALIDATION: 8, Part.TEST: 8}
    assert (record.classes, record.image_size_px, record.channels) == (("dog", "猫"), (12, 16), 3)
    with zipfile.ZipFile(tmp_path / "pets.zip") as archive, tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        archive.extractall(tmp_path / "out")
        tar.add(tmp_path / "out" / "pets", arcname=".")
    assert bring(tmp_path / "other.tar.gz").id == record.id
    assert bring(tmp_path / "out" / "pets").id == record.id


def test_many_sizes_and_modes_become_grey_or_colour(tmp_path: Path) -> None:
    modes = ["L", "P", "RGBA", "CMYK", "I;16", "1", "LA", "RGB"]
    for number in range(184):
        mode = modes[number % len(modes)]
        kind = {"CMYK": "TIFF"}.get(mode, "PNG")
        path = tmp_path / "set" / ("a", "b")[number % 2] / f"图 {number}.{kind.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(mode, (9 + number, 30), number, kind))
    (tmp_path / "set" / "a" / "broken.png").write_bytes(image_bytes("RGB", (20, 20), 0)[:80])
    (tmp_path / "set" / "a" / "empty.jpg").write_bytes(b"")
    record = bring(tmp_path / "set")
    assert record.rows == 184
    assert "2 pictures could not be read" in record.warnings[0]
    table = read_table(record.id)
    assert table["width"].nunique() == 184
    assert set(table["mode"]) == set(modes)
    for image, width in zip(read_images(record.id, list(table["image"])), table["width"], strict=True):
        assert image.dtype == np.uint8
        assert image.shape in ((30, width, 1), (30, width, 3))


def write_idx(path: Path, array: np.ndarray) -> None:
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    with gzip.open(path, "wb") as file:
        file.write(head + array.astype(np.uint8).tobytes())


def test_idx_pairs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 6, 5), dtype=np.uint8)
    labels = np.arange(50) % 10
    for name, part in (("train", slice(0, 40)), ("t10k", slice(40, 50))):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", images[part])
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", labels[part])
    record = bring(tmp_path)
    assert record.parts == {Part.TRAIN: 40, Part.TEST: 10}
    np.testing.assert_array_equal(np.stack(read_images(record.id, range(50)))[..., 0], images)
    assert list(read_table(record.id)["label"]) == [str(i) for i in labels]
    # The same arrays in an NPZ file are the same data set.
    np.savez(tmp_path / "x.npz", x_train=images[:40], y_train=labels[:40], x_test=images[40:], y_test=labels[40:, None])
    assert bring(tmp_path / "x.npz").id == record.id


def test_npz_of_a_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "t.npz", x=rng.normal(size=(80, 3)), y=np.arange(80) % 2)
    record = bring(tmp_path / "t.npz")
    assert (record.modality, record.task, record.target) == (Modality.TABLE, Task.TABLE_CLASSIFICATION, "label")


def test_texts_in_class_folders(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in ("pos", "neg", "unsup"):
            for number in range(4):
                path = tmp_path / "aclImdb" / part / label / f"{number}_{number}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"A {label} film, seen {number} times in {part}.<br />Again, and again.")
    (tmp_path / "aclImdb" / "README").write_text("about")
    record = bring(tmp_path / "aclImdb")
    assert (record.task, record.target, record.classes) == (Task.TEXT_CLASSIFICATION, "label", ("neg", "pos"))
    assert record.parts == {Part.TRAIN: 8, Part.TEST: 8}
    assert read_table(record.id)["text"][0].startswith("A neg film, seen 0 times in train.")


def test_nested_json_and_options(tmp_path: Path) -> None:
    rows = [{"user": {"age": i, "town": "x" if i % 2 else "y"}, "tags": ["a"], "ok": bool(i % 3)} for i in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    record = bring(tmp_path / "a.jsonl", target="user.age")
    assert (record.task, record.target) == (Task.TABLE_REGRESSION, "user.age")
    assert [column.name for column in record.columns] == ["user.age", "user.town", "tags", "ok"]
    with pytest.raises(EngineError, match="no column nope"):
        bring(tmp_path / "a.jsonl", target="nope")


def test_progress_is_told_and_rises(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "a.csv", index=False)
    told: list[tuple[float, str]] = []
    api.import_data([tmp_path / "a.csv"], progress=lambda share, text: told.append((share, text)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert len(told) >= 4
    assert all(text for _, text in told)


def test_the_data_set_outlives_its_files(frame: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    frame.to_csv(folder / "a.csv", index=False)
    record = bring(folder)
    shutil.rmtree(folder)
    assert len(api.rows(record.id, limit=1000)) == 300
    with pytest.raises(EngineError) as caught:
        bring(folder)
    assert caught.value.kind == ErrorKind.NOT_FOUND
