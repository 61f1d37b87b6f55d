"""How large a search is."""

import itertools

import pytest
from search_cases import DROPOUT, RATE, document

from engine.specs.search import HyperbandSearch, SearchSpec
from engine.tuning.sizes import combinations, hyperband_plan, space_size

KINDS = {"kind": "choice", "path": "training.optimizer.kind", "values": ["adam", "sgd", "adamw"]}
MOMENTUM = {
    "kind": "choice",
    "path": "training.optimizer.momentum",
    "values": [0.5, 0.9],
    "when": {KINDS["path"]: ["sgd"]},
}
BLOCKS = {"kind": "int", "path": "model.convolutions", "low": 1, "high": 4}


def test_combinations_count_dependent_fields_only_where_they_are_searched() -> None:
    search = SearchSpec.model_validate({"dimensions": [KINDS, MOMENTUM, BLOCKS]})
    # adam and adamw once each, sgd with two momenta, each with four depths
    assert combinations(search) == (1 + 2 + 1) * 4


def test_a_continuum_has_no_count_but_as_a_grid() -> None:
    search = SearchSpec.model_validate({"dimensions": [RATE, BLOCKS]})
    assert combinations(search) is None
    assert combinations(search, grid=True) == 10 * 4


@pytest.mark.parametrize(("max_epochs", "factor"), list(itertools.product([4, 9, 27, 81], [2, 3])))
@pytest.mark.tensorflow
def test_hyperband_is_planned_as_kerastuner_lays_it_out(max_epochs: int, factor: int) -> None:
    oracles = pytest.importorskip("keras_tuner").oracles
    oracle = oracles.HyperbandOracle(objective="val_loss", max_epochs=max_epochs, factor=factor)
    trials = epochs = 0
    for bracket in range(oracle._get_num_brackets()):
        for turn in range(oracle._get_num_rounds(bracket)):
            size = oracle._get_size(bracket, turn)
            before = oracle._get_epochs(bracket, turn - 1) if turn else 0
            trials += size
            epochs += size * (oracle._get_epochs(bracket, turn) - before)
    assert hyperband_plan(HyperbandSearch(max_epochs=max_epochs, factor=factor)) == (trials, epochs)


def test_the_size_of_a_search_says_what_it_would_take() -> None:
    size = space_size(document({"dimensions": [KINDS, BLOCKS], "repeats": 2, "budget": {"trials": 50}}))
    assert (size.combinations, size.trials, size.runs, size.epochs) == (12, 12, 24, 12 * 2 * 3)
    assert size.problem is None
    assert size.seconds is None  # nothing has been run here


def test_a_problem_is_part_of_the_answer() -> None:
    size = space_size(document({"dimensions": [{**DROPOUT, "high": 5.0}]}))
    assert size.problem is not None
    assert size.field == "dimensions.0"
