"""Makes goldens.json: losses, optimiser steps and schedules as PyTorch computes them.

Run by `cargo xtask golden`.
Inputs come from a formula that the tests repeat, so that only the answers are stored.
"""
import json
import math
import pathlib
import torch

torch.set_num_threads(1)


def wave(count, a, b):
    """sin(a·i + b) rounded to f32."""
    return torch.tensor([math.sin(a * i + b) for i in range(count)], dtype=torch.float64).float()


def losses():
    logits = (4 * wave(15, 1.3, 0.2)).reshape(5, 3)
    classes = torch.tensor([0, 2, 1, 1, 2])
    weights = torch.tensor([0.5, 1.0, 2.5], dtype=torch.float64)
    z = logits.double().requires_grad_()
    exclusive = torch.nn.functional.cross_entropy(z, classes, weight=weights)
    exclusive.backward()
    exclusive_gradient = z.grad.flatten().tolist()

    present = [1, 0, None, None, 1, 1, 0, 0, 1, None, None, None, 1, 0, 0]
    mask = torch.tensor([p is not None for p in present]).reshape(5, 3)
    truth = torch.tensor([float(p or 0) for p in present], dtype=torch.float64).reshape(5, 3)
    z = logits.double().requires_grad_()
    terms = torch.nn.functional.binary_cross_entropy_with_logits(
        z, truth, weight=weights, pos_weight=torch.tensor([3.0, 1.0, 0.25], dtype=torch.float64), reduction="none")
    independent = terms[mask].mean()
    independent.backward()
    return {
        "exclusive": {"loss": exclusive.item(), "gradient": exclusive_gradient},
        "independent": {"loss": independent.item(), "gradient": z.grad.flatten().tolist()},
    }


def optimisers():
    cases = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1, foreach=False),
        "sgd momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, foreach=False),
        "sgd momentum decay": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, foreach=False),
        "sgd nesterov decay": lambda p: torch.optim.SGD(
            p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True, foreach=False),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.0, foreach=False),
        "adamw decay": lambda p: torch.optim.AdamW(
            p, lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1, foreach=False),
    }
    out = {}
    for name, make in cases.items():
        parameter = torch.nn.Parameter(wave(7, 0.9, 0.1))
        optimiser = make([parameter])
        for step in range(6):
            parameter.grad = wave(7, 0.7, 0.5 * step)
            optimiser.step()
        out[name] = parameter.detach().tolist()
    parameter = torch.nn.Parameter(wave(7, 0.9, 0.1))
    parameter.grad = 5 * wave(7, 0.7, 0.0)
    norm = torch.nn.utils.clip_grad_norm_([parameter], 1.5)
    out["clip"] = {"norm": norm.item(), "gradient": parameter.grad.tolist()}
    return out


def schedules():
    def run(make, steps):
        optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = make(optimiser)
        rates = []
        for _ in range(steps):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            scheduler.step()
        return rates

    lr = torch.optim.lr_scheduler
    # Five epochs of four steps.
    return {
        "step": [rate for rate in run(lambda o: lr.StepLR(o, step_size=2, gamma=0.3), 5) for _ in range(4)],
        "cosine": run(lambda o: lr.CosineAnnealingLR(o, T_max=20, eta_min=0.05), 20),
        "warm cosine": run(
            lambda o: lr.SequentialLR(
                o,
                [lr.LinearLR(o, start_factor=0.1, total_iters=6), lr.CosineAnnealingLR(o, T_max=14)],
                milestones=[6]),
            20),
        "warm constant": run(lambda o: lr.LinearLR(o, start_factor=0.25, total_iters=4), 20),
    }


found = {"torch": torch.__version__, "losses": losses(), "optimisers": optimisers(), "schedules": schedules()}
(pathlib.Path(__file__).parent / "goldens.json").write_text(json.dumps(found, indent=1) + "\n")
