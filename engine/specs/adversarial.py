"""Adversarial training: examples are made as hard as a small change can make them. Add a method: one class here, one
function in `engine.training.adversarial`."""

from typing import ClassVar, Literal

from engine.specs.base import Choice, setting
from engine.specs.task import Modality, Task
from engine.text import N_

# Share of the range of a picture's values (8/255 is usual), deviations of a table's numbers.
_BALL = N_("Largest change of a value: as a share of the range for pictures, in standard deviations for tables.")
_LENGTH = N_("Length of the change of a text's vectors, or of the pixels and numbers of an example, all together.")


class AdversarialSpec(Choice):
    """What the examples of a step are turned into. `modalities`: for which data; `classes_only`: needs classes."""

    modalities: ClassVar[tuple[Modality, ...]] = (Modality.IMAGE, Modality.TABLE, Modality.TEXT)
    classes_only: ClassVar[bool] = False


class NoAdversary(AdversarialSpec):
    """Examples as they are."""

    kind: Literal["none"] = "none"
    label = N_("None")
    summary = N_("Trains on the examples as they are.")


class Fgsm(AdversarialSpec):
    """Fast gradient sign method (Goodfellow et al. 2015): one step of size ε along the sign of the gradient."""

    kind: Literal["fgsm"] = "fgsm"
    label = N_("FGSM")
    summary = N_("One step along the sign of the gradient; half as quick as plain training, and a little robust.")
    modalities = (Modality.IMAGE, Modality.TABLE)
    strength: float = setting(0.03, title=N_("Strength"), ge=0.0, le=10.0, scale="log", live=True, help=_BALL)
    share: float = setting(
        0.5, title=N_("Share of hard examples"), gt=0.0, le=1.0, step=0.1, help=N_("In the loss, beside plain ones.")
    )


class Pgd(AdversarialSpec):
    """Projected gradient descent (Madry et al. 2018): several steps from a random start, kept within the ball."""

    kind: Literal["pgd"] = "pgd"
    label = N_("PGD")
    summary = N_("Several steps from a random start; slow, and the measure of robustness.")
    modalities = (Modality.IMAGE, Modality.TABLE)
    strength: float = setting(0.03, title=N_("Strength"), ge=0.0, le=10.0, scale="log", live=True, help=_BALL)
    steps: int = setting(5, title=N_("Steps"), ge=1, le=100)
    share: float = setting(
        1.0, title=N_("Share of hard examples"), gt=0.0, le=1.0, step=0.1, help=N_("In the loss, beside plain ones.")
    )


class Trades(AdversarialSpec):
    """TRADES (Zhang et al. 2019): the plain loss, and β times how far predictions move within the ball."""

    kind: Literal["trades"] = "trades"
    label = N_("TRADES")
    summary = N_("Weighs accuracy on plain examples against predictions that stay the same nearby.")
    modalities = (Modality.IMAGE, Modality.TABLE)
    classes_only = True
    strength: float = setting(0.03, title=N_("Strength"), ge=0.0, le=10.0, scale="log", live=True, help=_BALL)
    steps: int = setting(5, title=N_("Steps"), ge=1, le=100)
    beta: float = setting(
        6.0, title=N_("Beta"), ge=0.0, le=100.0, help=N_("Weight of staying the same; 1 to 6 in the paper.")
    )


class Fgm(AdversarialSpec):
    """Adversarial training for texts (Miyato et al. 2017): one step of length ε on the vectors of the tokens."""

    kind: Literal["fgm"] = "fgm"
    label = N_("FGM")
    summary = N_("One step on the vectors of the words; often a little better on small text data.")
    modalities = (Modality.TEXT,)
    strength: float = setting(1.0, title=N_("Strength"), ge=0.0, le=100.0, scale="log", live=True, help=_LENGTH)
    share: float = setting(
        0.5, title=N_("Share of hard examples"), gt=0.0, le=1.0, step=0.1, help=N_("In the loss, beside plain ones.")
    )


class FreeLb(AdversarialSpec):
    """FreeLB (Zhu et al. 2020): learns from every point of a climb within the ball, not from its end alone."""

    kind: Literal["freelb"] = "freelb"
    label = N_("FreeLB")
    summary = N_("Learns from every step of a climb on the vectors of the words.")
    modalities = (Modality.TEXT,)
    strength: float = setting(1.0, title=N_("Strength"), ge=0.0, le=100.0, scale="log", live=True, help=_LENGTH)
    steps: int = setting(3, title=N_("Steps"), ge=1, le=20)


class Vat(AdversarialSpec):
    """Virtual adversarial training (Miyato et al. 2018): predictions stay the same where they would change most."""

    kind: Literal["vat"] = "vat"
    label = N_("Virtual (VAT)")
    summary = N_("Smooths predictions in the direction in which they change most; needs no labels for it.")
    classes_only = True
    strength: float = setting(1.0, title=N_("Strength"), ge=0.0, le=100.0, scale="log", live=True, help=_LENGTH)
    weight: float = setting(1.0, title=N_("Weight"), ge=0.0, le=100.0, help=N_("Of the smoothing in the loss."))


def fitting_adversaries(task: Task) -> list[str]:
    """The kinds that fit a task, "none" first."""
    return [
        kind
        for kind, cls in AdversarialSpec.alternatives.items()
        if issubclass(cls, AdversarialSpec)
        and task.modality in cls.modalities
        and (task.is_classification or not cls.classes_only)
    ]
