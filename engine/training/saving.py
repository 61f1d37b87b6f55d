"""What a finished run leaves in `model/`: all that is needed to use it, here or elsewhere."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from engine.models.build import build_full
from engine.models.full import can_build_full
from engine.specs import RunSpec
from engine.specs.models.pretrained import PretrainedSpec
from engine.training.checkpoints import disk_error
from engine.training.pipeline import Encoded

MODEL = "model"
CORE = "core.keras"  # encoded rows → logits or a scaled number
FULL = "model.keras"  # raw examples → probabilities or numbers
ENCODER = "encoder"
SPEC = "spec.json"
CLEANER = "cleaner.json"


def save_model(run_dir: Path, spec: RunSpec, core: Any, encoded: Encoded) -> Path:
    """Write `model/` whole or not at all: core, encoder, the model of raw inputs, document and cleaning.

    Raises:
        EngineError: OUT_OF_DISK.
    """
    folder, partial = run_dir / MODEL, run_dir / f".{MODEL}-{os.getpid()}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        if isinstance(spec.model, PretrainedSpec):
            core = _fine_tuned(partial, spec, core)
        core.save(partial / CORE)
        encoded.encoder.save(partial / ENCODER)
        if can_build_full(encoded.encoder):  # core and encoder alone evaluate and predict on every backend
            build_full(core, encoded.encoder).save(partial / FULL)
        (partial / SPEC).write_text(spec.to_json(), encoding="utf-8")
        cleaner = json.dumps(encoded.prepared.cleaner.to_record(), ensure_ascii=False)
        (partial / CLEANER).write_text(cleaner, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise disk_error(error, run_dir) from error
    return folder


def _fine_tuned(partial: Path, spec: RunSpec, core: Any) -> Any:
    """Keep what was learned by itself; the core as it is saved: merged, where that takes no more memory than before."""
    from engine.finetuning.adapters_io import save_adapter
    from engine.finetuning.merging import merged

    save_adapter(partial, spec, core)
    return merged(core) if spec.model.method.merges and spec.model.quantised == "none" else core
