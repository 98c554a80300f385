"""Does ONNX Runtime (and OpenVINO, and tract) answer and explain as pleura does?

`cargo xtask onnx` builds pleura and starts this with the packages of benches/peers/requirements.txt; by hand:

    python check.py --pleura target/release/pleura --bench target/release/pleura-bench --folder target/onnx

Networks with random weights are made here with torch, norms included, of which some turn signs; --model adds trained ones.
Of each, `pleura export` writes the classifier and the graphs with heatmaps, and `--test-data` what pleura itself answers. Every
graph is read by onnx.checker with its shape inference, and run by each runtime. Two numbers must agree: logits to 1e-4 of the film's
largest, heatmaps to 1e-3 of the map's largest absolute value. Prints a line a graph and runtime, and one line of JSON at the end; exit
code 1 where a number is off.

--seconds times, in turns, the graph in ONNX Runtime and `pleura-bench`'s explanation of the same network.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

LOGITS = 1e-4
HEATMAPS = 1e-3
FINDINGS = ("COVID-19", "pneumonia", "normal")
COMPOSITES = (None, "epsilon-plus-flat", "epsilon-alpha2-beta1-flat", "epsilon-gamma-box", "epsilon-box", "lrp-0")
# torchvision's words for the family: growth, blocks, channels of the stem.
NETWORKS = {
    "small": (12, (3, 4, 4), 16),
    "densenet121": (32, (6, 12, 24, 16), 64),
    "densenet169": (32, (6, 12, 32, 32), 64),
    "densenet201": (32, (6, 12, 48, 32), 64),
}


def main() -> int:
    arguments = parse()
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    models = []
    for case in arguments.network:
        name, _, size = case.partition("@")
        weights = fresh(arguments, name, int(size or 224))
        models.append((case, weights, []))
    for path in arguments.model:
        models.append((str(path), path, arguments.film))
    if arguments.seconds:
        return timed(arguments, models)
    lines = [line for model in models for line in checked(arguments, *model)]
    bad = [line for line in lines if not line["agrees"]]
    print(json.dumps({"versions": versions(), "checks": lines}))
    print(f"{len(lines)} checks, {len(bad)} disagree", file=sys.stderr)
    return 1 if bad else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pleura", type=Path, required=True, help="the program that exports")
    parser.add_argument("--bench", type=Path, required=True, help="the program that times the engine")
    parser.add_argument("--folder", type=Path, required=True, help="where weights and graphs are written")
    parser.add_argument("--network", action="append", metavar="NAME[@SIZE]", help="random weights; none: small and densenet121")
    parser.add_argument("--model", action="append", type=Path, default=[], metavar="WEIGHTS|RUN", help="trained weights")
    parser.add_argument("--film", action="append", type=Path, default=[], help="films that the trained models are asked about")
    parser.add_argument("--runtimes", default="onnxruntime,openvino")
    parser.add_argument("--tract", type=Path, help="the program that runs a graph in tract")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=int, default=0, metavar="ROUNDS", help="time instead of comparing")
    arguments = parser.parse_args()
    if arguments.network is None:
        # 75 pixels leave maps with odd sides, whose last row the pools drop.
        arguments.network = [] if arguments.model else ["small@96", "small@75", "densenet121"]
    return arguments


def versions() -> dict:
    import onnx
    import onnxruntime
    import openvino

    return {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, "openvino": openvino.__version__}


def fresh(arguments: argparse.Namespace, name: str, size: int) -> Path:
    """Random weights with norms as training leaves them, a tenth of their factors negative, imported by pleura."""
    import torch
    from torchvision.models import DenseNet

    growth, blocks, channels = NETWORKS[name]
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    network = DenseNet(growth, blocks, channels, num_classes=len(FINDINGS))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                shape = module.weight.shape
                sign = torch.where(torch.rand(shape, generator=generator) < 0.1, -1.0, 1.0)
                module.weight.copy_(sign * (0.5 + torch.rand(shape, generator=generator)))
                module.bias.copy_(0.3 * torch.randn(shape, generator=generator))
                module.running_mean.copy_(0.3 * torch.randn(shape, generator=generator))
                module.running_var.copy_(0.5 + torch.rand(shape, generator=generator))
    state, out = arguments.folder / f"{name}.pth", arguments.folder / f"{name}-{size}.safetensors"
    torch.save(network.state_dict(), state)
    call(arguments, "import", state, "--arch", name, "--findings", ",".join(FINDINGS), "--out", out,
         "--kind", "exclusive", "--size", size, "--fit", "stretch", "--normalisation", "imagenet")
    return out


def call(arguments: argparse.Namespace, *words, program: Path | None = None) -> dict:
    command = [str(program or arguments.pleura), *map(str, words), "--json", "--threads", str(arguments.threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def checked(arguments: argparse.Namespace, label: str, weights: Path, films: list) -> list:
    import onnx

    lines = []
    for composite in COMPOSITES:
        stem = str(arguments.folder / f"{weights.stem}-{composite or 'classifier'}")
        paths = {batch: Path(f"{stem}-{batch}.onnx") for batch in ("dynamic", 1)}
        data = {"engine": Path(f"{stem}.data"), "exact": Path(f"{stem}.exact")}
        words = ["--heatmap", composite] if composite else []
        given = [word for film in films for word in ("--film", film)]
        call(arguments, "export", weights, "--onnx", paths[1], "--batch", 1, *words)
        for kind, folder in data.items():
            exact = ["--exact"] if kind == "exact" else []
            call(arguments, "export", weights, "--onnx", paths["dynamic"], *words, "--test-data", folder, *exact, *given)
        for batch, path in paths.items():
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            outputs = len(model.graph.output)
            taken = slice(0, 1 if batch == 1 else None)
            film = read(data["exact"] / "input_0.pb")[taken]
            engine, exact = ([read(data[kind] / f"output_{number}.pb")[taken] for number in range(outputs)]
                             for kind in ("engine", "exact"))
            for runtime in arguments.runtimes.split(",") + (["tract"] if arguments.tract else []):
                answers = RUNTIMES[runtime](arguments, path, film, outputs)
                line = {"model": label, "composite": composite, "batch": batch, "runtime": runtime,
                        **compared(answers, engine, exact)}
                print("  ".join(f"{key} {value:.1e}" if isinstance(value, float) else str(value)
                                for key, value in line.items()), file=sys.stderr, flush=True)
                lines.append(line)
    return lines


def read(path: Path):
    import onnx

    return onnx.numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


def compared(answers: list, engine: list, exact: list) -> dict:
    """The largest differences from exact arithmetic: of logits to each film's largest, of probabilities as they are, of heatmaps to
    each map's largest; and how far the engine itself, in single precision, is from exact maps, and the answer from the engine's."""
    import numpy as np

    for answer, tensor in zip(answers, exact, strict=True):
        if answer.shape != tensor.shape or not np.isfinite(answer).all():
            return {"agrees": False, "problem": f"{answer.shape}, expected finite {tensor.shape}"}

    def relative(answer, tensor, axes):
        return float((np.abs(answer - tensor).max(axes) / np.abs(tensor).max(axes)).max())

    line = {"logits": relative(answers[0], exact[0], 1), "probabilities": float(np.abs(answers[1] - exact[1]).max())}
    agrees = line["logits"] < LOGITS and line["probabilities"] < LOGITS
    if len(exact) > 2:
        line["heatmaps"] = relative(answers[2], exact[2], (2, 3))
        line["engine"] = relative(engine[2], exact[2], (2, 3))
        line["from engine"] = relative(answers[2], engine[2], (2, 3))
        agrees = agrees and line["heatmaps"] < HEATMAPS
    return {**line, "agrees": agrees}


def session(arguments: argparse.Namespace, path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def onnxruntime(arguments, path, film, _outputs) -> list:
    return session(arguments, path).run(None, {"film": film})


def openvino(arguments, path, film, outputs) -> list:
    import openvino

    # As they are by default, processors with half-precision units round to them.
    settings = {"INFERENCE_NUM_THREADS": arguments.threads, "INFERENCE_PRECISION_HINT": "f32"}
    results = openvino.Core().compile_model(str(path), "CPU", settings)([film])
    return [results[number] for number in range(outputs)]


def tract(arguments, path, film, _outputs) -> list:
    import numpy as np
    import onnx

    folder = path.with_suffix(".tract")
    folder.mkdir(exist_ok=True)
    (folder / "film.pb").write_bytes(onnx.numpy_helper.from_array(film, "film").SerializeToString())
    command = [str(arguments.tract), str(path), str(folder / "film.pb"), str(folder)]
    shapes = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [np.fromfile(folder / f"{number}.f32", "<f4").reshape(shape) for number, shape in enumerate(shapes)]


RUNTIMES = {"onnxruntime": onnxruntime, "openvino": openvino, "tract": tract}


def timed(arguments: argparse.Namespace, models: list) -> int:
    """Rounds in turns: the classifier, the graph of one finding's heatmap, and the engine's own."""
    import numpy as np

    for label, weights, _ in models:
        runs, sizes = {}, None
        for composite in COMPOSITES[:2]:
            path = arguments.folder / f"{weights.stem}-{composite or 'classifier'}-timed.onnx"
            words = ["--onnx", path, "--batch", 1]
            words += ["--heatmap", composite, "--finding", FINDINGS[0]] if composite else []
            facts = call(arguments, "export", weights, *words)["onnx"]
            sizes = facts["size"], facts["model"]["architecture"], len(facts["model"]["findings"])
            film = np.random.default_rng(1).random((1, 1, sizes[0], sizes[0]), dtype=np.float32)
            graph = session(arguments, path)
            runs[composite or "classifier"] = lambda graph=graph, film=film: graph.run(None, {"film": film})
        seconds = {name: [] for name in (*runs, "engine infers", "engine explains")}
        for _ in range(arguments.seconds):
            for name, run in runs.items():
                run()
                laps = []
                for _ in range(5):
                    start = time.perf_counter()
                    run()
                    laps.append(time.perf_counter() - start)
                seconds[name].append(statistics.median(laps))
            for name, mode in (("engine infers", "infer"), ("engine explains", "explain")):
                facts = call(arguments, "--mode", mode, "--architecture", sizes[1], "--batch", 1, "--size", sizes[0],
                             "--outputs", sizes[2], "--warm-up", 1, "--steps", 5, program=arguments.bench)
                seconds[name].append(statistics.median(facts["seconds"]))
        print(json.dumps({"model": label, "threads": arguments.threads, "versions": versions(),
                          "milliseconds": {name: round(1e3 * statistics.median(laps), 1) for name, laps in seconds.items()},
                          "rounds": arguments.seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
