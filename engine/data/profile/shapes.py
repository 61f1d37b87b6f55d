"""The shape of a profile: plain JSON, drawn by the Data page. `Profile` is the whole."""

from typing import Any, NotRequired, TypedDict


class Histogram(TypedDict):
    """Counts over neighbouring bins. Rows outside of the edges (far outliers) are counted in `below` and `above`."""

    edges: list[float]  # (bins + 1,), ascending; of dates in Unix seconds
    counts: list[int]  # (bins,), at most 40
    below: int
    above: int


class ColumnProfile(TypedDict):
    """One column. What does not apply to its kind is not there."""

    name: str
    kind: str  # a ColumnKind
    missing: int  # rows without a value
    distinct: int  # exact up to a million rows, within about 2 % beyond
    is_target: bool
    association: NotRequired[float]  # with the target, 0 (none) to 1
    association_method: NotRequired[str]  # "correlation", "correlation_ratio", "cramers_v"
    correlation: NotRequired[float]  # signed Pearson correlation, between two numbers
    mutual_information: NotRequired[float]  # share of the target's entropy that the column explains, 0 to 1
    min: NotRequired[float | str]  # numbers; ISO dates
    max: NotRequired[float | str]
    mean: NotRequired[float]
    std: NotRequired[float]  # of the sample (n - 1), as pandas has it
    quantiles: NotRequired[dict[str, float]]  # "0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99"
    outliers: NotRequired[int]  # rows beyond 1.5 quartile ranges from the quartiles (Tukey 1977)
    histogram: NotRequired[Histogram]  # numbers and dates
    top: NotRequired[list[tuple[str, int]]]  # most frequent values of categories, at most 20
    other: NotRequired[int]  # rows with another value than those
    mean_characters: NotRequired[float]  # texts


class Correlations(TypedDict):
    """Pearson correlations between the numbers of a table, at most 25 of them."""

    names: list[str]
    values: list[list[float]]  # (names, names)


class Groups(TypedDict):
    """Examples that are the same."""

    groups: int
    rows: int  # how many rows could go so that one of each group stays
    conflicting: int  # groups whose members have different targets
    examples: list[list[int]]  # row numbers, up to 12 groups of up to 6 rows


class Duplicates(TypedDict):
    """Examples that stand there more than once: by content for images and texts, by all columns but identifiers for
    tables."""

    looked_at: int  # rows that were compared; fewer than all in large sets
    exact: Groups
    near: NotRequired[Groups]  # images and texts; holds the exact ones too
    exact_across_parts: NotRequired[Groups]  # where the data came in parts
    near_across_parts: NotRequired[Groups]


class ImagesProfile(TypedDict):
    """What pictures look like."""

    looked_at: int
    sizes: list[dict[str, int]]  # {"width", "height", "count"}, most frequent first, at most 30
    distinct_sizes: int
    modes: dict[str, int]  # as stored: L, RGB, P, RGBA, CMYK…
    unreadable: int
    examples: dict[str, list[int]]  # class → row numbers for the grid, up to 12
    mean_images: dict[str, str]  # class → PNG of its mean image, base64, up to 30 classes
    brightness: Histogram  # mean grey of each picture, 0 to 255
    dark: int  # pictures that are nearly black
    bright: int  # pictures that are nearly white


class TextsProfile(TypedDict):
    """What texts look like."""

    looked_at: int
    columns: list[str]  # joined to one text each
    tokens: str  # "words" or "characters"
    empty: int
    characters: Histogram
    token_counts: Histogram
    length_quantiles: dict[str, float]  # in tokens; keys as in ColumnProfile
    scripts: dict[str, float]  # share of letters, largest first
    telling_words: dict[str, list[tuple[str, float]]]  # class → words and their z-scores, strongest first
    samples: list[dict[str, Any]]  # {"row", "text", "label"}


class Profile(TypedDict):
    """What a data set looks like, as `engine.api.profile` gives it."""

    version: int
    dataset: str
    target: str
    modality: str
    rows: int
    sampled_rows: int  # rows from which associations were computed
    columns: list[ColumnProfile]  # in the order of the data, the column of the parts left out
    classes: dict[str, int]  # of the target where it is a category, most frequent first, at most 1,000
    parts: dict[str, dict[str, int]]  # given part → class → rows ("" where the target is a number)
    correlations: NotRequired[Correlations]
    duplicates: Duplicates
    images: NotRequired[ImagesProfile]
    texts: NotRequired[TextsProfile]
    seconds: float
