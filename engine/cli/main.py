"""Reads the arguments and calls the command. Imports nothing heavy, so that `--help` and `runs` answer at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from engine.cli.output import ERROR, INTERRUPTED, OK, USAGE
from engine.errors import EngineError, ErrorKind

_BAD_INPUT = (ErrorKind.BAD_INPUT, ErrorKind.BAD_DATA, ErrorKind.NOT_FOUND)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 bad usage or input, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.call(options))
    except EngineError as error:
        print(f"engine: {error}", file=sys.stderr)
        return USAGE if error.kind in _BAD_INPUT else ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `engine runs | head`
        sys.stderr.close()
        return OK


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"engine: {message}. Try: python -m engine --help", file=sys.stderr)
        raise SystemExit(USAGE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m engine", description="Lathe on the command line: the same verbs as its pages.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    _add_spec(commands)

    add = commands.add_parser("run", help="train by a document, wait for the end and say how good it is")
    add.add_argument("document", metavar="RUN.JSON", help='the document, or "-" for standard input')
    add.add_argument("--set", metavar="PATH=VALUE", action="append", default=[], dest="changes", help="change a field")
    _json(add)
    add.set_defaults(call=_run)

    _add_search(commands)

    _add_probe(commands)

    for name, about in (("evaluate", "evaluate a run on labelled data"), ("predict", "predict every row of some data")):
        add = commands.add_parser(name, help=about)
        _run_id(add)
        add.add_argument("--data", metavar="DATA", required=True, help="a file, a folder, a sample or a data set")
        if name == "predict":
            output = "a .csv, .parquet or .jsonl file"
            add.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help=output)
        _json(add)
        add.set_defaults(call=_evaluate if name == "evaluate" else _predict)

    add = commands.add_parser("runs", help="list the runs, newest first")
    add.add_argument("--search", default="", help="words that a run must contain")
    add.add_argument("--limit", type=int, default=50, help="how many (default: 50)")
    _json(add)
    add.set_defaults(call=_runs)

    add = commands.add_parser("history", help="write the metric curves of a run as CSV")
    _run_id(add)
    add.add_argument("-o", "--output", metavar="FILE", type=Path, help="where to write (default: standard output)")
    add.set_defaults(call=_history)

    add = commands.add_parser("stop", help="stop a run in good order")
    _run_id(add)
    add.set_defaults(call=_stop)

    add = commands.add_parser("resume", help="go on with a stopped or failed run")
    _run_id(add)
    _json(add)
    add.set_defaults(call=_resume)

    add = commands.add_parser("branch", help="go on from where a run is now with some fields changed, beside it")
    _run_id(add)
    add.add_argument("--set", metavar="PATH=VALUE", action="append", default=[], dest="changes", help="change a field")
    add.add_argument("--no-wait", action="store_true", help="enter it and do not wait for its end")
    _json(add)
    add.set_defaults(call=_branch)

    add = commands.add_parser("serve", help="run the engine until it is stopped (the app starts it by itself)")
    add.add_argument("--parent", metavar="PID", type=int, help="end when this process is gone")
    add.set_defaults(call=_serve)
    return parser


def _add_spec(commands: argparse._SubParsersAction[_Parser]) -> None:
    add = commands.add_parser("spec", help="write a complete document for a data set")
    add.add_argument("data", metavar="DATA", help="a file, a folder, the name of a sample or the id of a data set")
    add.add_argument("--task", help="what is to be learned; inferred where it is not given")
    add.add_argument("--target", metavar="COLUMN", help="the column to predict; inferred where it is not given")
    add.add_argument("--from", metavar="SOURCE", dest="source", help="fine-tune this pretrained model; see: sources")
    add.add_argument("--method", help="what of it learns (default: lora)")
    add.add_argument("-o", "--output", metavar="FILE", type=Path, help="where to write it (default: standard output)")
    add.set_defaults(call=_spec)

    add = commands.add_parser("sources", help="list the pretrained models that can be fine-tuned")
    add.add_argument("--kind", choices=("image", "text", "table"), help="those for one kind of data only")
    add.add_argument("--fetch", metavar="SOURCE", help="download one of them first")
    _json(add)
    add.set_defaults(call=_sources)


def _add_search(commands: argparse._SubParsersAction[_Parser]) -> None:
    add = commands.add_parser("search", help="search for the best settings of a document, on all workers at once")
    add.add_argument("document", metavar="RUN.JSON", help='the document, or "-" for standard input')
    add.add_argument("--space", metavar="SPACE.JSON", type=Path, help="what to search: dimensions, or a whole search")
    add.add_argument("--trials", type=int, help="end after so many trials (0: no limit)")
    add.add_argument("--seconds", type=float, help="end after so much time")
    add.add_argument("--patience", type=int, metavar="TRIALS", help="end when no better one came for so many")
    add.add_argument("--algorithm", choices=("random", "bayesian", "hyperband", "grid"), help="who proposes trials")
    add.add_argument("--workers", type=int, help="how many train at once")
    add.add_argument("--export", metavar="FOLDER", type=Path, help="write trials.csv and a KerasTuner project there")
    _json(add)
    add.set_defaults(call=_search)


def _add_probe(commands: Any) -> None:
    add = commands.add_parser("probe", help="what would a change do? short trainings of both, seed by seed")
    add.add_argument("run", metavar="RUN", help='the id of a run, a file with a document, or "-"')
    add.add_argument("--set", metavar="PATH=VALUE", action="append", default=[], dest="changes", help="change a field")
    add.add_argument("--steps", type=int, default=60, help="of each probe (default: 60)")
    add.add_argument("--seeds", type=int, default=5, help="pairs of probes (default: 5)")
    add.add_argument("--seconds", type=float, default=60.0, help="at most, each probe; 0: no limit (default: 60)")
    _json(add)
    add.set_defaults(call=_probe)


def _run_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the id of a run, or enough of its beginning")


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="end with one line of JSON on standard output")


def _spec(options: argparse.Namespace) -> int:
    from engine.cli.data import write_spec

    return write_spec(
        options.data,
        task=options.task,
        target=options.target,
        output=options.output,
        source=options.source,
        method=options.method,
    )


def _sources(options: argparse.Namespace) -> int:
    from engine.cli.listing import sources

    return sources(kind=options.kind, fetch=options.fetch, as_json=options.json)


def _run(options: argparse.Namespace) -> int:
    from engine.cli.train import run

    return run(options.document, options.changes, as_json=options.json)


def _search(options: argparse.Namespace) -> int:
    from engine.cli.search import search

    return search(
        options.document,
        options.space,
        options={"trials": options.trials, "seconds": options.seconds, "patience_trials": options.patience},
        algorithm=options.algorithm,
        workers=options.workers,
        export=options.export,
        as_json=options.json,
    )


def _probe(options: argparse.Namespace) -> int:
    from engine.cli.probe import probe

    return probe(
        options.run,
        options.changes,
        steps=options.steps,
        seeds=options.seeds,
        seconds=options.seconds,
        as_json=options.json,
    )


def _evaluate(options: argparse.Namespace) -> int:
    from engine.cli.judge import evaluate

    return evaluate(options.run, options.data, as_json=options.json)


def _predict(options: argparse.Namespace) -> int:
    from engine.cli.judge import predict

    return predict(options.run, options.data, options.output, as_json=options.json)


def _runs(options: argparse.Namespace) -> int:
    from engine.cli.listing import runs

    return runs(search=options.search, limit=options.limit, as_json=options.json)


def _history(options: argparse.Namespace) -> int:
    from engine.cli.listing import history

    return history(options.run, options.output)


def _stop(options: argparse.Namespace) -> int:
    from engine.cli.train import stop

    return stop(options.run)


def _resume(options: argparse.Namespace) -> int:
    from engine.cli.train import resume

    return resume(options.run, as_json=options.json)


def _branch(options: argparse.Namespace) -> int:
    from engine.cli.train import branch

    return branch(options.run, options.changes, wait=not options.no_wait, as_json=options.json)


def _serve(options: argparse.Namespace) -> int:
    from engine.jobs.serve import serve

    return serve(parent_pid=options.parent)
