"""Where each sample comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
    )
}
