"""Makes the files of this folder: one tiny DenseNet as torch, torchvision and CheXNet would save it, in all their forms.

    python make.py

Weights are those of `../make.py`'s formula, so that the tests know every number. Made with Python 3.11, torch 2.15.0.
"""

import pathlib
import pickle
import re
import sys
import types
from collections import OrderedDict

import numpy as np
import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))
import make  # noqa: E402  (the script of the folder above)


def model(outputs):
    growth, blocks, channels, bottleneck = make.ARCHITECTURES["tiny"]
    shapes = make.DenseNet(growth, blocks, channels, bottleneck, num_classes=outputs).state_dict()
    names = [name for name in shapes if not name.endswith("num_batches_tracked")]
    return make.network("tiny", outputs, {name: make.parameter(name, tuple(shapes[name].shape)) for name in names})


def old_name(name):
    return re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name)


class OldPickler(pickle._Pickler):
    """Writes what Python 2 wrote: an OrderedDict as a call with all its items, text as byte strings."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_str(self, text):
        data = text.encode()
        self.write(b"U" + bytes([len(data)]) + data if len(data) < 256 else b"T" + len(data).to_bytes(4, "little") + data)
        self.memoize(text)

    def reducer_override(self, value):
        if isinstance(value, OrderedDict):
            return OrderedDict, ([[key, item] for key, item in value.items()],)
        return NotImplemented

    dispatch[str] = save_str


def chexnet():
    """As the CheXNet re-implementations of 2017 wrote their checkpoints, under Python 2."""
    state = OrderedDict()
    for name, tensor in model(14).state_dict().items():
        if not name.endswith("num_batches_tracked"):  # came with torch 0.4.1
            name = name.replace("classifier.", "classifier.0.")
            state[f"module.densenet121.{old_name(name)}"] = tensor
    return {"epoch": 6, "arch": "DenseNet121", "state_dict": state, "best_loss": np.float64(0.25), "best_AUROC": 0.84}


def training():
    """A checkpoint with an optimiser's state beside the model, parameters as such, tensors not contiguous."""
    network = model(3)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.zeros(2, 3, 33, 33)).sum().backward()
    optimiser.step()
    state = model(3).state_dict()
    state = {name: torch.nn.Parameter(t) if t.is_floating_point() else t for name, t in state.items()}
    conv = state["features.conv0.weight"].data
    state["features.conv0.weight"] = conv.to(memory_format=torch.channels_last)
    head = state["classifier.weight"].data
    state["classifier.weight"] = torch.cat([head, head], 1)[:, : head.shape[1]]
    return {"model": state, "optimizer": optimiser.state_dict(), "epoch": 3, "lr": 1e-3, "args": ("a", None, True)}


def save(value, name, **options):
    torch.save(value, FOLDER / name, **options)
    print(name, (FOLDER / name).stat().st_size)


if __name__ == "__main__":
    state = model(3).state_dict()
    legacy = {"_use_new_zipfile_serialization": False}
    old = types.SimpleNamespace(__name__="old", Pickler=OldPickler, dumps=pickle.dumps, dump=lambda value, file, protocol=2: OldPickler(file, protocol).dump(value))
    save(state, "zip.pth")
    save(OrderedDict((old_name(name), t) for name, t in state.items() if "num_batches" not in name), "legacy.pth", **legacy)
    save(chexnet(), "chexnet.pth.tar", pickle_module=old, **legacy)
    save(training(), "training.pth", pickle_protocol=4)
    save({name: t.half() if t.is_floating_point() else t for name, t in state.items()}, "half.pth")
    save({name: t.bfloat16() if t.is_floating_point() else t for name, t in state.items()}, "bfloat16.pth", **legacy)
    save({name: t.double() if t.is_floating_point() else t for name, t in state.items()}, "double.pth", **legacy)
    save(torch.nn.BatchNorm2d(2), "module.pth")  # a whole module: to be refused
    save_file({f"backbone.{name}": t for name, t in state.items()}, FOLDER / "plain.safetensors")
