"""What `pipeline.rs` measures, by Pillow and torchvision's v2 transforms, on one thread and on the same files.

By hand, after `cargo bench -p pleura-film --bench pipeline`, which makes the films:

    python crates/pleura-film/benches/peer.py target/tmp/films/*.png target/tmp/films/*.jpg

With `--beside BENCHMARK` (the built benchmark in target/release/deps), both are measured in turns, so that the machine's
other work weighs on both alike.
"""

import argparse
import re
import statistics
import subprocess
import time
from pathlib import Path

import torch
from PIL import Image
from torchvision.transforms import v2

SIZE = 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--beside", type=Path, help="the built benchmark")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for film in arguments.films:
        measure(film, arguments.beside, arguments.rounds)


def measure(film: Path, beside: Path | None, rounds: int) -> None:
    augment = [
        v2.RandomAffine(degrees=40, translate=(0.125, 0.125), interpolation=v2.InterpolationMode.BILINEAR),
        v2.RandomHorizontalFlip(),
    ]
    resize = v2.Resize((SIZE, SIZE), antialias=True)
    number = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    # Which of the two ways is the faster depends on the versions: the better one counts.
    ways = {
        "Pillow images": v2.Compose([resize, *augment, *number]),
        "tensors": v2.Compose([v2.ToImage(), resize, v2.ToDtype(torch.float32, scale=True), *augment]),
    }
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            times.setdefault(name, []).append(median_milliseconds(lambda: way(load(film))))
        if beside is not None:
            times.setdefault("pleura", []).append(pleura(beside, film))
    best = min(statistics.median(times[name]) for name in ways)
    for name, taken in times.items():
        ratio = best / statistics.median(taken)
        print(f"{film.name:20} {name:14} {statistics.median(taken):8.2f} ms  {ratio:5.2f} x the better peer")


def load(film: Path) -> Image.Image:
    image = Image.open(film)
    # 16-bit grey has no bilinear resizing in Pillow but as 32-bit numbers.
    return image.convert("F" if image.mode.startswith("I") else "L")


def median_milliseconds(work, repeats: int = 30) -> float:
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        taken.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(taken)


def pleura(benchmark: Path, film: Path) -> float:
    words = [str(benchmark), "--bench", f"{film.name}/file to augmented input"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    _, middle, unit = re.search(r"time:\s+\[(\S+ \S+) (\S+) (\S+) ", said).groups()
    return float(middle) * {"ns": 1e-6, "µs": 1e-3, "ms": 1.0, "s": 1e3}[unit]


if __name__ == "__main__":
    main()
