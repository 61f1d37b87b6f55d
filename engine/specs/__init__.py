"""The documents of Lathe. `RunSpec` is the one that goes into the engine."""

from engine.specs.run import RunSpec, differences, flatten
from engine.specs.task import ColumnKind, Modality, Part, RunStatus, Task

__all__ = ["ColumnKind", "Modality", "Part", "RunSpec", "RunStatus", "Task", "differences", "flatten"]
