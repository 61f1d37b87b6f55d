"""Inception v3 and a small relative."""

from __future__ import annotations

from typing import Any

from keras import layers

from engine.errors import EngineError, ErrorKind
from engine.models.blocks import Style, dropout
from engine.models.registry import Head, Tensors, builder
from engine.specs.models.inception import InceptionSpec
from engine.text import N_

V3_SMALLEST_PX = 75  # below it, an unpadded convolution of the stem has nothing left to slide over


@builder(InceptionSpec)
def build_inception(spec: InceptionSpec, inputs: Tensors, head: Head) -> Any:
    """Stem → modules → mean over the image → outputs."""
    image = inputs["image"]
    x = _Modules(spec).v3(image) if spec.variant == "v3" else _Modules(spec).small(image)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    return head(dropout(x, spec.dropout, name="features_dropout"))


class _Modules:
    """The modules, which share a style and the factor on their channels."""

    def __init__(self, spec: InceptionSpec) -> None:
        self.style = Style.of(spec, normalization="batch")
        self.width = spec.width

    # Each branch of a module is a list of (filters, kernel[, strides[, padding]]).
    def conv(
        self, x: Any, name: str, filters: int, kernel: int | tuple[int, int], strides: int = 1, padding: str = "same"
    ) -> Any:
        """Convolution, normalisation without a scale (the next layer has one), activation."""
        filters = max(1, round(filters * self.width))
        x = self.style.conv(x, filters, kernel, strides=strides, padding=padding, name=f"{name}conv")
        return self.style.act(self.style.norm(x, scale=False, name=f"{name}norm"), name=f"{name}act")

    def chain(self, x: Any, name: str, *steps: tuple[Any, ...]) -> Any:
        """Convolutions one after the other."""
        for index, step in enumerate(steps, start=1):
            x = self.conv(x, f"{name}{index}", *step)
        return x

    def pooled(self, x: Any, name: str, filters: int) -> Any:
        """Mean of 3×3, then a 1×1 convolution."""
        x = layers.AveragePooling2D(3, strides=1, padding="same", name=f"{name}pool")(x)
        return self.conv(x, f"{name}pooled", filters, 1)

    @staticmethod
    def join(name: str, *branches: Any) -> Any:
        """Branches side by side: channels add up."""
        return layers.Concatenate(name=f"{name}join")(list(branches))

    # ---- v3: figures 5 to 7 of the paper, channels as in keras.applications ------------------------------------------
    def v3(self, image: Any) -> Any:
        """299 px → 8×8×2048."""
        _check_size(image)
        x = self.chain(image, "stem1_", (32, 3, 2, "valid"), (32, 3, 1, "valid"), (64, 3))
        x = layers.MaxPooling2D(3, strides=2, name="stem1_pool")(x)
        x = self.chain(x, "stem2_", (80, 1, 1, "valid"), (192, 3, 1, "valid"))
        x = layers.MaxPooling2D(3, strides=2, name="stem2_pool")(x)
        for index, filters in enumerate((32, 64, 64)):
            x = self.module_a(x, f"mixed{index}_", filters)
        x = self.reduce_a(x, "mixed3_")
        for index, filters in enumerate((128, 160, 160, 192), start=4):
            x = self.module_b(x, f"mixed{index}_", filters)
        x = self.reduce_b(x, "mixed8_")
        for index in (9, 10):
            x = self.module_c(x, f"mixed{index}_")
        return x

    def module_a(self, x: Any, name: str, pool_filters: int) -> Any:
        """Figure 5: 1×1, 5×5, twice 3×3, pooling."""
        return self.join(
            name,
            self.chain(x, f"{name}one", (64, 1)),
            self.chain(x, f"{name}five", (48, 1), (64, 5)),
            self.chain(x, f"{name}three", (64, 1), (96, 3), (96, 3)),
            self.pooled(x, name, pool_filters),
        )

    def reduce_a(self, x: Any, name: str) -> Any:
        """35×35 → 17×17."""
        return self.join(
            name,
            self.chain(x, f"{name}one", (384, 3, 2, "valid")),
            self.chain(x, f"{name}three", (64, 1), (96, 3), (96, 3, 2, "valid")),
            layers.MaxPooling2D(3, strides=2, name=f"{name}pool")(x),
        )

    def module_b(self, x: Any, name: str, filters: int) -> Any:
        """Figure 6: 7×7 as 1×7 and 7×1."""
        row, column = (1, 7), (7, 1)
        return self.join(
            name,
            self.chain(x, f"{name}one", (192, 1)),
            self.chain(x, f"{name}seven", (filters, 1), (filters, row), (192, column)),
            self.chain(
                x, f"{name}deep", (filters, 1), (filters, column), (filters, row), (filters, column), (192, row)
            ),
            self.pooled(x, name, 192),
        )

    def reduce_b(self, x: Any, name: str) -> Any:
        """17×17 → 8×8."""
        return self.join(
            name,
            self.chain(x, f"{name}three", (192, 1), (320, 3, 2, "valid")),
            self.chain(x, f"{name}seven", (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2, "valid")),
            layers.MaxPooling2D(3, strides=2, name=f"{name}pool")(x),
        )

    def module_c(self, x: Any, name: str) -> Any:
        """Figure 7: 3×3 spread into 1×3 and 3×1 side by side."""
        row, column = (1, 3), (3, 1)
        three = self.chain(x, f"{name}three", (384, 1))
        deep = self.chain(x, f"{name}deep", (448, 1), (384, 3))
        return self.join(
            name,
            self.chain(x, f"{name}one", (320, 1)),
            self.conv(three, f"{name}threerow", 384, row),
            self.conv(three, f"{name}threecolumn", 384, column),
            self.conv(deep, f"{name}deeprow", 384, row),
            self.conv(deep, f"{name}deepcolumn", 384, column),
            self.pooled(x, name, 192),
        )

    # ---- small: appendix A of Zhang et al. 2017, "Understanding deep learning requires rethinking generalization" ---
    def small(self, image: Any) -> Any:
        """28 to 64 px → a quarter of the size × 336 channels."""
        x = self.chain(image, "stem_", (96, 3))
        x = self.pair(self.pair(x, "mixed1_", 32, 32), "mixed2_", 32, 48)
        x = self.halve(x, "mixed3_", 80)
        for index, (one, three) in enumerate(((112, 48), (96, 64), (80, 80), (48, 96)), start=4):
            x = self.pair(x, f"mixed{index}_", one, three)
        x = self.halve(x, "mixed8_", 96)
        return self.pair(self.pair(x, "mixed9_", 176, 160), "mixed10_", 176, 160)

    def pair(self, x: Any, name: str, one: int, three: int) -> Any:
        """1×1 and 3×3 side by side."""
        return self.join(name, self.chain(x, f"{name}one", (one, 1)), self.chain(x, f"{name}three", (three, 3)))

    def halve(self, x: Any, name: str, filters: int) -> Any:
        """Half the size: a 3×3 convolution that steps by two beside pooling."""
        pooled = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}pool")(x)
        return self.join(name, self.chain(x, f"{name}three", (filters, 3, 2)), pooled)


def _check_size(image: Any) -> None:
    size = min(image.shape[1], image.shape[2])
    if size < V3_SMALLEST_PX:
        raise EngineError(
            ErrorKind.BAD_INPUT,
            N_("Inception v3 needs images of at least {needed} px, got {size} px."),
            hint=N_('Raise the image size, or take the variant "small".'),
            needed=V3_SMALLEST_PX,
            size=size,
        )
