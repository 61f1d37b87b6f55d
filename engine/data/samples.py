"""Data sets to start with: three that scikit-learn brings, one made from installed sources, and three to download."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.data.importing import import_data
from engine.errors import EngineError, ErrorKind
from engine.specs.records import DatasetRecord, SampleRecord
from engine.store.home import cache_dir
from engine.text import N_

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Sample:
    """A sample: what it is, and how its files come to be."""

    record: SampleRecord
    make: Callable[[Path, Progress], list[Path]]  # writes files into a folder, returns them
    options: dict[str, object] = field(default_factory=dict)


def samples() -> list[SampleRecord]:
    """The data sets that Lathe brings or can fetch; those that need no network first."""
    return [sample.record for sample in _all().values()]


def import_sample(sample_id: str, progress: Progress | None = None) -> DatasetRecord:
    """Bring a sample into the workspace.

    Raises:
        EngineError: NOT_FOUND for an unknown id; UNAVAILABLE where a download does not succeed.
    """
    sample = _all().get(sample_id)
    if sample is None:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("There is no sample {sample}."),
            hint=N_("Choose one of: {samples}."),
            sample=sample_id,
            samples=", ".join(_all()),
        )
    report = progress or (lambda share, text: None)
    report(0.0, N_("Preparing the sample"))
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix="sample-") as folder:
        made = 0.7 if sample.record.needs_network else 0.2
        paths = sample.make(Path(folder), lambda share, text: report(made * share, text))
        return import_data(
            paths,
            name=sample.record.name,
            options=sample.options,
            source=sample.record.name,
            licence=sample.record.licence,
            progress=lambda share, text: report(made + (1 - made) * share, text),
        )


def _all() -> dict[str, Sample]:
    from engine.data.sample_sources import SAMPLES

    return SAMPLES
