"""Methods side by side: the same source, data, split and seeds, one run a method and seed.

A comparison is nothing but its runs: each carries the tag `methods` with the comparison's id, and all figures are read
from them. Light: called in the page process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from statistics import fmean

from engine.errors import EngineError, ErrorKind
from engine.specs import RunSpec, RunStatus
from engine.specs.finetuning import MethodSpec
from engine.specs.finetuning_records import MethodComparison, MethodRuns
from engine.specs.models import PretrainedSpec
from engine.specs.records import RunRecord
from engine.store.artifacts import read_costs
from engine.store.finetuning import has_record, read_record
from engine.store.runs import get_run, list_runs, update_run
from engine.text import N_

TAG = "methods"
MOST_RUNS = 60
MOST_LISTED = 500  # runs looked through for earlier comparisons


def compare_methods(spec: RunSpec, methods: Sequence[str], *, seeds: int, token: str = "") -> str:
    """Enter one run for each method and seed; returns the comparison's id. The same `token` enters nothing twice.

    Each method gets the settings that suit it (its own, and its learning rate), as `tuned_spec` has them; what stands
    in the document itself is kept for the method that it names. Data, split, epochs and batch size are the document's.

    Args:
        spec: a document with a pretrained model.
        methods: kinds, each once.
        seeds: runs a method; the seeds count on from the document's.
        token: of the press of the button.

    Raises:
        EngineError: BAD_INPUT where there is nothing to compare, and what `tuned_spec` says of a method that does not
            fit; nothing is entered then.
    """
    from engine.jobs.client import submit

    wanted = list(dict.fromkeys(methods))
    if not isinstance(spec.model, PretrainedSpec) or not wanted or not 1 <= seeds * len(wanted) <= MOST_RUNS:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("A comparison needs a pretrained model and 1 to {most} runs, got {runs}."),
            hint=N_("Choose a source and fewer methods or seeds."),
            most=MOST_RUNS,
            runs=seeds * len(wanted),
        )
    documents = [document_for(spec, kind) for kind in wanted]
    key = json.dumps([spec.digest(), wanted, seeds, token])
    comparison = hashlib.sha256(key.encode()).hexdigest()[:8]
    for document in documents:
        method = document.model.method
        for seed in range(spec.seed, spec.seed + seeds):
            name = f"{document.data.name} · {method.label} · {seed}"[:200]
            one = document.model_copy(update={"seed": seed, "name": name, "search": None})
            run = submit(one, token=f"{token or comparison}/{method.kind}/{seed}")
            update_run(run, tags={**get_run(run).tags, TAG: comparison})
    return comparison


def document_for(spec: RunSpec, kind: str) -> RunSpec:
    """The document with another method, and the learning rate that suits it."""
    from engine.finetuning.defaults import tuned_spec

    model = spec.model
    if model.method.kind == kind:
        return spec
    suited = tuned_spec(model.source, spec.data.dataset, method=kind, task=spec.data.task, target=spec.data.target)
    optimizer = suited.training.optimizer
    return spec.model_copy(
        update={
            "model": model.model_copy(update={"method": suited.model.method}),
            "training": spec.training.model_copy(update={"optimizer": optimizer}),
        }
    )


def comparison(comparison_id: str) -> MethodComparison:
    """A comparison as far as its runs have come.

    Raises:
        EngineError: NOT_FOUND where there are no runs of it.
    """
    runs = list_runs(tag=f"{TAG}={comparison_id}", sort="created_at", limit=MOST_RUNS)
    if not runs:
        raise EngineError(
            ErrorKind.NOT_FOUND,
            N_("There is no comparison {id}."),
            hint=N_("Its runs were deleted, or the address is not whole."),
            id=comparison_id,
        )
    return _of(comparison_id, runs)


def comparisons() -> list[MethodComparison]:
    """All comparisons of the workspace, newest first."""
    found: dict[str, list[RunRecord]] = {}
    for run in list_runs(tag=TAG, limit=MOST_LISTED):
        found.setdefault(run.tags[TAG], []).append(run)
    return [_of(key, sorted(runs, key=lambda run: run.created_at)) for key, runs in found.items() if key]


def _of(comparison_id: str, runs: Sequence[RunRecord]) -> MethodComparison:
    first = runs[0].spec
    objective = "accuracy" if first.data.task.is_classification else "rmse"
    finished = [run for run in runs if run.status is RunStatus.FINISHED]
    tested = all(f"test/{objective}" in run.metrics for run in finished)
    metric = f"{'test' if tested else 'val'}/{objective}"
    kinds = list(dict.fromkeys(_kind(run) for run in runs))
    return MethodComparison(
        id=comparison_id,
        source=getattr(first.model, "source", ""),
        dataset=first.data.dataset,
        dataset_name=runs[0].dataset_name,
        created_at=min(run.created_at for run in runs),
        metric=metric,
        methods=tuple(_method(kind, [run for run in runs if _kind(run) == kind], metric) for kind in kinds),
    )


def _kind(run: RunRecord) -> str:
    return str(run.spec.model.method.kind) if isinstance(run.spec.model, PretrainedSpec) else run.spec.model.kind


def _method(kind: str, runs: Sequence[RunRecord], metric: str) -> MethodRuns:
    runs = sorted(runs, key=lambda run: run.spec.seed)
    finished = [run for run in runs if run.status is RunStatus.FINISHED and metric in run.metrics]
    known = [read_record(run.id) for run in finished if has_record(run.id)]
    costs = [cost for run in finished if (cost := read_costs(run.id).measured) is not None]
    spec = MethodSpec.alternatives.get(kind)
    return MethodRuns(
        method=kind,
        label=spec.label if spec is not None else kind,
        runs=tuple(run.id for run in runs),
        seeds=tuple(run.spec.seed for run in runs),
        waiting=sum(not run.status.is_over for run in runs),
        failed=sum(run.status in (RunStatus.FAILED, RunStatus.KILLED) for run in runs),
        scores=tuple(run.metrics[metric] for run in finished),
        trainable_parameters=known[0].trainable_parameters if known else 0,
        parameters=known[0].parameters if known else 0,
        step_bytes=known[0].step_bytes if known else 0,
        memory_bytes=max((cost.gpu_memory_bytes or cost.memory_bytes for cost in costs), default=0.0),
        seconds=fmean(cost.seconds for cost in costs) if costs else 0.0,
    )
