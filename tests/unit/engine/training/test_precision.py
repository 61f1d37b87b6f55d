"""The policy follows the card."""

import pytest

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(
    ("precision", "capability", "expected"),
    [
        ("auto", None, "float32"),
        ("auto", (6, 1), "float32"),  # Pascal has no tensor cores
        ("auto", (7, 5), "mixed_float16"),  # Turing
        ("auto", (8, 0), "mixed_bfloat16"),  # Ampere
        ("auto", (9, 0), "mixed_bfloat16"),  # Hopper
        ("float32", (9, 0), "float32"),
        ("mixed_float16", None, "mixed_float16"),
    ],
)
def test_choice(precision: str, capability: tuple[int, int] | None, expected: str) -> None:
    from engine.training.precision import choose_policy

    assert choose_policy(precision, capability) == expected


def test_the_policy_is_put_back() -> None:
    import keras

    from engine.training.precision import policy

    before = keras.config.dtype_policy().name
    with policy("mixed_bfloat16") as name:
        assert keras.config.dtype_policy().name == name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == before
