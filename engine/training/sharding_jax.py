"""One step over several devices on JAX: its rows are divided among them, its weights lie on each.

The step is the same program: JAX's compiler sees where the rows lie and adds what has to be summed across devices
(GSPMD, Xu et al. 2021), so that means, gradient norms and moving statistics are those of the whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


class Devices:
    """The devices that a step runs on; with one of them nothing is moved.

    Args:
        devices: all of this process' where not given.
    """

    def __init__(self, devices: Sequence[Any] | None = None) -> None:
        chosen = list(jax.local_devices() if devices is None else devices)
        self.count = len(chosen)
        mesh = Mesh(np.array(chosen), ("rows",))
        self._divided = NamedSharding(mesh, PartitionSpec("rows"))
        self._whole = NamedSharding(mesh, PartitionSpec())

    def compiled(self, step: Any) -> Any:
        """The jitted step; it takes the memory of the state it is given and leaves the new one on every device."""
        options = {"out_shardings": self._whole} if self.count > 1 else {}
        return jax.jit(step, donate_argnums=(0,), **options)

    def rows(self, array: np.ndarray) -> Any:
        """A batch `(rows, …)` with its rows divided; one that cannot be divided evenly lies whole on each device."""
        if self.count == 1:
            return array
        return jax.device_put(array, self._whole if len(array) % self.count else self._divided)

    def everywhere(self, array: Any) -> Any:
        """A weight, on each device."""
        return array if self.count == 1 else jax.device_put(array, self._whole)
