"""Where each sample comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from engine.data.docstrings import write_docstrings
from engine.data.downloads import Remote, download
from engine.data.samples import Sample
from engine.specs import Task
from engine.specs.records import SampleRecord
from engine.text import N_

Progress = Callable[[float, str], None]


def _digits(folder: Path, report: Progress) -> list[Path]:
    """8×8 scans of handwritten digits (Alpaydin & Kaynak 1998), values 0 to 16 brought to bytes."""
    import numpy as np
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.rint(data.images * (255.0 / 16.0)).astype(np.uint8)
    np.savez(folder / "digits.npz", images=images, labels=data.target.astype(np.uint8))
    return [folder / "digits.npz"]


def _breast_cancer(folder: Path, report: Progress) -> list[Path]:
    """30 measurements of cell nuclei (Street et al. 1993) with the diagnosis in words."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    frame = data.data.assign(diagnosis=[str(data.target_names[code]) for code in data.target])
    frame.to_csv(folder / "breast_cancer.csv", index=False)
    return [folder / "breast_cancer.csv"]


def _diabetes(folder: Path, report: Progress) -> list[Path]:
    """Ten measurements of 442 patients, and their disease's progression after one year (Efron et al. 2004)."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True, scaled=False)
    data.data.assign(progression=data.target).to_csv(folder / "diabetes.csv", index=False)
    return [folder / "diabetes.csv"]


def _docstrings(folder: Path, report: Progress) -> list[Path]:
    """Docstrings of installed libraries."""
    write_docstrings(folder / "docstrings.csv")
    return [folder / "docstrings.csv"]


def _fetched(remotes: Sequence[Remote], report: Progress) -> list[Path]:
    """Download files one after the other, with one progress over all of them."""
    total = sum(remote.bytes for remote in remotes)
    paths, before = [], 0
    for remote in remotes:
        share, start = remote.bytes / total, before / total
        paths.append(download(remote, lambda done, text, a=start, b=share: report(a + b * done, text)))  # type: ignore[misc]
        before += remote.bytes
    return paths


def _fashion_mnist(folder: Path, report: Progress) -> list[Path]:
    """Xiao, Rasul & Vollgraf 2017, with the names of the classes instead of their numbers."""
    import numpy as np

    from engine.data.readers.base import FileKind, SourceFile
    from engine.data.readers.idx import read_array

    arrays = [read_array(SourceFile(path, path.name, FileKind.IDX)) for path in _fetched(FASHION_MNIST, report)]
    names = np.array(FASHION_CLASSES)
    np.savez(folder / "fashion-mnist.npz", train_images=arrays[0], train_labels=names[arrays[1]],
             test_images=arrays[2], test_labels=names[arrays[3]])  # fmt: skip
    return [folder / "fashion-mnist.npz"]


def _cifar_10(folder: Path, report: Progress) -> list[Path]:
    """Krizhevsky 2009, the binary version: one byte of class and 3 × 32 × 32 bytes of pixels an image, no pickles."""
    import tarfile

    import numpy as np

    (archive,) = _fetched((CIFAR_10,), report)
    parts: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    with tarfile.open(archive) as tar:
        for entry in sorted(tar.getmembers(), key=lambda member: member.name):
            name = Path(entry.name).name
            if not entry.isfile() or not name.endswith(".bin"):
                continue
            content = tar.extractfile(entry)
            assert content is not None
            parts["test" if name.startswith("test") else "train"].append(
                np.frombuffer(content.read(), np.uint8).reshape(-1, _CIFAR_RECORD_BYTES)
            )
    names, arrays = np.array(CIFAR_CLASSES), {}
    for part, batches in parts.items():
        records = np.concatenate(batches)
        arrays[f"{part}_labels"] = names[records[:, 0]]
        arrays[f"{part}_images"] = (
            records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        )  # to (n, height, width, 3)
    np.savez(folder / "cifar-10.npz", **arrays)
    return [folder / "cifar-10.npz"]


def _imdb(folder: Path, report: Progress) -> list[Path]:
    """Maas et al. 2011: 50,000 film reviews in class folders, read as any archive of texts."""
    return _fetched((IMDB,), report)


_CIFAR_RECORD_BYTES = 1 + 3 * 32 * 32
_FASHION_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
# Checksums: the README of zalandoresearch/fashion-mnist, cs.toronto.edu/~kriz/cifar.html, and the source of torchtext.
FASHION_MNIST = (
    Remote(_FASHION_URL + "train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
    Remote(_FASHION_URL + "train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
    Remote(_FASHION_URL + "t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
    Remote(_FASHION_URL + "t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
)
CIFAR_10 = Remote(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", 170_052_171
)
IMDB = Remote(
    "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz", "7c2ac02c03563afcf9b574c7e56c153a", 84_125_825
)
FASHION_CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                   "Ankle boot")  # fmt: skip
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

SAMPLES: dict[str, Sample] = {
    sample.record.id: sample
    for sample in (
        Sample(
            SampleRecord(
                id="digits",
                name=N_("Handwritten digits"),
                summary=N_("1,797 tiny pictures of the digits 0 to 9: a model learns them in seconds."),
                task=Task.IMAGE_CLASSIFICATION,
                needs_network=False,
                licence="CC BY 4.0 (UCI)",
            ),
            _digits,
        ),
        Sample(
            SampleRecord(
                id="breast-cancer",
                name=N_("Breast cancer"),
                summary=N_("30 measurements of cell nuclei of 569 patients: is the tumour malignant or benign?"),
                task=Task.TABLE_CLASSIFICATION,
                needs_network=False,
                licence="CC BY 4.0 (UCI)",
            ),
            _breast_cancer,
        ),
        Sample(
            SampleRecord(
                id="diabetes",
                name=N_("Diabetes progression"),
                summary=N_("Ten measurements of 442 patients: how far has the disease gone after a year?"),
                task=Task.TABLE_REGRESSION,
                needs_network=False,
                licence="Efron et al. 2004",
            ),
            _diabetes,
        ),
        Sample(
            SampleRecord(
                id="docstrings",
                name=N_("Docstrings"),
                summary=N_("Thousands of descriptions of functions: which library did each come from?"),
                task=Task.TEXT_CLASSIFICATION,
                needs_network=False,
                licence="BSD, Apache 2.0, MIT",
            ),
            _docstrings,
            {"target": "library", "task": "text_classification"},
        ),
        Sample(
            SampleRecord(
                id="fashion-mnist",
                name="Fashion-MNIST",
                summary=N_("70,000 small grey pictures of clothes in ten classes."),
                task=Task.IMAGE_CLASSIFICATION,
                needs_network=True,
                bytes=sum(remote.bytes for remote in FASHION_MNIST),
                licence="MIT",
            ),
            _fashion_mnist,
        ),
        Sample(
            SampleRecord(
                id="cifar-10",
                name="CIFAR-10",
                summary=N_("60,000 small colour pictures of animals and vehicles in ten classes."),
                task=Task.IMAGE_CLASSIFICATION,
                needs_network=True,
                bytes=CIFAR_10.bytes,
                licence="Krizhevsky 2009",
            ),
            _cifar_10,
        ),
        Sample(
            SampleRecord(
                id="imdb",
                name="IMDb",
                summary=N_("50,000 film reviews: does the writer like the film?"),
                task=Task.TEXT_CLASSIFICATION,
                needs_network=True,
                bytes=IMDB.bytes,
                licence="Maas et al. 2011",
            ),
            _imdb,
        ),
    )
}
