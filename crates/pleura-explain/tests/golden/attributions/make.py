"""Makes the golden files of this folder: other attributions as captum computes them, scores as Quantus, scikit-image and SciPy do.

    python make.py

Weights and film are those of `pleura-nn/tests/golden/make.py`; the question is always why output 1 rather than output 2. What is written comes
from plain torch and numpy below. Where captum, quantus, scikit-image and scipy are installed, each number is compared with theirs first, and
the script fails where they differ; `cargo xtask golden` does without captum and quantus, which ask for older or more packages.

    attributions   integrated gradients (midpoint rule, 12 steps; from black, from grey), Grad-CAM behind the last ReLU, occlusion with grey windows
                   that are cut off at the border; gradient x input
    scores         pixel flipping pixel by pixel (33 at a time, to black), relevance mass and rank accuracy, pointing game; structural
                   similarity and rank correlation of the magnitudes of two maps

Everything is float64, and deterministic up to torch's order of summation.

Made with Python 3.11.2, numpy 2.4.6, torch 2.15.0, torchvision 0.29.2, safetensors 0.8.0; captum 0.8.0, quantus 0.6.0, scikit-image 0.26.0 and
scipy 1.17.1 agreed.
"""

import hashlib
import importlib.metadata
import importlib.util
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional
from torchvision.models import DenseNet

FOLDER = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("weights_and_films", FOLDER.parents[3] / "pleura-nn/tests/golden/make.py")
base = importlib.util.module_from_spec(spec)
spec.loader.exec_module(base)

SIDE, OUTPUTS, STEPS, WINDOW, STRIDE, FLIPPED = 33, 3, 12, 7, 5, 33


def there(name):
    return importlib.util.find_spec(name) is not None


class Difference(nn.Module):
    """Output 1 less output 2, with a module for the last ReLU, so that captum sees it."""

    def __init__(self, model):
        super().__init__()
        self.features, self.relu, self.classifier = model.features, nn.ReLU(), model.classifier
        for module in self.features.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False

    def maps(self, x):
        return self.relu(self.features(x))

    def forward(self, x):
        logits = self.classifier(self.maps(x).mean((2, 3)))
        return logits[:, 1] - logits[:, 2]


class OfGrey(nn.Module):
    """The same of grey levels [batch, 1, side, side], with nothing as a second output."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, grey):
        found = self.model(normalised(grey[:, 0].double()))
        return torch.stack([found, torch.zeros_like(found)], 1)


def normalised(grey):
    mean, std = (torch.tensor(np.float32(v)).double().reshape(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return (grey[:, None] - mean) / std


def gradient(model, x):
    x = x.clone().requires_grad_(True)
    (found,) = torch.autograd.grad(model(x).sum(), x)
    return found


def integrated(model, x, baseline):
    shares = (torch.arange(STEPS, dtype=torch.float64) + 0.5) / STEPS
    way = baseline + shares.reshape(-1, 1, 1, 1) * (x - baseline)
    found = (x - baseline) * gradient(model, way).mean(0, keepdim=True)
    if there("captum"):
        from captum.attr import IntegratedGradients

        theirs = IntegratedGradients(model).attribute(x, baselines=baseline, n_steps=STEPS, method="riemann_middle")
        agree("integrated gradients", found, theirs)
    return found


def grad_cam(model, x):
    maps = model.maps(x).detach().requires_grad_(True)
    logits = model.classifier(maps.mean((2, 3)))
    (weights,) = torch.autograd.grad((logits[:, 1] - logits[:, 2]).sum(), maps)
    found = functional.relu((weights.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True)).detach()
    if there("captum"):
        from captum.attr import LayerGradCam

        agree("grad-cam", found, LayerGradCam(model, model.relu).attribute(x, relu_attributions=True).detach())
    return functional.interpolate(found, (SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0]


def occlusion(model, x, fill):
    with torch.no_grad():
        begins = range(0, -(-(SIDE - WINDOW) // STRIDE) * STRIDE + 1, STRIDE)
        sums, covers, whole = torch.zeros(SIDE, SIDE).double(), torch.zeros(SIDE, SIDE).double(), model(x)
        for top in begins:
            for left in begins:
                window = (slice(top, top + WINDOW), slice(left, left + WINDOW))
                covered = x.clone()
                covered[:, :, *window] = fill[:, :, *window]
                sums[window] += (whole - model(covered)).item()
                covers[window] += 1
        found = sums / covers
        if there("captum"):
            from captum.attr import Occlusion

            options = {"sliding_window_shapes": (3, WINDOW, WINDOW), "strides": (3, STRIDE, STRIDE), "baselines": fill}
            theirs = Occlusion(model).attribute(x, **options)
            for channel in range(3):
                agree("occlusion", found, theirs[0, channel])
    return found


def agree(what, ours, theirs):
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    error = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-300)
    print(f"   {what}: {error:.0e} from theirs")
    assert ours.shape == theirs.shape and error < 1e-6, (what, error)


def flipping(model, grey, heatmap):
    order = np.argsort(-heatmap.reshape(-1))
    assert len(np.unique(heatmap)) == heatmap.size
    film, curve = grey.copy(), []
    with torch.no_grad():
        for step in range(0, film.size, FLIPPED):
            film.reshape(-1)[order[step : step + FLIPPED]] = 0
            curve.append(model(normalised(torch.from_numpy(film).double())).item())
    if there("quantus"):
        import quantus

        metric = quantus.PixelFlipping(
            features_in_step=FLIPPED, perturb_baseline=0.0, abs=False, normalise=False, disable_warnings=True, display_progressbar=False
        )
        film = {"x_batch": grey[:, None].astype(np.float64), "y_batch": np.array([0]), "a_batch": heatmap[None, None]}
        theirs = metric(model=OfGrey(model).eval(), device="cpu", softmax=False, **film)
        agree("pixel flipping", curve, theirs[0])
    return np.array(curve)


def localisation(model, grey, heatmap, mask):
    positive = np.maximum(heatmap, 0)
    mass = positive[mask].sum() / positive.sum()
    strongest = np.argsort(-heatmap.reshape(-1))[: mask.sum()]
    rank = mask.reshape(-1)[strongest].mean()
    pointing = float(mask.reshape(-1)[heatmap.argmax()])
    if there("quantus"):
        import quantus

        options = {"abs": False, "normalise": False, "disable_warnings": True, "display_progressbar": False}
        film = {"x_batch": grey[:, None].astype(np.float64), "y_batch": np.array([0]), "s_batch": mask[None, None]}
        ask = {"model": OfGrey(model).eval(), "device": "cpu"} | film
        for metric, found, values in (
            (quantus.RelevanceMassAccuracy, mass, positive),
            (quantus.RelevanceRankAccuracy, rank, heatmap),
            (quantus.PointingGame, pointing, heatmap),
        ):
            agree(metric.__name__, [found], np.asarray(metric(**options)(a_batch=values[None, None], **ask), np.float64) + 0.0)
    return np.array([mass, rank, pointing])


def ranks(values):
    """Ranks; equal values share their mean rank."""
    _, places, counts = np.unique(values.reshape(-1), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def similarity(first, second):
    """Structural similarity over windows of 7 x 7, and Spearman's correlation, of magnitudes."""
    a, b = np.abs(first), np.abs(second)
    correlation = np.corrcoef(ranks(a), ranks(b))[0, 1]
    a, b = a / a.max(), b / b.max()
    windows = [np.lib.stride_tricks.sliding_window_view(values, (7, 7)).reshape(-1, 49) for values in (a, b)]
    x, y = (window.mean(1) for window in windows)
    xx, yy = (window.var(1, ddof=1) for window in windows)
    xy = ((windows[0] - x[:, None]) * (windows[1] - y[:, None])).sum(1) / 48
    c1, c2 = 0.01**2, 0.03**2
    structure = ((2 * x * y + c1) * (2 * xy + c2) / ((x * x + y * y + c1) * (xx + yy + c2))).mean()
    if there("skimage"):
        from skimage.metrics import structural_similarity

        agree("structural similarity", [structure], [structural_similarity(a, b, data_range=1.0)])
    if there("scipy"):
        from scipy.stats import spearmanr

        agree("rank correlation", [correlation], [spearmanr(a.reshape(-1), b.reshape(-1)).statistic])
    return np.array([correlation, structure])


def write(case, tensors, facts):
    versions = (f"{name} {importlib.metadata.version(name).split('+')[0]}" for name in ("torch", "torchvision"))
    facts = facts | {"made_with": ", ".join(versions)}
    facts["script"] = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    golden = {"golden": "\n".join(f"{key}: {value}" for key, value in facts.items())}
    tensors = {name: np.ascontiguousarray(value, np.float64) for name, value in tensors.items()}
    save_file(tensors, FOLDER / f"{case}.safetensors", golden)
    print(case, sum(value.nbytes for value in tensors.values()), "bytes")


if __name__ == "__main__":
    growth, blocks, channels, bottleneck = base.ARCHITECTURES["tiny"]
    shapes = DenseNet(growth, blocks, channels, bottleneck, num_classes=OUTPUTS).state_dict()
    state = {name: base.parameter(name, tuple(shapes[name].shape)) for name in shapes if not name.endswith("num_batches_tracked")}
    network = base.network("tiny", OUTPUTS, state).double().eval()
    grey = base.films(1, SIDE)
    x = normalised(torch.from_numpy(grey).double())
    logits = network(x).detach().numpy()
    model = Difference(network).eval()
    black, half = (normalised(torch.full((1, SIDE, SIDE), level).double()) for level in (0.0, 0.5))
    maps = {
        "gradient-x-input": (gradient(model, x) * x)[0],
        "integrated-gradients, black": integrated(model, x, black)[0],
        "integrated-gradients, grey": integrated(model, x, half)[0],
        "grad-cam": grad_cam(model, x),
        "occlusion, grey": occlusion(model, x, half),
    }
    maps = {name: values.detach().numpy() for name, values in maps.items()}
    facts = {"architecture": "tiny", "outputs": OUTPUTS, "side": SIDE, "weights": base.digest(state)}
    write("attributions", {"logits": logits} | maps, facts)

    # What is measured are float32 maps, as a heatmap's values are kept.
    first, second = (maps[f"integrated-gradients, {name}"].sum(0).astype(np.float32).astype(np.float64) for name in ("black", "grey"))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    mask = (rows - 12) ** 2 + (columns - 8) ** 2 < 64
    scores = {
        "first": first,
        "second": second,
        "flipping": flipping(model, grey, first),
        "localisation": localisation(model, grey, first, mask),
        "similarity": similarity(first, second),
    }
    write("scores", scores, facts)
