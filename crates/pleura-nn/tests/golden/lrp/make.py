"""Makes the golden files of this folder: relevance as zennit and captum compute it.

    python make.py [NAME...]        all cases, or those named

Weights and films are those of `../make.py`. Zennit has no canoniser for DenseNets, so each network is canonized first, by hand, into a plain
module that computes the same: every norm is merged into a private copy of the convolution that wrote the rows it reads, through the average
pool where a transition's stands in between; rows of the stem's pool meet their norm as a 1x1 convolution of single channels. To every
module of that network zennit's own rules apply. The forward pass of the canonized network is checked against torchvision's.

    one_*   the smallest DenseNet with a transition: each rule in all places that it can stand in
    tiny_*  two to three layers a block: the composites, zennit's own classes where it has them
    pass    zennit without canonising: norms hand relevance on
    ixg_*   gradient x input of torchvision's DenseNet-121 and -201: a few entries, norm and sum; where captum is installed (it asks for an older
            numpy than the other scripts, so `cargo xtask golden` does without), its InputXGradient must say the same

Zennit's flat rule is asked without its stabiliser (it adds 1e-6 to a count of some hundred inputs). Without biases its rules know no γ that
could be compared: it looks at the output with the bias to choose the sign, and ours at the one without, whose denominator then cannot
vanish. All else is as it comes. Everything is float64, and deterministic up to torch's order of summation.

Made with Python 3.11.2, numpy 2.4.6, torch 2.15.0, torchvision 0.29.2, safetensors 0.8.0, zennit 0.5.1; captum 0.8.0 agreed.
"""

import hashlib
import importlib.metadata
import importlib.util
import pathlib
import sys

import numpy as np
import torch
import torchvision
from safetensors.numpy import save_file
from torch import nn
from torchvision.models import DenseNet
from zennit.attribution import Gradient
from zennit.composites import EpsilonAlpha2Beta1Flat, EpsilonGammaBox, EpsilonPlusFlat, NameMapComposite
from zennit.rules import AlphaBeta, Epsilon, Flat, Gamma, Norm, Pass, WSquare, ZBox, ZPlus
from zennit.types import Activation, AvgPool, BatchNorm, Convolution

try:
    from captum.attr import InputXGradient
except ImportError:
    InputXGradient = None

FOLDER = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("weights_and_films", FOLDER.parent / "make.py")
base = importlib.util.module_from_spec(spec)
spec.loader.exec_module(base)
base.ARCHITECTURES["one"] = (3, (1, 1), 4, 2)

OUTPUTS = 3
# LRP-0: nothing over nothing is no number to zennit; nothing over this is nothing, and no other quotient sees it.
NOTHING = 1e-100
SIDE = {"one": 33, "tiny": 33}
LARGE = {"ixg_densenet121": ("densenet121", 64), "ixg_densenet201": ("densenet201", 64)}


class Diagonal(nn.Conv2d):
    """A norm that no convolution precedes: one input, one output a channel."""


def double(values):
    return torch.as_tensor(values, dtype=torch.float64)


def norm_of(state, name):
    gamma, beta, mean, variance = (double(state[f"{name}.{part}"]) for part in ("weight", "bias", "running_mean", "running_var"))
    scale = gamma / (variance + 1e-5).sqrt()
    return scale, beta - mean * scale


def convolution(weight, scale, shift, kind=nn.Conv2d, **options):
    """`scale * (weight * x) + shift`, row by row."""
    made = kind(weight.shape[1] * options.get("groups", 1), weight.shape[0], weight.shape[2:], bias=True, **options).double()
    made.weight.data = weight * scale[:, None, None, None]
    made.bias.data = shift.clone()
    return made


class Read(nn.Module):
    """What one norm reads, taken apart, with its ReLU. `sources` say who wrote the rows, in their order."""

    def __init__(self, state, sources, norm):
        super().__init__()
        scale, shift = norm_of(state, norm)
        self.parts, self.names = nn.ModuleList(), []
        row = 0
        for source, rows in sources:
            s, t = scale[row : row + rows], shift[row : row + rows]
            row += rows
            if source == "stem":
                part = nn.Sequential(convolution(torch.ones(rows, 1, 1, 1, dtype=torch.float64), s, t, Diagonal, groups=rows))
            elif source.startswith("features.transition"):
                part = nn.Sequential(convolution(double(state[f"{source}.conv.weight"]), s, t), nn.AvgPool2d(2))
            else:
                part = nn.Sequential(convolution(double(state[f"{source}.conv2.weight"]), s, t, padding=1))
            self.parts.append(part)
            self.names.append(source)
        assert row == len(scale)
        self.relu = nn.ReLU()

    def forward(self, values):
        return self.relu(torch.cat([part(values[name]) for part, name in zip(self.parts, self.names)], 1))


class Canonized(nn.Module):
    """A DenseNet of plain modules, each used once."""

    def __init__(self, architecture, state, side):
        super().__init__()
        growth, blocks, channels, _ = base.ARCHITECTURES[architecture]
        self.stem = nn.Sequential(
            convolution(double(state["features.conv0.weight"]), *norm_of(state, "features.norm0"), stride=2, padding=3),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        self.steps, self.reads, self.squeezes = [], nn.ModuleList(), nn.ModuleList()
        sources = [("stem", channels)]
        side = ((side + 1) // 2 + 1) // 2
        for number, layers in enumerate(blocks, 1):
            for layer in range(1, layers + 1):
                name = f"features.denseblock{number}.denselayer{layer}"
                self.reads.append(Read(state, sources, f"{name}.norm1"))
                squeeze = convolution(double(state[f"{name}.conv1.weight"]), *norm_of(state, f"{name}.norm2"))
                self.squeezes.append(nn.Sequential(squeeze, nn.ReLU()))
                self.steps.append(name)
                sources.append((name, growth))
            channels += layers * growth
            if number < len(blocks):
                name = f"features.transition{number}"
                self.reads.append(Read(state, sources, f"{name}.norm"))
                self.squeezes.append(nn.Sequential())
                self.steps.append(name)
                channels //= 2
                side //= 2
                sources = [(name, channels)]
        self.last = Read(state, sources, "features.norm5")
        self.mean = nn.AvgPool2d(side)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(channels, OUTPUTS).double()
        self.head.weight.data = double(state["classifier.weight"])
        self.head.bias.data = double(state["classifier.bias"])

    def forward(self, x):
        values = {"stem": self.stem(x)}
        for name, read, squeeze in zip(self.steps, self.reads, self.squeezes):
            values[name] = squeeze(read(values))
        return self.head(self.flatten(self.mean(self.last(values))))


class Tangled(nn.Module):
    """torchvision's network with a module for each operation, so that zennit sees them; norms are left as they are."""

    def __init__(self, architecture, state, side):
        super().__init__()
        self.blocks = base.ARCHITECTURES[architecture][1]
        model = base.network(architecture, OUTPUTS, state).double().eval()
        for module in model.modules():
            for name, child in module.named_children():
                if isinstance(child, nn.ReLU):
                    setattr(module, name, nn.ReLU())
        self.model, self.relu, self.flatten = model, nn.ReLU(), nn.Flatten()
        side = ((side + 1) // 2 + 1) // 2 // 2 ** (len(self.blocks) - 1)
        self.mean = nn.AvgPool2d(side)

    def forward(self, x):
        maps = self.model.features(x)
        return self.model.classifier(self.flatten(self.mean(self.relu(maps))))


def hooks(model, first, convolution, linear, norm, pool):
    """zennit's hook of every module, by name."""
    chosen, found = [], False
    for name, module in model.named_modules():
        if isinstance(module, Diagonal):
            rule = norm
        elif isinstance(module, Convolution):
            rule, found = (convolution if found else first), True
        elif isinstance(module, nn.Linear):
            rule = linear
        elif isinstance(module, AvgPool):
            rule = lambda: Norm(stabilizer=pool)
        elif isinstance(module, (Activation, BatchNorm)):
            rule = Pass
        else:
            continue
        chosen.append(((name,), rule()))
    return NameMapComposite(chosen)


def bounds():
    mean, std = (np.float32(values).astype(np.float64) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return [torch.from_numpy(value.reshape(1, 3, 1, 1)) for value in ((0 - mean) / std, (1 - mean) / std)]


def rules():
    """A rule by name and ε."""
    low, high = bounds()
    return {
        "epsilon": lambda e, **o: Epsilon(epsilon=e, **o),
        "plus": lambda e, **o: ZPlus(stabilizer=e, **o),
        "alpha-beta": lambda e, **o: AlphaBeta(alpha=2.0, beta=1.0, stabilizer=e, **o),
        "gamma": lambda e, **o: Gamma(gamma=0.25, stabilizer=e, **o),
        "square": lambda e, **o: WSquare(stabilizer=e, **o),
        "flat": lambda e, **o: Flat(stabilizer=0.0, **o),
        "box": lambda e, **o: ZBox(low=low, high=high, stabilizer=e, **o),
    }


def everywhere(model, name, **options):
    """A rule in all places, with ε as the test has them; the box rule in the first alone, the ε rule behind it."""
    rule = rules()[name]
    behind = rules()["epsilon"] if name == "box" else rule
    return hooks(
        model,
        lambda: rule(0.11, **options),
        lambda: behind(0.07, **options),
        lambda: behind(0.05, **options),
        lambda: behind(0.02, **options),
        0.03,
    )


def composites():
    """Composites of zennit's own where it has them; to those a word is added on the norms that they do not know."""
    low, high = bounds()
    diagonal = {"layer_map": [(Diagonal, Epsilon(epsilon=1e-6))]}
    flat = {"first_map": [(Convolution, Flat(stabilizer=0.0))]}
    epsilon = lambda: Epsilon(epsilon=1e-2)
    return {
        "epsilon-plus-flat": lambda model: EpsilonPlusFlat(**diagonal, **flat),
        "epsilon-alpha2-beta1-flat": lambda model: EpsilonAlpha2Beta1Flat(**diagonal, **flat),
        "epsilon-gamma-box": lambda model: EpsilonGammaBox(low=low, high=high, **diagonal),
        "epsilon-box": lambda model: hooks(model, lambda: ZBox(low, high, stabilizer=1e-2), epsilon, epsilon, epsilon, 1e-2),
        "lrp-0": lambda model: hooks(model, *[lambda: Epsilon(epsilon=NOTHING)] * 4, NOTHING),
    }


def relevance(model, composite, x, coefficients):
    x = x.clone().requires_grad_(True)
    coefficients = torch.as_tensor(coefficients, dtype=torch.float64)
    with Gradient(model=model, composite=composite) as attributor:
        logits, found = attributor(x, lambda logits: logits * coefficients)
    return logits.detach().numpy(), found.detach().numpy()


def state_of(architecture):
    growth, blocks, channels, bottleneck = base.ARCHITECTURES[architecture]
    shapes = DenseNet(growth, blocks, channels, bottleneck, num_classes=OUTPUTS).state_dict()
    names = [name for name in shapes if not name.endswith("num_batches_tracked")]
    return {name: base.parameter(name, tuple(shapes[name].shape)) for name in names}


def write(case, tensors, facts):
    versions = (f"{name} {importlib.metadata.version(name).split('+')[0]}" for name in ("torch", "torchvision", "zennit"))
    facts = facts | {"made_with": ", ".join(versions)}
    facts["script"] = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    golden = {"golden": "\n".join(f"{key}: {value}" for key, value in facts.items())}
    tensors = {name: np.ascontiguousarray(value, np.float64) for name, value in tensors.items()}
    save_file(tensors, FOLDER / f"{case}.safetensors", golden)
    print(case, sum(value.nbytes for value in tensors.values()), "bytes")


def rules_or_composites(case, architecture, jobs, make=Canonized):
    side = SIDE[architecture]
    state, grey = state_of(architecture), base.films(1, side)
    x = base.normalised(grey, torch.float64)
    # As the engine computes it: (grey - mean) / std from the float32 mean and std.
    reference = base.network(architecture, OUTPUTS, state).double().eval()(x).detach().numpy()
    tensors = {"logits": reference}
    for name, (composite, coefficients) in jobs.items():
        model = make(architecture, state, side)
        model.eval()
        logits, found = relevance(model, composite(model), x, coefficients)
        error = np.abs(logits - reference).max()
        assert error < 1e-11, (case, name, error)
        tensors[name] = found[0]
        print("  ", name, f"forward {error:.0e}, sum {found.sum():+.4f}, largest {np.abs(found).max():.3e}")
    facts = {"architecture": architecture, "outputs": OUTPUTS, "side": side, "weights": base.digest(state)}
    write(case, tensors, facts)


def input_x_gradient(case):
    architecture, side = LARGE[case]
    state, grey = state_of(architecture), base.films(1, side)
    model = base.network(architecture, OUTPUTS, state).double().eval()
    x = base.normalised(grey, torch.float64).requires_grad_(True)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    logits = model(x)
    tensors = {"logits": logits.detach().numpy()}
    for output in range(OUTPUTS):
        (gradient,) = torch.autograd.grad(logits[0, output], x, retain_graph=True)
        found = (gradient * x).detach()
        if InputXGradient:
            assert torch.equal(found, InputXGradient(model).attribute(x, target=output).detach()), case
        tensors[f"output {output}"] = base.summary(f"output {output}", found, found)
    write(case, tensors, {"architecture": architecture, "outputs": OUTPUTS, "side": side, "weights": base.digest(state)})


def cases():
    one = [0.5, -2.0, 1.0]
    zero = {"zero_params": ["bias"]}
    alone = {name: (lambda model, name=name: everywhere(model, name), one) for name in rules()}
    zeros = ("epsilon", "plus", "alpha-beta", "square")
    alone |= {f"{name}, biases zero": (lambda model, name=name: everywhere(model, name, **zero), one) for name in zeros}
    made = {
        "one_rules": lambda case: rules_or_composites(case, "one", alone),
        "tiny_composites": lambda case: rules_or_composites(
            case, "tiny", {name: (composite, [0.0, 1.0, -1.0]) for name, composite in composites().items()}
        ),
        "pass": lambda case: rules_or_composites(
            case, "one", {"wrong-norm-pass": (lambda model: hooks(model, *[lambda: Epsilon(epsilon=NOTHING)] * 4, NOTHING), one)}, Tangled
        ),
    }
    return made | {case: input_x_gradient for case in LARGE}


if __name__ == "__main__":
    all_cases = cases()
    for case in sys.argv[1:] or all_cases:
        all_cases[case](case)
