"""Every verb that a page or the command line may call. Light to import: what is heavy is imported where it is used.

The page process never holds TensorFlow: verbs that need a model are asked of the engine process through the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.api_finetuning import *  # noqa: F403 - the verbs of pretrained sources, by name in its __all__
from engine.api_methods import *  # noqa: F403 - the verbs of what fine-tuning did, by name in its __all__
from engine.api_tuning import *  # noqa: F403 - the verbs of searches, likewise
from engine.api_whatif import *  # noqa: F403 - the verbs of probes and predictions, likewise
from engine.specs import Part, RunSpec, RunStatus, Task
from engine.specs.records import (
    DatasetRecord,
    EngineState,
    EvaluationRecord,
    ExampleRecord,
    MetricPoint,
    ModelDescription,
    RobustnessRecord,
    RunRecord,
    SampleRecord,
    SplitReport,
)

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[float, str], None]  # share done (0-1), what is being done (marked for translation)


# ---- workspace ----------------------------------------------------------------------------------------------------
def home() -> Path:
    """The folder that holds everything: `LATHE_HOME`, else `~/.lathe`."""
    from engine.store.home import home as folder

    return folder()


def ensure_engine() -> None:
    """Start the engine process beside this one where none serves this workspace; returns at once."""
    from engine.jobs.client import ensure_engine as start

    start()


def engine_state() -> EngineState:
    """The machine and the engine, as last reported (at most two seconds old)."""
    from engine.jobs.client import engine_state as read

    return read()


# ---- data ---------------------------------------------------------------------------------------------------------
def samples() -> list[SampleRecord]:
    """The data sets that Lathe brings or can fetch."""
    from engine.data.samples import samples as listed

    return listed()


def import_sample(sample_id: str, progress: Progress | None = None) -> DatasetRecord:
    """Bring a sample into the workspace (downloads it where it needs the network)."""
    from engine.data.samples import import_sample as bring

    return bring(sample_id, progress)


def import_data(
    paths: Sequence[Path], *, name: str = "", options: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> DatasetRecord:
    """Read files or a folder into the workspace, in a child process with limits; the same content gives the same id.

    `options`: delimiter, header (bool), encoding, task, target; what is not given is inferred.
    """
    from engine.data.importing import import_data as read

    return read(paths, name=name, options=options, progress=progress)


def import_uploads(
    files: Sequence[tuple[str, BinaryIO]],
    *,
    name: str = "",
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> DatasetRecord:
    """As `import_data`, for files that a browser sent: (name, content)."""
    from engine.data.uploads import import_uploads as read

    return read(files, name=name, options=options, progress=progress)


def import_text(
    text: str, *, name: str = "", options: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> DatasetRecord:
    """As `import_data`, for a table that was pasted."""
    from engine.data.uploads import import_text as read

    return read(text, name=name, options=options, progress=progress)


def data_folders() -> list[Path]:
    """The server folders that are open for picking data (`LATHE_DATA_DIRS`)."""
    from engine.data.folders import allowed_folders

    return allowed_folders()


def list_folder(folder: Path) -> list[dict[str, Any]]:
    """What lies in an open server folder: name, path, is_folder, bytes; folders first."""
    from engine.data.folders import browse

    return browse(folder)


def import_folder(
    path: Path, *, name: str = "", options: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> DatasetRecord:
    """As `import_data`, for a file or folder below an open server folder."""
    from engine.data.folders import check_allowed

    return import_data([check_allowed(path)], name=name, options=options, progress=progress)


def datasets() -> list[DatasetRecord]:
    """All data sets, newest first."""
    from engine.store.datasets import list_datasets

    return list_datasets()


def dataset(dataset_id: str) -> DatasetRecord:
    """One data set."""
    from engine.store.datasets import get_dataset

    return get_dataset(dataset_id)


def delete_dataset(dataset_id: str) -> None:
    """Move a data set to the bin; `restore_dataset` undoes it."""
    from engine.store.datasets import delete_dataset as delete

    delete(dataset_id)


def restore_dataset(dataset_id: str) -> None:
    """Undo `delete_dataset`."""
    from engine.store.datasets import restore_dataset as restore

    restore(dataset_id)


def rows(dataset_id: str, *, offset: int = 0, limit: int = 100, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Some rows of a data set as they were imported; the index is the row number."""
    from engine.store.datasets import read_rows

    return read_rows(dataset_id, offset=offset, limit=limit, columns=columns)


def images(dataset_id: str, row_numbers: Sequence[int], *, size_px: int = 96) -> list[bytes]:
    """PNG thumbnails of rows of an image data set."""
    from engine.store.datasets import thumbnails

    return thumbnails(dataset_id, row_numbers, size_px=size_px)


def profile(dataset_id: str, *, target: str | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """What the data look like (see `engine.data.profile`); computed once in a child process, then kept."""
    from engine.data.profile import profile as look

    return look(dataset_id, target=target, progress=progress)


def default_spec(dataset_id: str, *, task: Task | None = None, target: str | None = None) -> RunSpec:
    """A complete document for a data set, chosen by the nature of the data."""
    from engine.data.defaults import default_spec as choose

    return choose(dataset_id, task=task, target=target)


def split_report(spec: RunSpec) -> SplitReport:
    """The parts that a document gives, and whether they resemble each other and leak nothing."""
    from engine.data.split import split_report as report

    return report(spec.data)


def cleaned_rows(spec: RunSpec, *, limit: int = 100) -> pd.DataFrame:
    """The first rows after the document's row-wise cleaning steps."""
    from engine.data.cleaning import cleaned_rows as clean

    return clean(spec.data, limit=limit)


def preview_batch(spec: RunSpec, *, timeout_s: float = 60.0) -> dict[str, Any]:
    """What the model sees: the first train batch after preprocessing and augmentation (asked of the engine)."""
    return _ask("preview_batch", {"spec": spec.model_dump(mode="json")}, timeout_s=timeout_s)


# ---- design -------------------------------------------------------------------------------------------------------
def describe(spec: RunSpec, *, timeout_s: float = 60.0) -> ModelDescription:
    """Layers, shapes, parameters, FLOPs, memory and time of a document's model (asked of the engine)."""
    document = {"spec": spec.model_dump(mode="json")}
    return ModelDescription.model_validate(_ask("describe", document, timeout_s=timeout_s))


def find_learning_rate(spec: RunSpec, *, timeout_s: float = 300.0) -> dict[str, Any]:
    """Learning-rate range test (Smith 2017): {"learning_rates": […], "losses": […], "suggestion": x}."""
    return _ask("find_learning_rate", {"spec": spec.model_dump(mode="json")}, timeout_s=timeout_s)


def save_draft(spec: RunSpec) -> str:
    """Keep a document that is being edited and return its id, which a page carries in its address."""
    from engine.store.drafts import save_draft as save

    return save(spec)


def draft(draft_id: str) -> RunSpec:
    """A document that is being edited."""
    from engine.store.drafts import read_draft

    return read_draft(draft_id)


# ---- runs ---------------------------------------------------------------------------------------------------------
def submit(spec: RunSpec, *, token: str = "") -> str:
    """Put a document into the queue and return the run's id. The same `token` never makes a second run."""
    from engine.jobs.client import submit as put

    return put(spec, token=token)


def stop(run_id: str) -> None:
    """Ask a run to stop in good order (it checkpoints first); a waiting one is taken out of the queue."""
    from engine.jobs.client import stop as ask

    ask(run_id)


def resume(run_id: str) -> None:
    """Put a stopped or failed run back into the queue; it goes on from its newest checkpoint."""
    from engine.jobs.client import resume as put

    put(run_id)


def continue_training(run_id: str, epochs: int) -> str:
    """A new run that starts from a finished run's weights and trains `epochs` more."""
    from engine.jobs.client import continue_training as put

    return put(run_id, epochs)


def reorder(run_ids: Sequence[str]) -> None:
    """Set the order of the waiting runs."""
    from engine.jobs.client import reorder as put

    put(run_ids)


def runs(
    *,
    search: str = "",
    status: RunStatus | None = None,
    dataset_id: str = "",
    tag: str = "",
    sort: str = "-created_at",
    offset: int = 0,
    limit: int = 50,
    deleted: bool = False,
) -> list[RunRecord]:
    """A page of runs. `sort`: created_at, name, seconds or a metric key; a leading "-" means descending."""
    from engine.store.runs import list_runs

    return list_runs(
        search=search,
        status=status,
        dataset_id=dataset_id,
        tag=tag,
        sort=sort,
        offset=offset,
        limit=limit,
        deleted=deleted,
    )


def count_runs(
    *, search: str = "", status: RunStatus | None = None, dataset_id: str = "", tag: str = "", deleted: bool = False
) -> int:
    """How many runs `runs` would list over all pages."""
    from engine.store.runs import count_runs as count

    return count(search=search, status=status, dataset_id=dataset_id, tag=tag, deleted=deleted)


def run(run_id: str) -> RunRecord:
    """One run; a unique prefix of its id is enough."""
    from engine.store.runs import get_run

    return get_run(run_id)


def history(run_id: str, *, keys: Sequence[str] | None = None, max_points: int = 2000) -> dict[str, list[MetricPoint]]:
    """The metric curves of a run by key, thinned to `max_points` each (first, last and extremes are kept)."""
    from engine.store.runs import history as read

    return read(run_id, keys=keys, max_points=max_points)


def examples(run_id: str) -> list[ExampleRecord]:
    """The newest best, worst and random validation examples of a run."""
    from engine.store.runs import read_examples

    return read_examples(run_id)


def log(run_id: str, *, last: int = 200) -> list[str]:
    """The newest lines of a run's log."""
    from engine.store.runs import read_log

    return read_log(run_id, last=last)


def update_run(
    run_id: str, *, name: str | None = None, note: str | None = None, tags: Mapping[str, str] | None = None
) -> None:
    """Rename a run, set its note, replace its tags."""
    from engine.store.runs import update_run as write

    write(run_id, name=name, note=note, tags=tags)


def delete_runs(run_ids: Sequence[str]) -> None:
    """Move runs to the bin; `restore_runs` undoes it."""
    from engine.store.runs import delete_runs as delete

    delete(run_ids)


def restore_runs(run_ids: Sequence[str]) -> None:
    """Undo `delete_runs`."""
    from engine.store.runs import restore_runs as restore

    restore(run_ids)


# ---- evaluation ---------------------------------------------------------------------------------------------------
def evaluation(run_id: str, part: str = Part.TEST) -> EvaluationRecord:
    """How good a finished run is on one of its parts, or on a data set it was evaluated on."""
    from engine.store.runs import read_evaluation

    return read_evaluation(run_id, part)


def predictions(run_id: str, part: str = Part.TEST) -> pd.DataFrame:
    """The rows behind an evaluation: row, truth, prediction, loss, and for classes one `p_0`, `p_1`… column each."""
    from engine.store.runs import read_predictions

    return read_predictions(run_id, part)


def evaluated_parts(run_id: str) -> list[str]:
    """The parts and data sets that a run was evaluated on: test and validation first, then the newest."""
    from engine.store.evaluations import evaluated_parts as listed

    return listed(run_id)


def subset_metrics(record: EvaluationRecord, predictions: pd.DataFrame) -> dict[str, float]:
    """The metrics of some rows of `predictions`; what is not defined on them is left out."""
    from engine.evaluation.metrics import subset_metrics as measure

    return measure(predictions, len(record.classes))


def evaluate(run_id: str, dataset_id: str, *, timeout_s: float = 3600.0) -> EvaluationRecord:
    """Evaluate a run on a labelled data set (asked of the engine); `evaluation(run_id, dataset_id)` reads it again."""
    document = {"run_id": run_id, "dataset_id": dataset_id}
    return EvaluationRecord.model_validate(_ask("evaluate", document, timeout_s=timeout_s))


def robustness(run_id: str, part: str = Part.TEST, *, timeout_s: float = 3600.0) -> RobustnessRecord:
    """Accuracy of a classifier under attacks of growing strength (asked of the engine)."""
    return RobustnessRecord.model_validate(_ask("robustness", {"run_id": run_id, "part": part}, timeout_s=timeout_s))


def predict(run_id: str, dataset_id: str) -> pd.DataFrame:
    """Predict every row of a data set (asked of the engine): row, prediction, probability, `p_<class>` columns."""
    import pandas as pd

    answer = _ask("predict", {"run_id": run_id, "dataset_id": dataset_id}, timeout_s=3600)
    return pd.read_parquet(answer["file"])


def _ask(verb: str, document: Mapping[str, Any], *, timeout_s: float = 60.0) -> dict[str, Any]:
    """Ask the engine process and wait for its answer; the same question is answered once and then read from the store.

    Where the time runs out first, EngineError UNAVAILABLE is raised while the question stays asked: a page asks with a
    short time, draws "working…", and finds the answer ready when it asks the same again.
    """
    from engine.jobs.client import ask

    return ask(verb, document, timeout_s=timeout_s)
