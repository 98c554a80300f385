"""Makes the golden files of this folder with torchvision's DenseNets.

    python make.py [NAME...]        all cases, or those named

Weights and films come from closed formulas over integers that `mod.rs` computes bit for bit alike, so a golden file holds only what
came out: logits, and for each tensor its norm, its sum and a few entries. Values are those of a float64 run; beside each stands how
far torch's own float32 run was from it. Everything is deterministic up to torch's order of summation (below 1e-12 in float64).

Gradients need one thing more. Among the millions of values that a DenseNet hands to ReLU some lie within rounding of zero, and a
float32 run puts some of them on the other side: torch's own gradients then differ from its float64 ones by up to 2 %, and no test could
tell an error of 1 % from luck. So the biases of the norms are nudged, by k/128 with k from 0 to 15 chosen channel by channel, to where
the values of the channel leave the widest gap around zero. The k's are in the golden file. After that torch's float32 gradients are
within 1e-4 of the float64 ones.

Made with Python 3.11.2, numpy 2.4.6, torch 2.15.0, torchvision 0.29.2, safetensors 0.8.0.
"""

import hashlib
import pathlib
import struct
import sys

import numpy as np
import torch
import torchvision
from safetensors.numpy import save_file
from torchvision.models import DenseNet

FOLDER = pathlib.Path(__file__).parent
SAMPLES = 8

ARCHITECTURES = {  # growth, blocks, stem channels, bottleneck
    "densenet121": (32, (6, 12, 24, 16), 64, 4),
    "densenet161": (48, (6, 12, 36, 24), 96, 4),
    "densenet169": (32, (6, 12, 32, 32), 64, 4),
    "densenet201": (32, (6, 12, 48, 32), 64, 4),
    "small": (12, (3, 4, 4), 16, 4),
    "tiny": (4, (2, 3, 2), 6, 2),
}

# name: (architecture, outputs, batch, side). Odd sides leave rows over at pools and strides. "train" is one step in batch-norm mode.
CASES = {f"{name}_eval_{side}": (name, 5, 2, side) for name in list(ARCHITECTURES)[:4] for side in (224, 97)}
CASES |= {f"small_eval_{side}": ("small", 5, 3, side) for side in (64, 65)}
CASES |= {
    "tiny_eval_33": ("tiny", 3, 2, 33),
    "tiny_train_33": ("tiny", 3, 5, 33),
    "small_train_64": ("small", 3, 4, 64),
    "small_train_96": ("small", 3, 6, 96),
    "densenet121_train_64": ("densenet121", 3, 6, 64),
    "densenet121_train_224": ("densenet121", 3, 2, 224),
    "densenet201_train_97": ("densenet201", 3, 3, 97),
}


def bits(name, count):
    """`count` 64-bit words that depend on the name and the index: FNV-1a of the name, then SplitMix64."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    x = np.uint64(state) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def unit(word):
    """The upper 24 bits as a float32 in [0, 1), exactly."""
    return (word >> np.uint64(40)).astype(np.float32) / np.float32(2**24)


def parameter(name, shape):
    """Kaiming-sized weights; norms with gains of both signs and statistics of all sizes, yet activations of order one."""
    count = int(np.prod(shape))
    word = bits(name, count)
    u = unit(word)
    v = 2 * u - 1
    if len(shape) > 1:
        value = v * np.float32(np.sqrt(6 / (count // shape[0])))
    elif name.endswith("running_var"):
        value = u + np.float32(0.5)
    elif name.endswith("running_mean") or name.endswith("bias"):
        value = v * np.float32(0.25)
    else:  # a norm's gain; one in four is negative
        value = (u + np.float32(0.5)) * np.where(word & np.uint64(3) == 0, np.float32(-1), np.float32(1))
    return value.reshape(shape).astype(np.float32)


def network(architecture, outputs, state):
    growth, blocks, channels, bottleneck = ARCHITECTURES[architecture]
    model = DenseNet(growth, blocks, channels, bottleneck, num_classes=outputs)
    tensors = {name: torch.from_numpy(value) for name, value in state.items()}
    absent = model.load_state_dict(tensors, strict=False).missing_keys
    assert all(name.endswith("num_batches_tracked") for name in absent), absent
    return model


def normalised(grey, dtype):
    mean, std = (np.float32(values).reshape(1, 3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    grey = torch.from_numpy(grey)[:, None].to(dtype)
    return (grey - torch.from_numpy(mean).to(dtype)) / torch.from_numpy(std).to(dtype)


def nudge(architecture, outputs, state, grey):
    """Moves the biases of all norms, in the order of the pass, to the widest gap of their channel; returns the k's by name."""
    model = network(architecture, outputs, state).double().train()
    steps = torch.arange(16, dtype=torch.float64) / 128
    chosen = {}

    def choose(name, out):
        values = out.transpose(0, 1).flatten(1).sort(1).values
        gaps = []
        for step in steps:
            above = torch.searchsorted(values, torch.full((len(values), 1), -step.item(), dtype=torch.float64))
            around = torch.cat([above - 1, above], 1).clamp(0, values.shape[1] - 1)
            gaps.append((values.gather(1, around) + step).abs().min(1).values)
        best = torch.stack(gaps).max(0)
        chosen[name] = best.indices.numpy().astype(np.uint8)
        return out + steps[best.indices][:, None, None], best.values.min().item()

    margins = []
    def hook(name):
        def move(_module, _input, out):
            moved, margin = choose(f"{name}.bias", out)
            margins.append(margin)
            return moved
        return move

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(hook(name))
    with torch.no_grad():
        model(normalised(grey, torch.float64))
    for name, steps_of in chosen.items():
        state[name] = state[name] + steps_of.astype(np.float32) / np.float32(128)
    print("   narrowest gap around zero", min(margins))
    return np.concatenate([chosen[name] for name in state if name in chosen])


def films(batch, side):
    """Grey levels [batch, side, side]: two triangle waves that differ from film to film, and noise; multiples of 1/512."""
    b, y, x = np.meshgrid(np.arange(batch), np.arange(side), np.arange(side), indexing="ij")
    wave = lambda n: np.abs(2 * (n % 128) - 128)
    noise = (bits("films", batch * side * side) >> np.uint64(57)).astype(np.int64).reshape(b.shape)
    grey = wave(3 * x + 2 * y + 37 * b) + wave(5 * y + (b + 1) * x + 11 * b) + 2 * noise
    return grey.astype(np.float32) / np.float32(512)


def summary(name, exact, single):
    """[norm, sum, samples…, torch's float32 error in the 2-norm, relative] of a tensor, in row-major order as torch keeps it."""
    exact = exact.detach().numpy().astype(np.float64).ravel()
    single = single.detach().numpy().astype(np.float64).ravel()
    places = bits(f"sample {name}", SAMPLES) % np.uint64(exact.size)
    norm = np.linalg.norm(exact)
    error = np.linalg.norm(single - exact) / max(norm, np.finfo(np.float64).tiny)
    return np.concatenate([[norm, exact.sum()], exact[places.astype(np.int64)], [error]])


def digest(state):
    """As `Weights::digest`."""
    total = hashlib.sha256()
    for name in sorted(state, key=lambda name: name.encode()):
        total.update(struct.pack("<Q", len(name.encode())) + name.encode())
        total.update(struct.pack(f"<{state[name].ndim + 1}Q", state[name].ndim, *state[name].shape))
        total.update(state[name].astype("<f4").tobytes())
    return total.hexdigest()


class Run:
    """One network in one precision: what comes out and what the step leaves."""

    def __init__(self, architecture, state, outputs, grey, train, dtype):
        self.model = network(architecture, outputs, state)
        self.model.to(dtype).train(train)
        self.stages = {}
        for name, module in self.model.features.named_children():
            if name.startswith(("pool", "dense", "trans", "norm5")):
                # norm5's output is changed in place by the ReLU that follows: keep a copy.
                module.register_forward_hook(lambda _m, _i, out, name=name: self.stages.update({name: out.detach().clone()}))
        self.input = normalised(grey, dtype).requires_grad_(train)
        with torch.set_grad_enabled(train):
            self.logits = self.model(self.input)
            targets = torch.arange(len(grey)) % outputs
            self.loss = torch.nn.functional.cross_entropy(self.logits, targets)
            if train:
                self.loss.backward()


def make(case):
    architecture, outputs, batch, side = CASES[case]
    train = "_train_" in case
    growth, blocks, channels, bottleneck = ARCHITECTURES[architecture]
    shapes = DenseNet(growth, blocks, channels, bottleneck, num_classes=outputs).state_dict()
    names = [name for name in shapes if not name.endswith("num_batches_tracked")]
    state = {name: parameter(name, tuple(shapes[name].shape)) for name in names}
    grey = films(batch, side)
    nudges = {"nudges": nudge(architecture, outputs, state, grey)} if train else {}
    exact, single = (Run(architecture, state, outputs, grey, train, dtype) for dtype in (torch.float64, torch.float32))
    table = lambda pairs: np.stack([summary(name, *pair) for name, pair in pairs.items()])
    tensors = {
        "logits": exact.logits.detach().numpy(),
        "loss": exact.loss.detach().numpy().reshape(1),
        "logits_error": summary("logits", exact.logits, single.logits)[-1:],
        "stages": table({name: (exact.stages[name], single.stages[name]) for name in exact.stages}),
    }
    if train:
        gradients = {name: (p.grad, dict(single.model.named_parameters())[name].grad) for name, p in exact.model.named_parameters()}
        gradients["input"] = (exact.input.grad, single.input.grad)
        after = [run.model.state_dict() for run in (exact, single)]
        running = {name: (after[0][name], after[1][name]) for name in names if "running" in name}
        tensors |= {"gradients": table(gradients), "running": table(running)}
    metadata = {
        "architecture": architecture,
        "outputs": str(outputs),
        "batch": str(batch),
        "side": str(side),
        "weights": digest(state),
        "films": hashlib.sha256(grey.astype("<f4").tobytes()).hexdigest(),
        "stages": " ".join(exact.stages),
        "made_with": f"torch {torch.__version__.split('+')[0]}, torchvision {torchvision.__version__.split('+')[0]}",
    }
    # One key, as the order of several is not kept by every writer.
    golden = {"golden": "\n".join(f"{key}: {value}" for key, value in metadata.items())}
    tensors = {name: np.ascontiguousarray(value, np.float64) for name, value in tensors.items()} | nudges
    save_file(tensors, FOLDER / f"{case}.safetensors", golden)
    print(case, "logits", np.array2string(tensors["logits"], precision=4).replace("\n", ""))
    print("   stages rms", [f"{name} {exact.stages[name].square().mean().sqrt():.2f}" for name in exact.stages])
    print("   float32 error", f"logits {tensors['logits_error'][0]:.1e}", *(f"{key} {tensors[key][:, -1].max():.1e}" for key in ("stages", "gradients", "running") if key in tensors))


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        make(case)
