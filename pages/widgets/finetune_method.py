"""Method: how much of the body may move, and how it learns; drawn from the document."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.specs import Modality, RunSpec
from pages.widgets import forms, layout
from pages.widgets.text import _

OF_MODEL = ("dropout", "pooling", "quantised", "l2_sp")
OF_TRAINING = ("epochs", "batch_size")


def draw(spec: RunSpec) -> RunSpec:
    """The form; returns the document as edited. Another method brings the learning rate that suits it."""
    layout.section(_("Method"), _("How much of the body may move, and in which way."))
    model = forms.draw(spec.model, key="finetune_method", only=("method",), without=("kind",))
    if model.method.kind != spec.model.method.kind:
        return api.method_document(spec, model.method.kind)
    layout.section(_("Training"))
    training = forms.draw(spec.training, key="finetune_training", only=OF_TRAINING)
    optimizer = forms.draw(spec.training.optimizer, key="finetune_rate", only=("learning_rate",), without=("kind",))
    training = training.model_copy(update={"optimizer": optimizer})
    left_out = set() if spec.data.task.modality is Modality.TEXT else {"pooling"}
    with st.expander(_("More settings of the body and the training"), key="finetune_more"):
        fields = [name for name in OF_MODEL if name not in left_out]
        model = forms.draw(model, key="finetune_body", only=fields, without=("kind",))
        more = ("schedule", "early_stopping", "weight_averaging", "loss")
        training = forms.draw(training, key="finetune_more_training", only=more)
        seeded = forms.draw(spec, key="finetune_seed", only=("seed",))
    return spec.model_copy(update={"model": model, "training": training, "seed": seeded.seed})
