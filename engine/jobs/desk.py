"""The desk: a warm process that answers what pages ask (how large is this model, what does the model see…)."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import EngineError
from engine.jobs.worker import as_engine_error, end_with, whoami

# verb -> "module:function"; each takes the question's document as keywords and returns plain JSON.
QUICK_VERBS = {
    "describe": "engine.jobs.answers:describe",
    "preview_batch": "engine.jobs.answers:preview_batch",
    "same_weights": "engine.jobs.answers:same_weights",
}
SLOW_VERBS = {
    "find_learning_rate": "engine.jobs.answers:find_learning_rate",
    "evaluate": "engine.jobs.answers:evaluate",
    "predict": "engine.jobs.answers:predict",
    "robustness": "engine.jobs.answers:robustness",
}
# Sliders and live screens ask these every second; they neither wait for a model to be built nor hold one up.
FORETELLING_VERBS = {
    "forecast": "engine.jobs.answers:forecast",
    "predict_effect": "engine.jobs.answers:predict_effect",
    "scaling": "engine.jobs.answers:scaling",
    "estimate": "engine.jobs.answers:estimate",
}
# Each lane answers one question at a time, so that a long prediction never keeps a form waiting.
LANES: dict[str, dict[str, str]] = {"quick": QUICK_VERBS, "slow": SLOW_VERBS, "foretelling": FORETELLING_VERBS}


class Desk:
    """The Ray actor that answers; see `engine.jobs.dispatcher` for the other side."""

    def __init__(self, environment: Mapping[str, str], engine: tuple[str, int, float], verbs: Mapping[str, str]):
        import os

        os.environ.update(environment)
        end_with(engine)
        self._verbs = {**QUICK_VERBS, **SLOW_VERBS, **FORETELLING_VERBS, **verbs}
        self._light = bool(verbs)

    def warm_up(self) -> dict[str, Any]:
        """Import what answers need; says who this is."""
        from engine.jobs.warmth import warm_up

        device = warm_up(training=not self._light)
        if not self._light:
            from engine.models import speed

            speed.calibrate()  # once a machine: without it, Design knows no time before the first run has ended
        return whoami() | {"device": device}

    def answer(self, verb: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """{"answer": …} or {"error": EngineError.to_record()}."""
        try:
            module, function = self._verbs[verb].split(":")
            answer: Callable[..., Mapping[str, Any]] = getattr(importlib.import_module(module), function)
            return {"answer": dict(answer(**document))}
        except EngineError as error:
            return {"error": error.to_record()}
        except Exception as error:  # noqa: BLE001 - the border of the process: a person gets a sentence
            traceback.print_exc()
            return {"error": as_engine_error(error).to_record()}
