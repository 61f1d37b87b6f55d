"""The residual MLP for tables."""

from typing import Any

from engine.models.blocks import Style, dropout, residual
from engine.models.registry import Head, Tensors, builder
from engine.models.table_inputs import joined_inputs
from engine.specs.models.table_residual import TableResidualSpec


@builder(TableResidualSpec)
def build_table_residual(spec: TableResidualSpec, inputs: Tensors, head: Head) -> Any:
    """Row → width → blocks of norm, dense, activation, dropout, dense with a shortcut → norm, activation → outputs."""
    style = Style.of(spec)
    inner = max(1, round(spec.inner_factor * spec.width))
    x = style.dense(joined_inputs(inputs, head.info), spec.width, name="first_dense")
    for index in range(1, spec.blocks + 1):
        name = f"block{index}_"
        y = style.dense(style.norm(x, name=f"{name}norm"), inner, name=f"{name}expand")
        y = dropout(style.act(y, name=f"{name}act"), spec.dropout, name=f"{name}dropout")
        y = style.dense(y, spec.width, name=f"{name}reduce")
        x = residual(x, y, rate=0.0, name=name)
    return head(style.act(style.norm(x, name="final_norm"), name="final_act"))
