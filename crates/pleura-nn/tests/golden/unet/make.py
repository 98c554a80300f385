"""Makes the golden files of this folder with U-Nets of plain PyTorch modules.

    python make.py [NAME...]        all cases, or those named

Weights and films come from the formulas of `../make.py`. A case holds, from float64 runs: logits with running statistics; logits with
statistics of the batch; the gradient of Σ u · logit (u by formula) for each tensor; running statistics after that pass; and the logits,
with running statistics, after one step of plain gradient descent with rate 0.001.

The network is written as its paper and `pleura-nn/src/unet` describe it: concatenation with torch.cat, upsampling with
nn.Upsample(mode="nearest"), norms before ReLU and convolution.

Made with Python 3.11, numpy 2.4.6, torch 2.15.0, safetensors 0.8.0.
"""

import hashlib
import importlib.util
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

FOLDER = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("formulas", FOLDER.parent / "make.py")
formulas = importlib.util.module_from_spec(spec)
spec.loader.exec_module(formulas)

# name: (widths, regions, batch, side)
CASES = {
    "tiny": ((3, 5, 4), 2, 3, 12),
    "two": ((4, 6), 1, 2, 18),
    "small": ((8, 16, 24, 32, 48, 64), 1, 4, 64),
}


class Encoder(nn.Module):
    def __init__(self, inputs, width, last):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        if not last:
            self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.conv2(self.norm1(self.conv1(x)).relu())


class Reader(nn.Module):
    """Norm, ReLU and convolution: a decoder, or the head."""

    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=kernel == 1)

    def forward(self, x):
        return self.conv(self.norm(x).relu())


class UNet(nn.Module):
    def __init__(self, widths, regions):
        super().__init__()
        self.widths = widths
        inputs = (1, *widths)
        for level, width in enumerate(widths):
            self.add_module(f"encoder{level + 1}", Encoder(inputs[level], width, level + 1 == len(widths)))
        for level in reversed(range(len(widths) - 1)):
            self.add_module(f"decoder{level + 1}", Reader(widths[level] + widths[level + 1], widths[level], 3))
        self.head = Reader(widths[0], regions, 1)

    def forward(self, x):
        kept = []
        for level in range(len(self.widths)):
            encoder = getattr(self, f"encoder{level + 1}")
            raw = encoder(x)
            kept.append(raw)
            if level + 1 < len(self.widths):
                x = nn.functional.avg_pool2d(encoder.norm2(raw).relu(), 2)
        below = kept.pop()
        for level in reversed(range(len(self.widths) - 1)):
            upsampled = nn.Upsample(scale_factor=2, mode="nearest")(below)
            below = getattr(self, f"decoder{level + 1}")(torch.cat([kept.pop(), upsampled], 1))
        return self.head(below)


class Run:
    def __init__(self, widths, regions, state, grey, dtype):
        model = UNet(widths, regions)
        absent = model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()}, strict=False).missing_keys
        assert all(name.endswith("num_batches_tracked") for name in absent), absent
        model.to(dtype)
        x = (torch.from_numpy(grey)[:, None].to(dtype) - 0.5) / 0.25
        with torch.no_grad():
            self.running = model.eval()(x)
        self.batch = model.train()(x)
        u = formulas.unit(formulas.bits("up", self.batch.numel())).reshape(self.batch.shape) - np.float32(0.5)
        (self.batch * torch.from_numpy(u).to(dtype)).sum().backward()
        self.gradients = {name: value.grad.clone() for name, value in model.named_parameters()}
        self.statistics = {name: value.clone() for name, value in model.state_dict().items() if "running" in name}
        with torch.no_grad():
            for value in model.parameters():
                value -= 1e-3 * value.grad
            self.after = model.eval()(x)


def make(case):
    widths, regions, batch, side = CASES[case]
    shapes = UNet(widths, regions).state_dict()
    names = [name for name in shapes if not name.endswith("num_batches_tracked")]
    state = {name: formulas.parameter(name, tuple(shapes[name].shape)) for name in names}
    grey = formulas.films(batch, side)
    exact, single = (Run(widths, regions, state, grey, dtype) for dtype in (torch.float64, torch.float32))
    rows = lambda value: np.stack([formulas.summary(name, pair, getattr(single, value)[name]) for name, pair in getattr(exact, value).items()])
    tensors = {
        "logits": np.stack([formulas.summary(name, getattr(exact, name), getattr(single, name)) for name in ("running", "batch", "after")]),
        "gradients": rows("gradients"),
        "statistics": rows("statistics"),
    }
    facts = {
        "widths": " ".join(map(str, widths)),
        "regions": str(regions),
        "batch": str(batch),
        "side": str(side),
        "gradients": " ".join(exact.gradients),
        "statistics": " ".join(exact.statistics),
        "weights": formulas.digest(state),
        "films": hashlib.sha256(grey.astype("<f4").tobytes()).hexdigest(),
        "made_with": f"torch {torch.__version__.split('+')[0]}",
    }
    golden = {"golden": "\n".join(f"{key}: {value}" for key, value in facts.items())}
    save_file({name: np.ascontiguousarray(value, np.float64) for name, value in tensors.items()}, FOLDER / f"{case}.safetensors", golden)
    print(case, *(f"{key}: float32 error {value[:, -1].max():.1e}" for key, value in tensors.items()))


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        make(case)
