"""Makes the golden TIFF, BMP and WebP films of this folder and `expected.json`, which says what they decode to.

Needs numpy, Pillow, tifffile and imagecodecs:

    python make.py

Pillow (libtiff, libwebp) and tifffile write the files, some are written here byte by byte. What they decode to comes
from another reader than the writer, where there is one: `read_by` in `expected.json` names it. Expected grey levels
are 16-bit numbers, little endian, in hexadecimal.
"""

import hashlib
import io
import json
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

HERE = Path(__file__).parent
WIDTH, HEIGHT = 23, 18
expected = {}


def chest(top: int) -> np.ndarray:
    """Something with a chest's grey levels, from 0 to `top`: two dark lungs, a bright middle, noise."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    u, v = (x - WIDTH / 2) / WIDTH, (y - HEIGHT / 2) / HEIGHT
    image = 0.75 - 0.5 * np.exp(-(((np.abs(u) - 0.24) / 0.11) ** 2 + (v / 0.33) ** 2)) + 0.05 * rng.standard_normal(u.shape)
    image = (image - image.min()) / (image.max() - image.min())
    return np.rint(image * top).astype(np.int64)


def luma(rgb: np.ndarray) -> np.ndarray:
    return rgb[..., 0] * 0.299 + rgb[..., 1] * 0.587 + rgb[..., 2] * 0.114


def record(name: str, grey: np.ndarray, read_by: str, steps: list, colour: str, bit_depth: int, tolerance: float = 1.0,
           **facts) -> None:
    """`grey` in 0..1; `tolerance` in 16-bit levels."""
    levels = np.rint(np.clip(grey, 0, 1) * 65535).astype("<u2")
    kind = {"tif": "tiff"}.get(name.rsplit(".", 1)[1], name.rsplit(".", 1)[1])
    expected[name] = facts | {"format": kind, "height": levels.shape[0], "width": levels.shape[1], "bit_depth": bit_depth,
                              "colour": colour, "steps": steps, "tolerance": tolerance, "read_by": read_by,
                              "grey": levels.tobytes().hex()}


def refuse(name: str, *words: str) -> None:
    expected[name] = {"error": list(words)}


def pillow(name: str, mode: str) -> np.ndarray:
    with Image.open(HERE / name) as image:
        image.load()
        return np.asarray(image.convert(mode)).astype(np.int64)


def by_tifffile(name: str) -> np.ndarray:
    return tifffile.imread(HERE / name).astype(np.int64)


# --------------------------------------------------------------------------------------------------- TIFF

GREY8, GREY16, GREY12 = chest(255), chest(65535), chest(4095)
COLOUR8 = np.stack([GREY8, GREY8 // 2, 255 - GREY8], -1)
COLOUR16 = np.stack([GREY16, GREY16 // 2, 65535 - GREY16], -1)
ALPHA8 = np.tile(np.linspace(0, 255, WIDTH).astype(np.int64), (HEIGHT, 1))


def make_tiff() -> None:
    decompressed = {"raw": [], "tiff_lzw": ["decompressed"], "tiff_adobe_deflate": ["decompressed"],
                    "packbits": ["decompressed"]}
    for compression, steps in decompressed.items():
        short = compression.split("_")[-1]
        # libtiff through Pillow, read by tifffile (with imagecodecs).
        for name, image, grey in ((f"grey8_{short}.tif", Image.fromarray(GREY8.astype(np.uint8)), GREY8 / 255),
                                  (f"grey16_{short}.tif", Image.fromarray(GREY16.astype(np.uint16)), GREY16 / 65535)):
            image.save(HERE / name, compression=compression)
            values = by_tifffile(name)
            top = 255 if "grey8" in name else 65535
            assert (values / top == grey).all()
            record(name, values / top, "tifffile", steps, "grey", 8 if top == 255 else 16)
        name = f"rgb8_{short}.tif"
        Image.fromarray(COLOUR8.astype(np.uint8)).save(HERE / name, compression=compression)
        values = by_tifffile(name)
        record(name, luma(values / 255), "tifffile", [*steps, "luma"], "rgb", 8,
               colourfulness=float((values.max(-1) - values.min(-1)).max() / 255))

    # tifffile, read by Pillow.
    def written(name: str, values: np.ndarray, **options) -> None:
        tifffile.imwrite(HERE / name, values, **options)

    for order, short in (("<", "little"), (">", "big")):
        written(f"grey16_{short}_strips.tif", GREY16.astype(np.uint16), byteorder=order, rowsperstrip=5)
        record(f"grey16_{short}_strips.tif", pillow(f"grey16_{short}_strips.tif", "I") / 65535, "Pillow", [], "grey", 16)
        written(f"grey16_{short}_predictor.tif", GREY16.astype(np.uint16), byteorder=order, compression="lzw",
                predictor=True, rowsperstrip=7)
        record(f"grey16_{short}_predictor.tif", pillow(f"grey16_{short}_predictor.tif", "I") / 65535, "Pillow",
               ["decompressed"], "grey", 16)
        written(f"grey16_{short}_tiles.tif", GREY16.astype(np.uint16), byteorder=order, compression="zlib",
                predictor=True, tile=(16, 16))
        record(f"grey16_{short}_tiles.tif", pillow(f"grey16_{short}_tiles.tif", "I") / 65535, "Pillow",
               ["decompressed"], "grey", 16)
    written("rgb8_tiles.tif", COLOUR8.astype(np.uint8), photometric="rgb", tile=(16, 32), compression="lzw", predictor=True)
    record("rgb8_tiles.tif", luma(pillow("rgb8_tiles.tif", "RGB") / 255), "Pillow", ["decompressed", "luma"], "rgb", 8)
    written("rgb8_planes.tif", np.moveaxis(COLOUR8, -1, 0).astype(np.uint8), photometric="rgb", planarconfig="separate",
            compression="zlib", predictor=True, rowsperstrip=9)
    record("rgb8_planes.tif", luma(pillow("rgb8_planes.tif", "RGB") / 255), "Pillow", ["decompressed", "luma"], "rgb", 8)
    # Pillow has no 16-bit colours: imagecodecs' own reader (libtiff).
    written("rgb16.tif", COLOUR16.astype(np.uint16), photometric="rgb")
    values = imagecodecs.tiff_decode((HERE / "rgb16.tif").read_bytes()).astype(np.int64)
    assert values.shape == (HEIGHT, WIDTH, 3)
    record("rgb16.tif", luma(values / 65535), "imagecodecs (libtiff)", ["luma"], "rgb", 16)
    written("rgba8.tif", np.concatenate([COLOUR8, ALPHA8[..., None]], -1).astype(np.uint8), photometric="rgb",
            extrasamples=["unassalpha"])
    values = pillow("rgba8.tif", "RGBA") / 255
    record("rgba8.tif", luma(values) * values[..., 3], "Pillow", ["alpha_over_black", "luma"], "rgba", 8)
    premultiplied = np.concatenate([COLOUR8 * ALPHA8[..., None] // 255, ALPHA8[..., None]], -1).astype(np.uint8)
    written("rgba8_premultiplied.tif", premultiplied, photometric="rgb", extrasamples=["assocalpha"])
    # imagecodecs returns the samples as stored: multiplied by alpha already.
    values = imagecodecs.tiff_decode((HERE / "rgba8_premultiplied.tif").read_bytes())
    assert (values == premultiplied).all()
    record("rgba8_premultiplied.tif", luma(values / 255), "imagecodecs (libtiff)", ["alpha_over_black", "luma"], "rgba", 8)
    Image.fromarray(np.stack([GREY8, ALPHA8], -1).astype(np.uint8), "LA").save(HERE / "grey_alpha8.tif", compression="tiff_lzw")
    values = by_tifffile("grey_alpha8.tif") / 255
    record("grey_alpha8.tif", values[..., 0] * values[..., 1], "tifffile", ["decompressed", "alpha_over_black"],
           "grey_alpha", 8)

    for bits, values in ((8, GREY8), (16, GREY16)):
        name, top = f"white_is_zero{bits}.tif", (1 << bits) - 1
        written(name, (top - values).astype(f"u{bits // 8}"), photometric="miniswhite")
        # Pillow inverts 8 bits; 16 bits it leaves as they are stored.
        found = pillow(name, "L") / 255 if bits == 8 else (top - pillow(name, "I")) / top
        assert (found == values / top).all()
        record(name, found, "Pillow", ["inverted"], "grey", bits)
    # A detector of 12 bits in words of 16, as it is and inverted: scaled by its own range.
    written("detector12.tif", GREY12.astype(np.uint16))
    record("detector12.tif", pillow("detector12.tif", "I") / 4095, "Pillow", ["detector_bits"], "grey", 16)
    written("detector12_white_is_zero.tif", (4095 - GREY12).astype(np.uint16), photometric="miniswhite")
    record("detector12_white_is_zero.tif", (4095 - pillow("detector12_white_is_zero.tif", "I")) / 4095, "Pillow",
           ["detector_bits", "inverted"], "grey", 16)

    bilevel = Image.fromarray(GREY8.astype(np.uint8)).convert("1")
    bilevel.save(HERE / "grey1.tif", compression="packbits")
    record("grey1.tif", by_tifffile("grey1.tif").astype(float), "tifffile", ["decompressed"], "grey", 1)
    palette = np.stack([np.arange(256), 255 - np.arange(256), np.arange(256) * 13 % 256], -1).astype(np.uint8)
    indexed = Image.fromarray(GREY8.astype(np.uint8), "P")
    indexed.putpalette(palette.tobytes())
    indexed.save(HERE / "palette8.tif", compression="tiff_adobe_deflate")
    page = tifffile.TiffFile(HERE / "palette8.tif").pages[0]
    assert (page.colormap.T >> 8 == palette).all()
    record("palette8.tif", luma((page.colormap.T >> 8)[page.asarray()] / 255), "tifffile",
           ["decompressed", "palette", "luma"], "palette", 8)
    for orientation in (3, 6):
        name = f"orientation{orientation}.tif"
        # Compressed: Pillow 13 confuses the sides of an uncompressed file that is turned.
        Image.fromarray(GREY8.astype(np.uint8)).save(HERE / name, tiffinfo={274: orientation}, compression="tiff_lzw")
        turned = {3: GREY8[::-1, ::-1], 6: np.rot90(GREY8, -1)}[orientation]
        assert (pillow(name, "L") == turned).all()
        record(name, pillow(name, "L") / 255, "Pillow", ["decompressed", "orientation"], "grey", 8)

    # Written here: packed samples of 4, 10, 12 and 14 bits, read by tifffile (imagecodecs.packints).
    for bits in (4, 10, 12, 14):
        packed(f"packed{bits}.tif", bits)
        values = by_tifffile(f"packed{bits}.tif")
        assert (values == chest((1 << bits) - 1)).all()
        record(f"packed{bits}.tif", values / ((1 << bits) - 1), "tifffile", [], "grey", bits)

    # A page and its reduced image beside it: one film.
    with tifffile.TiffWriter(HERE / "with_thumbnail.tif") as file:
        file.write(GREY8[::2, ::2].astype(np.uint8), subfiletype=1, metadata=None)
        file.write(GREY8.astype(np.uint8), metadata=None)
    values = tifffile.TiffFile(HERE / "with_thumbnail.tif").pages[1].asarray() / 255
    record("with_thumbnail.tif", values, "tifffile", [], "grey", 8)

    # Refused by name.
    written("three_pages.tif", np.stack([GREY8] * 3).astype(np.uint8), photometric="minisblack")
    refuse("three_pages.tif", "3 pages", "magick 'IN[0]' OUT.png")
    written("big.tif", GREY8.astype(np.uint8), bigtiff=True)
    refuse("big.tif", "BigTIFF", "magick")
    written("float.tif", (GREY8 / 255).astype(np.float32))
    refuse("float.tif", "floating-point", "16-bit PNG")
    written("signed.tif", (GREY12 - 2048).astype(np.int16))
    refuse("signed.tif", "signed", "16-bit PNG")
    written("wide.tif", GREY16.astype(np.uint32))
    refuse("wide.tif", "32 bits", "magick")
    written("jpeg.tif", GREY8.astype(np.uint8), compression="jpeg")
    refuse("jpeg.tif", "JPEG compression", "magick")
    written("zstd.tif", GREY8.astype(np.uint8), compression="zstd")
    refuse("zstd.tif", "Zstandard", "magick")
    bilevel.save(HERE / "fax.tif", compression="group4")
    refuse("fax.tif", "CCITT", "magick")
    Image.fromarray(COLOUR8.astype(np.uint8)).convert("CMYK").save(HERE / "cmyk.tif", compression="tiff_lzw")
    refuse("cmyk.tif", "CMYK", "magick")


def packed(name: str, bits: int) -> None:
    """A big-endian TIFF file of one strip of packed samples, rows on whole bytes."""
    rows = b""
    for row in chest((1 << bits) - 1):
        flags = ((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(-1).astype(np.uint8)
        rows += np.packbits(flags).tobytes()
    fields = [(256, 3, WIDTH), (257, 3, HEIGHT), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1),
              (278, 3, HEIGHT), (279, 4, len(rows))]
    rows += b"\0" * (len(rows) % 2)
    directory = struct.pack(">H", len(fields))
    for tag, kind, value in fields:
        directory += struct.pack(">HHI", tag, kind, 1) + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value))
    (HERE / name).write_bytes(b"MM\0*" + struct.pack(">I", 8 + len(rows)) + rows + directory + b"\0\0\0\0")


# ---------------------------------------------------------------------------------------------------- BMP


def bmp(name: str, bits: int, rows: list, header: int = 40, downwards: bool = False, compression: int = 0,
        palette: bytes = b"", masks: tuple = (), raw: bytes | None = None) -> None:
    """A BMP file; `rows` from top to bottom, not padded."""
    pixels = raw
    if pixels is None:
        padded = [row + b"\0" * (-len(row) % 4) for row in rows]
        pixels = b"".join(padded if downwards else padded[::-1])
    height = -HEIGHT if downwards else HEIGHT
    if header == 12:
        information = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits)
    else:
        information = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, len(pixels), 2835, 2835,
                                  len(palette) // 4, 0)
        information += b"".join(struct.pack("<I", mask) for mask in masks)
        information += b"\0" * (header - len(information))
    offset = 14 + len(information) + len(palette)
    head = b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset)
    (HERE / name).write_bytes(head + information + palette + pixels)


def make_bmp() -> None:
    # Written by Pillow, read by imagecodecs.
    Image.fromarray(GREY8.astype(np.uint8)).save(HERE / "grey8.bmp")
    values = imagecodecs.bmp_decode((HERE / "grey8.bmp").read_bytes())
    assert (np.squeeze(values) == GREY8).all()
    record("grey8.bmp", np.squeeze(values) / 255, "imagecodecs", ["palette"], "palette", 8)
    Image.fromarray(COLOUR8.astype(np.uint8)).save(HERE / "rgb24.bmp")
    values = imagecodecs.bmp_decode((HERE / "rgb24.bmp").read_bytes(), asrgb=True)
    assert (values == COLOUR8).all()
    record("rgb24.bmp", luma(values / 255), "imagecodecs", ["luma"], "rgb", 8)
    Image.fromarray(GREY8.astype(np.uint8)).convert("1").save(HERE / "grey1.bmp")
    record("grey1.bmp", pillow("grey1.bmp", "L") / 255, "Pillow", ["palette"], "palette", 1)

    # Written here, read by Pillow.
    def read(name: str, steps: list, colour: str, bit_depth: int, tolerance: float = 1.0) -> None:
        values = pillow(name, "RGBA") / 255
        record(name, luma(values) * values[..., 3], "Pillow", steps, colour, bit_depth, tolerance)

    greys = b"".join(bytes([level, level, level, 0]) for level in range(256))
    colours = b"".join(bytes([level * 13 % 256, 255 - level, level, 0]) for level in range(256))
    rows8 = [bytes(row.tolist()) for row in GREY8]
    bmp("palette8.bmp", 8, rows8, palette=colours)
    read("palette8.bmp", ["palette", "luma"], "palette", 8)
    bmp("grey8_downwards.bmp", 8, rows8, palette=greys, downwards=True)
    read("grey8_downwards.bmp", ["palette"], "palette", 8)
    bmp("grey8_os2.bmp", 8, rows8, header=12, palette=b"".join(bytes([level] * 3) for level in range(256)))
    read("grey8_os2.bmp", ["palette"], "palette", 8)
    grey4 = chest(15)
    padded = np.concatenate([grey4, np.zeros((HEIGHT, 1), np.int64)], 1)
    bmp("grey4.bmp", 4, [bytes((row[::2] << 4 | row[1::2]).tolist()) for row in padded],
        palette=b"".join(bytes([level * 17] * 3 + [0]) for level in range(16)))
    read("grey4.bmp", ["palette"], "palette", 4)
    bgr = COLOUR8[..., ::-1]
    bmp("rgb24_downwards.bmp", 24, [bytes(row.reshape(-1).tolist()) for row in bgr], downwards=True)
    read("rgb24_downwards.bmp", ["luma"], "rgb", 8)
    bgrx = np.concatenate([bgr, np.full((HEIGHT, WIDTH, 1), 77)], -1)
    bmp("rgb32.bmp", 32, [bytes(row.reshape(-1).tolist()) for row in bgrx])
    read("rgb32.bmp", ["luma"], "rgb", 8)
    bgra = np.concatenate([bgr, ALPHA8[..., None]], -1)
    bmp("rgba32.bmp", 32, [bytes(row.reshape(-1).tolist()) for row in bgra], header=124, compression=3,
        masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    read("rgba32.bmp", ["alpha_over_black", "luma"], "rgba", 8)
    grey5 = chest(31)
    words = (grey5 << 10 | grey5 << 5 | grey5).astype("<u2")
    # Pillow cuts where this project rounds, half a level of 8 bits.
    bmp("rgb555.bmp", 16, [row.tobytes() for row in words])
    read("rgb555.bmp", ["luma"], "rgb", 5, tolerance=258)
    words = (grey5 << 11 | grey5 << 6 | grey5).astype("<u2")
    bmp("rgb565.bmp", 16, [row.tobytes() for row in words], header=56, compression=3, masks=(0xF800, 0x7E0, 0x1F, 0))
    read("rgb565.bmp", ["luma"], "rgb", 6, tolerance=258)

    runs = b"".join(b"".join(bytes([1, level]) for level in row.tolist()) + b"\0\0" for row in GREY8[::-1]) + b"\0\1"
    bmp("run_length.bmp", 8, [], palette=greys, compression=1, raw=runs)
    assert (pillow("run_length.bmp", "L") == GREY8).all()
    refuse("run_length.bmp", "run-length", "magick")


# --------------------------------------------------------------------------------------------------- WebP


def make_webp() -> None:
    grey, colour = Image.fromarray(GREY8.astype(np.uint8)), Image.fromarray(COLOUR8.astype(np.uint8))
    alpha = Image.fromarray(np.concatenate([COLOUR8, ALPHA8[..., None]], -1).astype(np.uint8))

    def read(name: str, steps: list, colour: str, tolerance: float = 1.0) -> np.ndarray:
        values = np.squeeze(imagecodecs.webp_decode((HERE / name).read_bytes(), index=0)) / 255
        opacity = values[..., 3] if values.shape[-1] == 4 else 1
        record(name, luma(values) * opacity, "imagecodecs (libwebp)", ["decompressed", *steps], colour, 8, tolerance)
        return values

    grey.save(HERE / "lossless_grey.webp", lossless=True)
    assert (read("lossless_grey.webp", ["luma"], "rgb")[..., 0] * 255 == GREY8).all()
    colour.save(HERE / "lossless_rgb.webp", lossless=True)
    read("lossless_rgb.webp", ["luma"], "rgb")
    alpha.save(HERE / "lossless_rgba.webp", lossless=True, exact=True)
    read("lossless_rgba.webp", ["alpha_over_black", "luma"], "rgba")
    bilevel = grey.convert("1").convert("RGB")
    bilevel.save(HERE / "lossless_two_colours.webp", lossless=True)
    read("lossless_two_colours.webp", ["luma"], "rgb")
    grey.save(HERE / "lossy_grey.webp", quality=90)
    read("lossy_grey.webp", ["luma"], "rgb")
    colour.save(HERE / "lossy_rgb.webp", quality=60, method=6)
    read("lossy_rgb.webp", ["luma"], "rgb")
    alpha.save(HERE / "lossy_rgba.webp", quality=80, exact=True)
    read("lossy_rgba.webp", ["alpha_over_black", "luma"], "rgba")
    exif = Image.Exif()
    exif[274] = 6
    grey.save(HERE / "orientation6.webp", lossless=True, exif=exif)
    values = np.squeeze(imagecodecs.webp_decode((HERE / "orientation6.webp").read_bytes()))[..., 0]
    record("orientation6.webp", np.rot90(values, -1) / 255, "imagecodecs (libwebp), turned by numpy",
           ["decompressed", "luma", "orientation"], "rgb", 8)
    grey.convert("RGB").save(HERE / "animation.webp", lossless=True, save_all=True, append_images=[colour], duration=100)
    with Image.open(HERE / "animation.webp") as image:
        values = np.asarray(image.convert("RGB")) / 255
    record("animation.webp", luma(values), "Pillow", ["decompressed", "first_of_animation", "luma"], "rgb", 8)


make_tiff()
make_bmp()
make_webp()
listed = set(expected)
present = {path.name for path in HERE.iterdir()} - {"make.py", "expected.json"}
assert listed == present, listed ^ present
text = json.dumps({"made_by": "make.py", "sha256_of_make_py": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
                   "files": dict(sorted(expected.items()))}, indent=0)
(HERE / "expected.json").write_text(text + "\n")
