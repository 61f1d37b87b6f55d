import pytest

from engine.specs import RunSpec
from engine.specs.models import families
from engine.specs.task import Modality
from engine.tuning.presets import presets_of
from engine.tuning.space import check

TASKS = {
    Modality.IMAGE: ("image_classification", "cross_entropy"),
    Modality.TEXT: ("text_classification", "cross_entropy"),
    Modality.TABLE: ("table_regression", "mse"),
}


@pytest.mark.parametrize("modality", list(Modality))
def test_every_family_has_presets_that_can_start(modality: Modality) -> None:
    task, loss = TASKS[modality]
    for kind in families(modality):
        data = {"dataset": "0" * 16, "task": task, "preprocessing": {"kind": modality.value}}
        model: dict[str, object] = {"kind": kind}
        if kind == "graph":
            continue  # its layers are edited one by one
        spec = RunSpec.parse({"data": data, "model": model, "training": {"loss": {"kind": loss}}})
        presets = presets_of(spec)
        assert {"essentials", "optimizer"} <= {preset.id for preset in presets}, kind
        for preset in presets:
            check(spec.edit({"search": preset.search}))
