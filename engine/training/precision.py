"""How numbers are kept and which devices compute: float32 on processors, mixed on cards that are made for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

# NVIDIA compute capability from which tensor cores take bfloat16 (Ampere) and float16 (Volta).
BFLOAT16_FROM = (8, 0)
FLOAT16_FROM = (7, 0)


def choose_policy(precision: str, compute_capability: tuple[int, int] | None) -> str:
    """The Keras dtype policy for a document's precision.

    Args:
        precision: "auto" or a policy's name.
        compute_capability: of the GPU, None where there is none.
    """
    if precision != "auto":
        return precision
    if compute_capability is None or compute_capability < FLOAT16_FROM:
        return "float32"
    return "mixed_bfloat16" if compute_capability >= BFLOAT16_FROM else "mixed_float16"


@contextlib.contextmanager
def policy(precision: str) -> Iterator[str]:
    """Build models within it: the policy that fits this machine is Keras' global one, and put back afterwards."""
    before = keras.config.dtype_policy()
    name = choose_policy(precision, compute_capability())
    keras.config.set_dtype_policy(name)
    try:
        yield name
    finally:
        keras.config.set_dtype_policy(before)


def scaled(optimizer: Any, policy_name: str) -> Any:
    """The optimizer, wrapped so that small float16 gradients do not vanish (Micikevicius et al. 2018)."""
    return keras.optimizers.LossScaleOptimizer(optimizer) if policy_name == "mixed_float16" else optimizer


def gpu_count() -> int:
    """GPUs that this process may use."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return len(tf.config.list_physical_devices("GPU"))
    import jax

    return sum(device.platform in ("gpu", "cuda", "rocm") for device in jax.devices())


def compute_capability() -> tuple[int, int] | None:
    """The first GPU's compute capability, None without a GPU."""
    if gpu_count() == 0:
        return None
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
        return details.get("compute_capability")
    import jax

    major, _, minor = str(getattr(jax.devices()[0], "compute_capability", "0.0")).partition(".")
    return int(major), int(minor or 0)


def use_jit() -> bool:
    """XLA pays on GPUs; on processors it compiles for longer than most runs take and loses to oneDNN."""
    return gpu_count() > 0


def grow_memory() -> None:
    """Let TensorFlow take GPU memory as needed instead of all at once; to be called before the first tensor."""
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # too late: a tensor is already there, nothing is lost
            tf.config.experimental.set_memory_growth(device, True)
