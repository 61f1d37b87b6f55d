"""Records what the PEFT library's AdaLoRA does over 50 steps, for tests/unit/engine/finetuning/test_allocation.py.

Runs in an environment of its own (PyTorch and TensorFlow do not go into one process):

    python3 -m venv peft && peft/bin/pip install torch==2.13.0 peft==0.21.2 numpy
    peft/bin/python tests/references/adalora_peft.py tests/fixtures/adalora_peft.npz
"""

import sys

import numpy as np
import torch
from peft import AdaLoraConfig, get_peft_model

STEPS, RATE = 50, 0.05
SHAPES = {"first": (6, 5), "second": (5, 4), "third": (4, 7)}  # inputs, outputs
SETTINGS = {"init_r": 4, "target_r": 2, "tinit": 5, "tfinal": 10, "deltaT": 3, "beta1": 0.85, "beta2": 0.8}


class Body(torch.nn.Module):
    """Three linear layers, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        for name, (inputs, outputs) in SHAPES.items():
            setattr(self, name, torch.nn.Linear(inputs, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(rows, 6)` to `(rows, 7)`."""
        return self.third(self.second(self.first(x)))


def main(file: str) -> None:
    """Step with given gradients, and write down scores, ranks and budgets after each."""
    torch.manual_seed(0)
    draw = np.random.default_rng(7)
    config = AdaLoraConfig(target_modules=list(SHAPES), total_step=STEPS, lora_alpha=8, **SETTINGS)
    model = get_peft_model(Body(), config)
    layers = {name: getattr(model.base_model.model, name) for name in SHAPES}
    allocator = model.base_model.rankallocator
    found: dict[str, list[np.ndarray]] = {}

    def note(name: str, value: object) -> None:
        found.setdefault(name, []).append(np.array(value))

    parts = {
        f"{name}_{part}": getattr(layer, f"lora_{part}")["default"]
        for name, layer in layers.items()
        for part in ("A", "E", "B")
    }
    with torch.no_grad():
        for parameter in parts.values():
            parameter.copy_(torch.from_numpy(draw.normal(0.0, 0.5, parameter.shape).astype(np.float32)))
    started = {f"start_{name}": parameter.detach().numpy().copy() for name, parameter in parts.items()}
    weights = {f"weight_{name}": layer.base_layer.weight.detach().numpy() for name, layer in layers.items()}
    biases = {f"bias_{name}": layer.base_layer.bias.detach().numpy() for name, layer in layers.items()}
    x = draw.normal(size=(3, 6)).astype(np.float32)
    outputs = model(torch.from_numpy(x)).detach().numpy()
    for step in range(1, STEPS + 1):
        for name, parameter in parts.items():
            size = 0.05 * 2.0 ** list(SHAPES).index(name.partition("_")[0])  # some layers matter more
            gradient = draw.normal(0.0, size, parameter.shape).astype(np.float32)
            parameter.grad = torch.from_numpy(gradient)
            note(f"gradient_{name}", gradient)
            with torch.no_grad():
                parameter -= RATE * parameter.grad
        fixed_from = STEPS - SETTINGS["tfinal"]
        budget, masks = allocator.budget_schedule(step)
        model.base_model.update_and_allocate(step)
        note("budget", budget)
        note("masks", masks or step >= fixed_from)
        for name in SHAPES:
            note(f"values_{name}", parts[f"{name}_E"].detach().numpy()[:, 0])
            if step < fixed_from:  # PEFT forgets them when the ranks are fixed
                for part in ("A", "E", "B"):
                    key = next(key for key in allocator.ipt if f"{name}.lora_{part}." in key)
                    note(f"importance_{name}_{part}", allocator.exp_avg_ipt[key].numpy())
                    note(f"uncertainty_{name}_{part}", allocator.exp_avg_unc[key].numpy())
    pattern = model.peft_config["default"].rank_pattern
    for name in SHAPES:
        key = next(key for key in pattern if f"{name}.lora_E" in key)
        found[f"pattern_{name}"] = [np.array(pattern[key])]
    stacked = {name: np.stack(values) for name, values in found.items()}
    np.savez_compressed(file, x=x, outputs=outputs, **started, **weights, **biases, **stacked)


if __name__ == "__main__":
    main(sys.argv[1])
