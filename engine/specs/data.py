"""Which data, what is to be learned from them, how they are cleaned, divided and turned into tensors."""

from typing import Literal

from pydantic import model_validator

from engine.specs.base import Choice, Document, one_of, refusal, setting
from engine.specs.cleaning import CleaningStep
from engine.specs.finetuning import SOURCE_PATTERN
from engine.specs.split import SplitSpec, StratifiedSplit
from engine.specs.task import Modality, Task
from engine.text import N_


class PreprocessingSpec(Choice):
    """How raw examples become tensors. What it learns is learned from the train part and saved in the model, or taken
    over from the source of a pretrained model, whose body knows no other numbers."""

    learned_from: str = setting(
        "",
        title=N_("Taken over from"),
        hidden=True,
        pattern=SOURCE_PATTERN,
        help=N_("The pretrained source whose tokenizer, bins or scales are used. Empty: learned from the train part."),
    )


class ImagePreprocessing(PreprocessingSpec):
    """Resize to one size, one colour mode, values of 0 to 255 as float."""

    kind: Literal["image"] = "image"
    label = N_("Images")
    image_size_px: int = setting(
        32,
        title=N_("Image size"),
        unit="px",
        ge=8,
        le=512,
        step=4,
        help=N_("Every image is resized to this square. Half the size is about four times quicker."),
    )
    colour: Literal["grey", "rgb"] = setting("rgb", title=N_("Colour"))
    keep_aspect_ratio: bool = setting(
        False, title=N_("Keep aspect ratio"), advanced=True, help=N_("Pads the shorter side instead of stretching it.")
    )


class TextPreprocessing(PreprocessingSpec):
    """Split into tokens, look them up, cut or pad to one length; beside it, hashed n-grams for the wide part."""

    kind: Literal["text"] = "text"
    label = N_("Texts")
    tokens: Literal["words", "characters"] = setting(
        "words",
        title=N_("Tokens"),
        help=N_("Words for languages with spaces; characters for Chinese (each Chinese character is a token)."),
    )
    lowercase: bool = setting(True, title=N_("Lower case"))
    vocabulary_size: int = setting(20_000, title=N_("Vocabulary"), unit="tokens", ge=100, le=200_000, scale="log")
    sequence_length: int = setting(128, title=N_("Length"), unit="tokens", ge=4, le=2048, scale="log")
    ngrams: int = setting(
        2,
        title=N_("Longest n-gram"),
        ge=0,
        le=5,
        help=N_("Runs of up to n tokens feed a linear part beside the deep one, as in TF-IDF models. 0 turns it off."),
    )
    ngram_features: int = setting(30_000, title=N_("N-gram features"), ge=1_000, le=200_000, scale="log", advanced=True)
    ngram_weights: Literal["naive_bayes", "tf_idf"] = setting(
        "naive_bayes",
        title=N_("N-gram weights"),
        advanced=True,
        help=N_(
            "By how differently the classes use an n-gram (Wang & Manning 2012), or by how rare it is among the texts."
        ),
    )


class TablePreprocessing(PreprocessingSpec):
    """Numbers standardised after a quantile transform, with a flag where missing; categories looked up."""

    kind: Literal["table"] = "table"
    label = N_("Tables")
    number_encoding: Literal["standard", "quantile", "piecewise_linear"] = setting(
        "piecewise_linear",
        title=N_("Numbers"),
        help=N_(
            "Piecewise linear encoding over quantile bins (Gorishniy et al. 2022) lets a network bend as trees do."
        ),
    )
    bins: int = setting(16, title=N_("Quantile bins"), ge=2, le=128, when={"number_encoding": ("piecewise_linear",)})
    rare_category_count: int = setting(
        2,
        title=N_("Rare below"),
        unit="rows",
        ge=1,
        le=1000,
        advanced=True,
        help=N_("Values seen in fewer train rows share one entry, which also stands for values never seen."),
    )
    target_transform: Literal["standard", "log", "quantile_normal"] = setting(
        "standard", title=N_("Target"), advanced=True, help=N_("How the number to be predicted is scaled for training.")
    )


PREPROCESSING_OF = {
    Modality.IMAGE: ImagePreprocessing,
    Modality.TEXT: TextPreprocessing,
    Modality.TABLE: TablePreprocessing,
}


class DataSpec(Document):
    """The data of a run."""

    dataset: str = setting(title=N_("Data set"), hidden=True, pattern=r"^[0-9a-f]{16}$")
    name: str = setting("", title=N_("Name"), hidden=True, max_length=200)
    task: Task = setting(title=N_("Task"))
    target: str = setting("label", title=N_("Target"), help=N_("The column that is to be predicted."))
    inputs: tuple[str, ...] = setting(
        (), title=N_("Inputs"), help=N_("The columns to predict from. Empty: all that are worth learning from.")
    )
    cleaning: tuple[one_of(CleaningStep), ...] = setting((), title=N_("Cleaning"))  # type: ignore[valid-type]
    split: one_of(SplitSpec) = setting(StratifiedSplit(), title=N_("Split"))  # type: ignore[valid-type]
    train_fraction: float = setting(
        1.0,
        title=N_("Share of the train part"),
        gt=0.0,
        le=1.0,
        step=0.05,
        advanced=True,
        help=N_("Train on a share of the rows, to see what more data would bring."),
    )
    preprocessing: one_of(PreprocessingSpec) = setting(title=N_("Preprocessing"))  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _preprocessing_fits_task(self) -> "DataSpec":
        expected = PREPROCESSING_OF[self.task.modality]
        if not isinstance(self.preprocessing, expected):
            raise refusal(
                N_("The preprocessing must be of kind {expected} for the task {task}, got {given}."),
                expected=self.task.modality.value,
                task=self.task.value,
                given=self.preprocessing.kind,
            )
        return self
