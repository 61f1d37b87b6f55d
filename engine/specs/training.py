"""How a model is trained. Add a loss, optimizer or schedule: one class here, one builder in `engine.training`."""

from typing import Literal

from engine.specs.adversarial import AdversarialSpec, NoAdversary
from engine.specs.base import Choice, Document, one_of, setting
from engine.text import N_


class LossSpec(Choice):
    """What is minimised. `goals` says for which kind of target it works."""


class CrossEntropyLoss(LossSpec):
    """Softmax cross-entropy, with label smoothing (Szegedy et al. 2016)."""

    kind: Literal["cross_entropy"] = "cross_entropy"
    label = N_("Cross-entropy")
    summary = N_("The usual loss for classes.")
    label_smoothing: float = setting(
        0.0,
        title=N_("Label smoothing"),
        live=True,
        ge=0.0,
        le=0.5,
        step=0.01,
        help=N_("Keeps the model from being overconfident."),
    )


class FocalLoss(LossSpec):
    """Focal loss (Lin et al. 2017): cross-entropy × (1 - p)^gamma."""

    kind: Literal["focal"] = "focal"
    label = N_("Focal")
    summary = N_("Turns to hard examples; helps where one class is rare.")
    gamma: float = setting(2.0, title=N_("Gamma"), ge=0.0, le=10.0, step=0.5)
    label_smoothing: float = setting(0.0, title=N_("Label smoothing"), ge=0.0, le=0.5, step=0.01, live=True)


class MeanSquaredErrorLoss(LossSpec):
    """Mean squared error."""

    kind: Literal["mse"] = "mse"
    label = N_("Squared error")
    summary = N_("The usual loss for numbers; large errors weigh most.")


class MeanAbsoluteErrorLoss(LossSpec):
    """Mean absolute error."""

    kind: Literal["mae"] = "mae"
    label = N_("Absolute error")
    summary = N_("Robust against outliers; predicts the median.")


class HuberLoss(LossSpec):
    """Huber loss (Huber 1964)."""

    kind: Literal["huber"] = "huber"
    label = N_("Huber")
    summary = N_("Squared near zero, absolute beyond delta.")
    delta: float = setting(
        1.0, title=N_("Delta"), gt=0.0, le=100.0, scale="log", help=N_("In standard deviations of the target.")
    )


CLASSIFICATION_LOSSES = ("cross_entropy", "focal")
REGRESSION_LOSSES = ("mse", "mae", "huber")


class OptimizerSpec(Choice):
    """How weights follow the gradient."""

    learning_rate: float = setting(
        1e-3,
        title=N_("Learning rate"),
        gt=0.0,
        le=10.0,
        scale="log",
        live=True,
        help=N_("The size of a step. Too high diverges, too low crawls; the finder on Train suggests one."),
    )


class Sgd(OptimizerSpec):
    """Stochastic gradient descent with momentum."""

    kind: Literal["sgd"] = "sgd"
    label = N_("SGD with momentum")
    learning_rate: float = setting(0.05, title=N_("Learning rate"), gt=0.0, le=10.0, scale="log", live=True)
    momentum: float = setting(0.9, title=N_("Momentum"), ge=0.0, lt=1.0, step=0.01)
    nesterov: bool = setting(True, title=N_("Nesterov"), advanced=True)
    weight_decay: float = setting(0.0, title=N_("Weight decay"), ge=0.0, le=1.0, scale="log", live=True)


class Adam(OptimizerSpec):
    """Adam (Kingma & Ba 2015)."""

    kind: Literal["adam"] = "adam"
    label = N_("Adam")
    beta_1: float = setting(0.9, title=N_("Beta 1"), ge=0.0, lt=1.0, advanced=True)
    beta_2: float = setting(0.999, title=N_("Beta 2"), ge=0.0, lt=1.0, advanced=True)


class AdamW(OptimizerSpec):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    kind: Literal["adamw"] = "adamw"
    label = N_("AdamW")
    summary = N_("Adam with decoupled weight decay; a good first choice.")
    weight_decay: float = setting(1e-4, title=N_("Weight decay"), ge=0.0, le=1.0, scale="log", live=True)
    beta_1: float = setting(0.9, title=N_("Beta 1"), ge=0.0, lt=1.0, advanced=True)
    beta_2: float = setting(0.999, title=N_("Beta 2"), ge=0.0, lt=1.0, advanced=True)


class RmsProp(OptimizerSpec):
    """RMSprop (Tieleman & Hinton 2012)."""

    kind: Literal["rmsprop"] = "rmsprop"
    label = N_("RMSprop")
    rho: float = setting(0.9, title=N_("Rho"), ge=0.0, lt=1.0, advanced=True)
    momentum: float = setting(0.0, title=N_("Momentum"), ge=0.0, lt=1.0, advanced=True)


class Lion(OptimizerSpec):
    """Lion (Chen et al. 2023)."""

    kind: Literal["lion"] = "lion"
    label = N_("Lion")
    learning_rate: float = setting(1e-4, title=N_("Learning rate"), gt=0.0, le=10.0, scale="log", live=True)
    weight_decay: float = setting(1e-3, title=N_("Weight decay"), ge=0.0, le=1.0, scale="log", live=True)


class ScheduleSpec(Choice):
    """How the learning rate moves over the run; each begins with a linear warm-up of `warmup_fraction`."""

    warmup_fraction: float = setting(
        0.0,
        title=N_("Warm-up"),
        ge=0.0,
        le=0.5,
        step=0.01,
        help=N_("Share of all steps in which the rate rises from 0."),
    )


class ConstantSchedule(ScheduleSpec):
    """The same rate throughout."""

    kind: Literal["constant"] = "constant"
    label = N_("Constant")


class CosineSchedule(ScheduleSpec):
    """Half a cosine down to `final_fraction` (Loshchilov & Hutter 2017)."""

    kind: Literal["cosine"] = "cosine"
    label = N_("Cosine")
    summary = N_("Falls along half a cosine; a good first choice.")
    final_fraction: float = setting(0.01, title=N_("Final share of the rate"), ge=0.0, le=1.0, advanced=True)


class StepSchedule(ScheduleSpec):
    """The rate is multiplied by `factor` every `every_fraction` of the run."""

    kind: Literal["step"] = "step"
    label = N_("Step decay")
    factor: float = setting(0.1, title=N_("Factor"), gt=0.0, lt=1.0)
    every_fraction: float = setting(0.33, title=N_("Every share of the run"), gt=0.0, le=1.0)


class OneCycleSchedule(ScheduleSpec):
    """One cycle (Smith & Topin 2019): up to the rate at `peak_fraction`, then down to a thousandth."""

    kind: Literal["one_cycle"] = "one_cycle"
    label = N_("One cycle")
    peak_fraction: float = setting(0.3, title=N_("Peak at"), gt=0.0, lt=1.0, step=0.05)


class EarlyStopping(Document):
    """Stop where validation no longer gets better, and take the best weights."""

    enabled: bool = setting(True, title=N_("Early stopping"))
    patience_epochs: int = setting(5, title=N_("Patience"), unit="epochs", ge=1, le=1000, when={"enabled": (True,)})
    min_delta: float = setting(0.0, title=N_("Smallest gain"), ge=0.0, le=1.0, advanced=True, when={"enabled": (True,)})
    monitor: Literal["auto", "loss", "metric"] = setting(
        "auto",
        title=N_("Best by"),
        advanced=True,
        help=N_("What makes an epoch the best: validation loss, or accuracy (RMSE for numbers). Auto: by size."),
    )
    restore_best: bool = setting(
        True, title=N_("Take the best weights"), help=N_("Of the epoch with the best validation result.")
    )


class Augmentation(Document):
    """Random changes of train images. Flips only where left and right mean the same."""

    horizontal_flip: bool = setting(False, title=N_("Mirror"))
    vertical_flip: bool = setting(False, title=N_("Upside down"), advanced=True)
    shift_fraction: float = setting(0.0, title=N_("Shift"), ge=0.0, le=0.5, step=0.01)
    rotation_degrees: float = setting(0.0, title=N_("Rotate"), unit="°", ge=0.0, le=180.0, step=1.0)
    zoom_fraction: float = setting(0.0, title=N_("Zoom"), ge=0.0, le=0.5, step=0.01)
    contrast_fraction: float = setting(0.0, title=N_("Contrast"), ge=0.0, le=0.9, step=0.05)
    brightness_fraction: float = setting(0.0, title=N_("Brightness"), ge=0.0, le=0.9, step=0.05)


class TrainingSpec(Document):
    """The fit itself."""

    epochs: int = setting(20, title=N_("Epochs"), ge=1, le=10_000, help=N_("Passes over the train part."))
    batch_size: int = setting(
        64,
        title=N_("Batch size"),
        unit="examples",
        ge=1,
        le=4096,
        scale="log",
        help=N_("Examples a step. Lower it to save memory, raise it to keep a GPU busy."),
    )
    max_steps: int = setting(
        0,
        title=N_("Most steps"),
        unit="steps",
        ge=0,
        le=10_000_000,
        help=N_("Ends the run after this many steps where its epochs would take longer. 0: none."),
        advanced=True,
    )
    max_train_time_s: float = setting(
        0.0,
        title=N_("Time limit"),
        unit="s",
        ge=0.0,
        le=30 * 24 * 3600.0,
        help=N_("Ends the run in good order after this much training. 0: none."),
        advanced=True,
    )
    loss: one_of(LossSpec) = setting(CrossEntropyLoss(), title=N_("Loss"))  # type: ignore[valid-type]
    class_weights: Literal["none", "balanced"] = setting(
        "none", title=N_("Class weights"), help=N_("Balanced: rare classes weigh more, by their inverse share.")
    )
    class_weight_strength: float = setting(
        1.0,
        title=N_("Strength of the weights"),
        ge=0.0,
        le=1.0,
        step=0.1,
        when={"class_weights": ("balanced",)},
        advanced=True,
        help=N_("1: the inverse share itself. Less: a power of it, so that rare classes weigh less. 0: all the same."),
    )
    optimizer: one_of(OptimizerSpec) = setting(AdamW(), title=N_("Optimizer"))  # type: ignore[valid-type]
    schedule: one_of(ScheduleSpec) = setting(CosineSchedule(warmup_fraction=0.05), title=N_("Schedule"))  # type: ignore[valid-type]
    clip_norm: float = setting(
        1.0,
        title=N_("Gradient clipping"),
        live=True,
        ge=0.0,
        le=1000.0,
        help=N_("Largest global gradient norm. 0: none."),
        advanced=True,
    )
    weight_averaging: float = setting(
        0.0,
        title=N_("Weight averaging"),
        ge=0.0,
        le=0.9999,
        advanced=True,
        help=N_("Momentum of a moving average of the weights that validates and is saved. 0: none."),
    )
    frozen_layers: int = setting(
        0,
        title=N_("Frozen layers"),
        ge=0,
        le=1000,
        advanced=True,
        help=N_("So many of the first layers with weights stay as they are; the others are trained. 0: none."),
    )
    early_stopping: EarlyStopping = setting(EarlyStopping(), title=N_("Early stopping"))
    augmentation: Augmentation = setting(Augmentation(), title=N_("Augmentation"))
    adversarial: one_of(AdversarialSpec) = setting(NoAdversary(), title=N_("Adversarial training"))  # type: ignore[valid-type]
    precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = setting(
        "auto",
        title=N_("Number precision"),
        advanced=True,
        help=N_("Auto: mixed where the GPU is made for it, float32 elsewhere."),
    )
    steps_per_execution: int = setting(
        0,
        title=N_("Steps per call"),
        ge=0,
        le=1024,
        advanced=True,
        help=N_("Steps run in one call of the compiled program. 0: chosen by Lathe."),
    )
    checkpoint_every_s: float = setting(
        15.0,
        title=N_("Checkpoint every"),
        unit="s",
        ge=0.0,
        le=24 * 3600.0,
        advanced=True,
        help=N_("At most this much work is lost when a machine fails. 0: after every epoch only."),
    )
