"""One measurement of one engine: a DenseNet's training step, inference or explanation, the making of its input, or the
machine's own matrix product.

Prints one line of JSON. `cargo xtask bench peers` starts it once for each measurement and measures the process's memory
from outside; by hand:

    python peer.py --engine eager --mode train --architecture densenet121 --batch 16

The work is that of `pleura-bench`, step by step. Input: `batch` grey films of `size`² pixels with values in [0, 1]. Both
modes normalise them and repeat them to three channels within the timed step. Training: forward with batch statistics
(running ones updated), softmax cross-entropy, gradients of all parameters, one update by SGD with momentum 0.9.
Inference: forward with running statistics, nothing kept. Weights are random. Explanations are told in `lrp.py`, the way
from a film's file to a network's input in `pipeline.py`; the start of a program is timed by itself, `first_answer.py`.
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
LEARNING_RATE = 1e-3
MOMENTUM = 0.9
# Side of the square matrices whose product stands for the machine's limit: 3 x 16 MiB, as large as a dense block's.
PRODUCT_SIDE = 2048


def main() -> int:
    arguments = parse()
    missing = [name for name in PACKAGES[arguments.engine] if importlib.util.find_spec(name) is None]
    if missing:
        print(json.dumps({"engine": arguments.engine, "missing": missing}))
        return 0
    # Before the libraries are loaded: each reads these once.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    print(json.dumps({**vars(arguments), **ENGINES[arguments.engine](arguments)}))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=ENGINES, required=True)
    parser.add_argument("--mode", choices=("train", "infer", "explain", "film"), default="infer")
    parser.add_argument("--architecture", default="densenet121")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--outputs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--network", help="ONNX file: written by `export`, read by `onnxruntime` and `openvino`")
    parser.add_argument("--weights", help="where `weights` writes the same network's state_dict")
    parser.add_argument("--film", help="the file that `torchvision` makes inputs of")
    arguments = parser.parse_args()
    if arguments.engine in ("export", "onnxruntime", "openvino"):
        if arguments.mode != "infer":
            parser.error(f"{arguments.engine} only infers here")
        if arguments.network is None:
            parser.error(f"{arguments.engine} needs --network FILE")
    if arguments.engine == "weights" and arguments.weights is None:
        parser.error("weights needs --weights FILE")
    if arguments.engine == "torchvision" and (arguments.mode, arguments.film is None) != ("film", False):
        parser.error("torchvision only makes inputs here: --mode film --film FILE")
    return arguments


def timed(step, arguments: argparse.Namespace) -> dict:
    """Seconds of each step after the warm-up, and films per second by their median."""
    for _ in range(arguments.warm_up):
        step()
    seconds = []
    for _ in range(arguments.steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "films_per_second": arguments.batch / statistics.median(seconds)}


def films(arguments: argparse.Namespace):
    """Grey films `[batch, 1, size, size]` in [0, 1], the same every time."""
    import numpy

    shape = (arguments.batch, 1, arguments.size, arguments.size)
    return numpy.random.default_rng(0).random(shape, dtype=numpy.float32)


def torch_network(arguments: argparse.Namespace):
    import torch
    import torchvision

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    return torchvision.models.get_model(arguments.architecture, weights=None, num_classes=arguments.outputs)


class Normalised:
    """Grey films to the network's three channels, as a user of torchvision does it."""

    def __init__(self):
        import torch

        self.mean = torch.tensor(MEAN).reshape(1, 3, 1, 1)
        self.deviation = torch.tensor(DEVIATION).reshape(1, 3, 1, 1)

    def __call__(self, grey):
        return (grey.expand(-1, 3, -1, -1) - self.mean) / self.deviation


def eager(arguments: argparse.Namespace, channels_last: bool = False) -> dict:
    import torch

    network = torch_network(arguments)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = network.to(memory_format=layout)
    normalised = Normalised()
    grey = torch.from_numpy(films(arguments))
    facts = {
        "version": torch.__version__,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "multiply_adds": multiply_adds(network, arguments.size),
    }
    if arguments.mode == "infer":
        network.eval()

        def step():
            with torch.inference_mode():
                return network(normalised(grey).contiguous(memory_format=layout))
    else:
        network.train()
        truth = torch.arange(arguments.batch) % arguments.outputs
        optimiser = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)

        def step():
            optimiser.zero_grad(set_to_none=True)
            logits = network(normalised(grey).contiguous(memory_format=layout))
            loss = torch.nn.functional.cross_entropy(logits, truth)
            loss.backward()
            optimiser.step()
            facts["loss"] = loss.item()

    return {**timed(step, arguments), **facts}


def channels_last(arguments: argparse.Namespace) -> dict:
    return eager(arguments, channels_last=True)


def explained(arguments: argparse.Namespace, canonised: bool) -> dict:
    import torch

    import lrp

    network = torch_network(arguments).eval()
    grey = torch.from_numpy(films(arguments))
    way = lrp.zennit_canonised if canonised else lrp.zennit_plain
    parameters = sum(parameter.numel() for parameter in network.parameters())
    measured = way(network, Normalised(), grey, lambda step: timed(step, arguments))
    return {**measured, "parameters": parameters, "multiply_adds": multiply_adds(torch_network(arguments), arguments.size)}


def torchvision(arguments: argparse.Namespace) -> dict:
    import pipeline

    return pipeline.pipeline(
        arguments.film, arguments.size, arguments.batch, lambda step: timed(step, arguments)
    )


def multiply_adds(network, size: int) -> int:
    """Multiply-adds of one film's forward pass, counted at every convolution and linear layer."""
    import torch

    counted = []

    def count(module, _inputs, output):
        # Each output value is a sum over one filter: a convolution's [inputs, k, k], a linear layer's [inputs].
        counted.append(output.numel() * module.weight[0].numel())

    layers = [m for m in network.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training = network.training
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, size, size))
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return sum(counted)


def export(arguments: argparse.Namespace) -> dict:
    """The network in evaluation mode, normalisation included, as an ONNX file of a fixed batch.

    A process of its own, so that torch's memory does not count as that of the engines which read the file.
    """
    import torch

    class WithNormalisation(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = torch_network(arguments)
            self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1))
            self.register_buffer("deviation", torch.tensor(DEVIATION).reshape(1, 3, 1, 1))

        def forward(self, grey):
            return self.network((grey.expand(-1, 3, -1, -1) - self.mean) / self.deviation)

    # The exporter reports on stdout, where only the answer belongs.
    stdout, sys.stdout = sys.stdout, sys.stderr
    try:
        torch.onnx.export(
            WithNormalisation().eval(),
            (torch.from_numpy(films(arguments)),),
            arguments.network,
            input_names=["grey"],
            dynamo=True,
            verbose=False,
        )
    finally:
        sys.stdout = stdout
    return {"version": torch.__version__}


def weights(arguments: argparse.Namespace) -> dict:
    """The network that `export` exports, as a state_dict."""
    import torch

    torch.save(torch_network(arguments).state_dict(), arguments.weights)
    return {"version": torch.__version__}


def onnxruntime(arguments: argparse.Namespace) -> dict:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(arguments.network, options, providers=["CPUExecutionProvider"])
    grey = films(arguments)
    return {**timed(lambda: session.run(None, {"grey": grey}), arguments), "version": ort.__version__}


def openvino(arguments: argparse.Namespace) -> dict:
    import openvino as ov

    settings = {
        "INFERENCE_NUM_THREADS": arguments.threads,
        "PERFORMANCE_HINT": "LATENCY",
        # All engines compute in f32 here; left alone, OpenVINO takes bf16 where the machine has it.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = ov.Core().compile_model(arguments.network, "CPU", settings)
    grey = films(arguments)
    return {**timed(lambda: compiled([grey]), arguments), "version": ov.__version__}


def sgemm(arguments: argparse.Namespace) -> dict:
    """The machine's own f32 matrix product, by the library that torch brings: multiply-adds per second."""
    import torch

    torch.set_num_threads(arguments.threads)
    left, right = torch.rand(2, PRODUCT_SIDE, PRODUCT_SIDE)
    out = torch.empty_like(left)
    measured = timed(lambda: torch.mm(left, right, out=out), arguments)
    return {
        "seconds": measured["seconds"],
        "multiply_adds_per_second": PRODUCT_SIDE**3 / statistics.median(measured["seconds"]),
        "version": torch.__version__,
    }


ENGINES = {
    "eager": eager,
    "channels-last": channels_last,
    "export": export,
    "weights": weights,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "zennit": lambda arguments: explained(arguments, canonised=True),
    "zennit-plain": lambda arguments: explained(arguments, canonised=False),
    "torchvision": torchvision,
    "sgemm": sgemm,
}
PACKAGES = {
    "eager": ("torch", "torchvision"),
    "channels-last": ("torch", "torchvision"),
    "export": ("torch", "torchvision", "onnx", "onnxscript"),
    "weights": ("torch", "torchvision"),
    "onnxruntime": ("onnxruntime",),
    "openvino": ("openvino",),
    "zennit": ("torch", "torchvision", "zennit"),
    "zennit-plain": ("torch", "torchvision", "zennit"),
    "torchvision": ("torch", "torchvision", "PIL"),
    "sgemm": ("torch",),
}

if __name__ == "__main__":
    sys.exit(main())
