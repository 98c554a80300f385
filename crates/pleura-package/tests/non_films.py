"""Draws what is no frontal chest film, and counts what a package makes of it. For docs/packages.md; no test needs it.

    python3 non_films.py draw OUT [FILM ...]      kinds of pictures, a folder each; films are altered as OUT/film-KIND
    python3 non_films.py count PACKAGE FOLDER ...  a table of outcomes, by `pleura predict --json`

Pins: Python 3.11, numpy 2.4, pillow 13.0, scikit-learn 1.9 (which ships two photographs).
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy
from PIL import Image, ImageDraw

SIDE = 512


def save(folder, name, levels):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray((255 * numpy.clip(levels, 0, 1)).astype(numpy.uint8)).save(folder / f"{name}.png")


def draw(out, films):
    random = numpy.random.default_rng(0)
    down, across = numpy.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    for number in range(20):
        angle = random.uniform(0, 2 * numpy.pi)
        slope = numpy.cos(angle) * across + numpy.sin(angle) * down
        save(out / "gradient", number, (slope - slope.min()) / (slope.max() - slope.min()))
        save(out / "noise", number, random.uniform(0, 1, (SIDE, SIDE)) if number % 2 else random.normal(0.5, 0.15, (SIDE, SIDE)))
        spot = numpy.hypot(down - random.uniform(0.3, 0.7), across - random.uniform(0.3, 0.7))
        save(out / "spot", number, 1 - spot * random.uniform(1, 2.5))
        page = Image.new("L", (SIDE, 660), 255)
        pen = ImageDraw.Draw(page)
        for line in range(60):
            letters = (chr(random.integers(97, 123)) if random.random() > 0.15 else " " for _ in range(75))
            pen.text((30, 20 + 10 * line), "".join(letters), fill=0)
        (out / "page").mkdir(exist_ok=True)
        page.save(out / "page" / f"{number}.png")
    for name, level in (("black", 0), ("grey", 0.5), ("white", 1)):
        save(out / "flat", name, numpy.full((SIDE, SIDE), level))
    from sklearn.datasets import load_sample_images

    for name, picture in zip(("china", "flower"), load_sample_images().images):
        for kind, image in (("photograph", Image.fromarray(picture)), ("photograph-grey", Image.fromarray(picture).convert("L"))):
            (out / kind).mkdir(exist_ok=True)
            image.save(out / kind / f"{name}.png")
    for path in films:
        levels = numpy.asarray(Image.open(path).convert("L")) / 255
        name = Path(path).stem
        save(out / "film-inverted", name, 1 - levels)
        save(out / "film-turned", name, numpy.rot90(levels))
        save(out / "film-upside-down", name, levels[::-1])
        height, width = levels.shape
        save(out / "film-quarter", name, levels[: height // 2, : width // 2])


def count(package, folders):
    print("| pictures | refused | abstained | answered | unreadable |\n| --- | --: | --: | --: | --: |")
    for folder in map(Path, folders):
        films = sorted(str(path) for path in folder.iterdir() if path.suffix in (".png", ".jpg", ".dcm"))
        command = ["pleura", "predict", "--model", package, "--json", "--quiet", *films]
        lines = [json.loads(line) for line in subprocess.run(command, capture_output=True, text=True).stdout.splitlines()]
        outcomes = Counter(line["outcome"] for line in lines)
        counts = " | ".join(str(outcomes[kind]) for kind in ("refused", "abstained", "answered", "unreadable"))
        print(f"| {folder.name} ({len(films)}) | {counts} |")
        checks = Counter(flag["check"] for line in lines for flag in line.get("flags", []))
        print(f"{folder.name}: {dict(checks)}", file=sys.stderr)


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    if what == "draw":
        draw(Path(where), rest)
    else:
        count(where, rest)
