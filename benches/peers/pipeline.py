"""From a film's file to a network's input by Pillow and torchvision's v2 transforms.

What torchvision's users write: resizing, flip and affine map run on Pillow's 8-bit image, in Pillow's own code. The same
transforms on tensors were slower by a fifth. The random numbers are drawn anew for each film, as in training.
"""

import PIL
import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2


def pipeline(path: str, size: int, batch: int, timed) -> dict:
    # Films are made by many processes, one thread each, as a data loader does it.
    torch.set_num_threads(1)
    torch.manual_seed(0)
    transform = v2.Compose(
        [
            v2.Resize((size, size)),
            v2.RandomHorizontalFlip(0.5),
            v2.RandomAffine(degrees=40, translate=(0.125, 0.125), interpolation=v2.InterpolationMode.BILINEAR),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )

    def step():
        for _ in range(batch):
            with Image.open(path) as film:
                made = transform(film.convert("L"))
        return made

    measured = timed(step)
    return {
        **measured,
        "version": f"{torchvision.__version__}, Pillow {PIL.__version__}",
        "mean_grey": step().mean().item(),
    }
