"""From nothing to one film's answer, as a user's script does it: `first_answer.py torchvision WEIGHTS FILM`.

The whole process is what `cargo xtask bench peers` times beside `pleura predict`, so nothing is loaded that the answer
does not need. `torchvision` reads a state_dict of a DenseNet-121 or -201, `onnxruntime` the ONNX file of the same network.
Prints one line of JSON.
"""

import argparse
import json
import sys


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=("torchvision", "onnxruntime"))
    parser.add_argument("weights")
    parser.add_argument("film")
    parser.add_argument("--architecture", default="densenet121")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--outputs", type=int, default=15)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    logits, version = {"torchvision": by_torchvision, "onnxruntime": by_onnxruntime}[arguments.engine](arguments)
    print(json.dumps({"version": version, "logits": [float(logit) for logit in logits]}))
    return 0


def by_torchvision(arguments):
    import torch
    import torchvision
    from PIL import Image
    from torchvision.transforms import v2

    torch.set_num_threads(arguments.threads)
    network = torchvision.models.get_model(arguments.architecture, weights=None, num_classes=arguments.outputs)
    network.load_state_dict(torch.load(arguments.weights, weights_only=True))
    network.eval()
    transform = v2.Compose(
        [
            v2.Resize((arguments.size, arguments.size)),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Lambda(lambda grey: grey.expand(3, -1, -1)),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    with Image.open(arguments.film) as film:
        grey = transform(film.convert("L"))
    with torch.inference_mode():
        return network(grey[None])[0].tolist(), torch.__version__


def by_onnxruntime(arguments):
    import numpy
    import onnxruntime
    from PIL import Image

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(arguments.weights, options, providers=["CPUExecutionProvider"])
    with Image.open(arguments.film) as film:
        small = film.convert("L").resize((arguments.size, arguments.size), Image.Resampling.BILINEAR)
    grey = numpy.asarray(small, dtype=numpy.float32)[None, None] / 255
    return session.run(None, {"grey": grey})[0][0], onnxruntime.__version__


if __name__ == "__main__":
    sys.exit(main())
