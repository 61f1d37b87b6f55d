"""Design: a proposal that can be changed, a layer editor, one run of one press."""

import pytest

from engine import api
from engine.specs import RunSpec


@pytest.fixture
def cancer() -> str:
    return api.import_sample("breast-cancer").id


def draft(test) -> RunSpec:  # type: ignore[no-untyped-def]
    return api.draft(test.session_state["draft"])


def open_tab(test, title: str):  # type: ignore[no-untyped-def]
    test.session_state["design_tabs"] = title
    return test.run()


def test_without_data_it_sends_to_data(screen) -> None:  # type: ignore[no-untyped-def]
    assert screen("design").button(key="design_empty").label == "Go to Data"


def test_proposes_a_document_for_the_data_set(screen, cancer) -> None:  # type: ignore[no-untyped-def]
    test = screen("design", dataset=cancer)
    assert draft(test) == api.default_spec(cancer)
    assert test.button(key="design_start").label == "Start training"


def test_a_changed_field_becomes_part_of_the_draft(screen, cancer) -> None:  # type: ignore[no-untyped-def]
    test = open_tab(screen("design", dataset=cancer), "Training")
    next(box for box in test.number_input if box.label == "Epochs").set_value(7).run()
    next(box for box in test.text_input if box.label == "Learning rate").set_value("0.02").run()
    assert (draft(test).training.epochs, draft(test).training.optimizer.learning_rate) == (7, 0.02)
    test.button(key="design_reset").click().run()
    assert draft(test) == api.default_spec(cancer)


def test_a_value_out_of_bounds_is_said_beside_the_field_and_not_taken(screen, cancer) -> None:  # type: ignore[no-untyped-def]
    test = open_tab(screen("design", dataset=cancer), "Training")
    before = draft(test)
    next(box for box in test.text_input if box.label == "Learning rate").set_value("-1").run()
    assert any("Must be" in caption.value for caption in test.caption)
    assert draft(test) == before


def test_only_the_open_tab_is_drawn_and_what_was_typed_before_leaving_it_is_kept(screen, cancer) -> None:  # type: ignore[no-untyped-def]
    test = screen("design", dataset=cancer)
    assert not any(box.label == "Epochs" for box in test.number_input)
    open_tab(test, "Training")
    epochs = next(box for box in test.number_input if box.label == "Epochs").set_value(9)
    open_tab(test, "Against overfitting")  # the value and the click arrive together
    assert draft(test).training.epochs == epochs.value == 9
    test.run()
    assert not any(box.label == "Epochs" for box in test.number_input)


def test_every_family_can_be_chosen_and_begins_with_a_preset(screen, cancer) -> None:  # type: ignore[no-untyped-def]
    test = screen("design", dataset=cancer)
    family = next(box for box in test.selectbox if box.label == "Family")
    for kind in ("ft_transformer", "wide_deep"):
        next(box for box in test.selectbox if box.label == "Family").select(kind).run()
        assert draft(test).model.kind == kind
    assert "Own layers" in family.options


def test_layers_are_added_moved_and_deleted(screen, cancer) -> None:  # type: ignore[no-untyped-def]
    test = screen("design", dataset=cancer)
    next(box for box in test.selectbox if box.label == "Family").select("graph").run()
    before = [node.id for node in draft(test).model.nodes]
    test.button(key="design_layers_add").click().run()
    after = [node.id for node in draft(test).model.nodes]
    assert len(after) == len(before) + 1
    new = next(name for name in after if name not in before)
    test.button(key=f"design_layers_{new}_delete").click().run()
    assert [node.id for node in draft(test).model.nodes] == before


def test_two_presses_of_one_form_make_one_run(screen, cancer) -> None:  # type: ignore[no-untyped-def]
    from pages.widgets.tokens import named

    test = screen("design", dataset=cancer)
    spec = named(draft(test))
    token = "one press"
    assert len({api.submit(spec, token=token) for _press in range(2)}) == 1
    assert spec.name.endswith("· " + type(spec.model).label)


def test_what_a_document_refuses_is_one_sentence_and_not_taken(screen, cancer) -> None:  # type: ignore[no-untyped-def]
    from pages.widgets.catalogue import translations

    test = screen("design", dataset=cancer)
    next(box for box in test.selectbox if box.label == "Family").select("ft_transformer").run()
    before = draft(test)
    next(box for box in test.number_input if box.label == "Attention heads").set_value(7).run()
    template = (
        "The width must be a multiple of the heads, got {width} and {heads}. "
        "Take {nearest} heads or a width of {fitting}."
    )
    said = [caption.value for caption in test.caption if ":red[" in caption.value]
    assert any(f"got {before.model.width} and 7" in text for text in said), said
    assert translations("zh_CN").gettext(template) != template
    assert draft(test) == before
