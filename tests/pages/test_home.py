"""Home: guides on first use, and shows what there is."""

from engine import api
from engine.specs import RunStatus


def words(test) -> str:  # type: ignore[no-untyped-def]
    return " ".join(
        element.value for kind in (test.markdown, test.caption, test.subheader, test.title) for element in kind
    )


def test_first_use_shows_the_steps_and_samples(screen) -> None:  # type: ignore[no-untyped-def]
    test = screen("home")
    assert "1. Data" in words(test)
    assert "Handwritten digits" in words(test)
    assert "Running and waiting" not in words(test)


def test_speaks_chinese(screen) -> None:  # type: ignore[no-untyped-def]
    test = screen("home", language="zh_CN")
    assert "手写数字" in words(test)
    assert "从示例开始" in words(test)


def test_a_sample_is_one_click_away(screen) -> None:  # type: ignore[no-untyped-def]
    test = screen("home")
    test.button(key="sample_diabetes").click().run()
    assert [record.rows for record in api.datasets()] == [442]


def test_a_waiting_run_is_shown_with_its_state(screen) -> None:  # type: ignore[no-untyped-def]
    record = api.import_sample("diabetes")
    run_id = api.submit(api.default_spec(record.id).model_copy(update={"name": "first try"}))
    assert api.run(run_id).status is RunStatus.SCHEDULED
    said = words(screen("home"))
    assert "Running and waiting" in said
    assert "first try" in said
    assert "Waiting" in said
