"""Finished runs without an engine: the job runs in this process and its end is written to the store."""

from engine.specs import RunSpec, RunStatus
from engine.store import queue
from engine.store.home import run_dir
from engine.store.runs import add_run
from engine.training.context import LocalContext, Outcome


def finished_run(spec: RunSpec, dataset_name: str = "") -> str:
    """Do a document here and return the id of its run."""
    from engine.training.job import execute

    run_id = add_run(spec, dataset_name=dataset_name)
    claim = queue.claim_next()
    assert claim is not None
    assert claim.run_id == run_id
    assert execute(spec, LocalContext(run_dir(run_id))) is Outcome.FINISHED
    queue.finish(claim, RunStatus.FINISHED)
    return run_id
