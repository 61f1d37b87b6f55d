"""Design: choose a family, set its knobs and how it is trained; what it costs is drawn while one edits."""

from __future__ import annotations

import streamlit as st

from engine import api
from engine.specs import RunSpec
from engine.specs.adversarial import fitting_adversaries
from engine.specs.models import families
from engine.specs.training import CLASSIFICATION_LOSSES, REGRESSION_LOSSES
from pages.widgets import data_views, description, finetune_state, forms, layers, layout, state, whatif_state
from pages.widgets.document import document_tab
from pages.widgets.text import _, plain
from pages.widgets.tokens import given_name, named, submit_token, suggested_name


def main() -> None:
    """Draw the screen."""
    with layout.errors_shown("design_error"):
        layout.page_header(_("Design"), _("Choose a model and how it learns. Good settings are filled in already."))
        spec = chosen_draft()
        if spec is None:
            return
        editor, live = st.columns([3, 2], gap="large")
        with editor:
            edited = edit(spec)
        if edited != spec:
            state.put_draft(edited)
        with live:
            start_panel(edited)
            description.follow(edited, key="design_description")


def chosen_draft() -> RunSpec | None:
    """The document in the address, else a fresh one for the data set in the address, else a way to choose one."""
    spec = state.current_draft()
    record = state.current_dataset()
    if spec is not None and (record is None or record.id == spec.data.dataset):
        return spec
    if record is not None:
        state.begin_draft(api.default_spec(record.id))
        return state.current_draft()
    listed = {entry.id: entry for entry in api.datasets()}
    if not listed:
        if layout.empty_state(
            ":material/schema:",
            _("A design begins with data"),
            _("Bring a data set or take a sample; a model that suits it is proposed at once."),
            action=_("Go to Data"),
            key="design_empty",
        ):
            state.go(state.DATA_PAGE)
        return None
    picked = st.selectbox(
        _("Data set"),
        list(listed),
        index=None,
        format_func=lambda dataset_id: data_views.title_of(listed[dataset_id]),
        placeholder=_("Choose a data set"),
        key="design_dataset",
    )
    if picked:
        state.begin_draft(api.default_spec(picked))
        st.rerun()
    return None


def edit(spec: RunSpec) -> RunSpec:
    """The form, in tabs; returns the document as edited."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"{layout.task_icon(spec.data.task)} **{plain(spec.data.name)}** · {_(spec.data.task.label)}")
        if st.button(_("Back to the proposal"), icon=":material/restart_alt:", key="design_reset"):
            default = api.default_spec(spec.data.dataset, task=spec.data.task, target=spec.data.target)
            return default.model_copy(update={"data": spec.data})
    titles = {
        "model": _("Model"),
        "training": _("Training"),
        "regularisation": _("Against overfitting"),
        "document": _("Document"),
    }
    editors = {
        "model": edit_model,
        "training": edit_training,
        "regularisation": edit_regularisation,
        "document": document_tab,
    }
    for name, place in layout.open_tabs(titles, key="design_tabs"):
        with place:
            spec = editors[name](spec)
    return spec


def edit_model(spec: RunSpec) -> RunSpec:
    """Family, size and the family's own fields, or the layer editor."""
    kinds = list(families(spec.data.task.modality))
    cls = type(spec.model)
    if finetune_state.is_tuned(spec):
        return edit_tuned(spec)
    kind = st.selectbox(
        _("Family"),
        kinds,
        index=kinds.index(spec.model.kind),
        format_func=lambda name: _(families(spec.data.task.modality)[name].label),
        key=f"design_family~{spec.model.kind}",
    )
    if kind != spec.model.kind:
        cls = families(spec.data.task.modality)[kind]
        model = layers.starting_graph(spec) if kind == layers.KIND else cls.preset(first_size(cls.presets))
        state.put_draft(spec.model_copy(update={"model": model}))
        st.rerun()
    if cls.summary:
        st.caption(_(cls.summary))
    if kind == layers.KIND:
        return edit_layers(spec)
    model = forms.preset_picker(spec.model, key="design_size")
    return spec.model_copy(update={"model": forms.draw(model, key="design_model", without=("kind",))})


def edit_tuned(spec: RunSpec) -> RunSpec:
    """A model that has learned before has a screen of its own."""
    if layout.empty_state(
        ":material/layers:",
        _("This design fine-tunes a pretrained model"),
        _("Its source and method are chosen on Fine-tune. Training and the document can be changed here too."),
        action=_("Go to Fine-tune"),
        key="design_tuned",
    ):
        finetune_state.open_draft(spec)
    return spec


def edit_layers(spec: RunSpec) -> RunSpec:
    """The layer editor; a layer that came, went or moved is drawn in its new place at once."""
    graph = layers.edit(spec.model, key="design_layers")
    edited = spec.model_copy(update={"model": graph})
    if [node.id for node in graph.nodes] != [node.id for node in spec.model.nodes]:
        state.put_draft(edited)
        st.rerun()
    return edited


def first_size(presets: dict[str, object] | dict[str, dict[str, object]]) -> str:
    """The size that a family begins with: small where there is one."""
    return "small" if "small" in presets else next(iter(presets))


def edit_training(spec: RunSpec) -> RunSpec:
    """How long, how fast, with which loss and optimizer."""
    losses = CLASSIFICATION_LOSSES if spec.data.task.is_classification else REGRESSION_LOSSES
    without = ["augmentation", "early_stopping", "weight_averaging"]
    if not spec.data.task.is_classification:
        without.append("class_weights")
    training = forms.draw(spec.training, key="design_training", without=without, options={"loss": losses})
    seeded = forms.draw(spec, key="design_seed", only=("seed",))
    return spec.model_copy(update={"training": training, "seed": seeded.seed})


def edit_regularisation(spec: RunSpec) -> RunSpec:
    """Early stopping, weight averaging, augmentation, adversarial training."""
    only = ["early_stopping", "weight_averaging"]
    if spec.data.task.modality.value == "image":
        only.append("augmentation")
    options = {"adversarial": fitting_adversaries(spec.data.task)}
    training = forms.draw(spec.training, key="design_regularisation", only=[*only, "adversarial"], options=options)
    return spec.model_copy(update={"training": training})


def start_panel(spec: RunSpec) -> None:
    """The run's name and the button that starts it."""
    with st.container(border=True, key="design_start_box"):
        name = st.text_input(
            _("Name of the run"),
            given_name(spec),
            key="design_name",
            max_chars=200,
            placeholder=suggested_name(spec),
        )
        with st.container(horizontal=True):
            start = st.button(_("Start training"), type="primary", icon=":material/play_arrow:", key="design_start")
            if st.button(
                _("What if?"),
                icon=":material/experiment:",
                key="design_whatif",
                help=_("What if this were changed? Answers in seconds."),
            ):
                whatif_state.open_with(f"{whatif_state.DRAFT_BASE}:{state.get(state.DRAFT)}")
            if st.button(
                _("Check first"), icon=":material/tune:", key="design_to_train", help=_("Find a learning rate.")
            ):
                state.go(state.TRAIN_PAGE, run="")
        if start:
            token = submit_token("design_submit", spec)
            state.go(state.TRAIN_PAGE, run=api.submit(named(spec, name), token=token))


if __name__ == "__main__":
    main()
