"""Makes the golden films of this folder and `expected.json`, which says what they must decode to.

Needs numpy, Pillow and pydicom, and DCMTK's dcmconv, dcmcjpeg, dcmdjpeg, dcmcrle and dcmcjpls on the path:

    python make.py

PNG files are written here byte by byte, so that every colour type, depth and interlacing occurs; Pillow
writes the JPEG files and says what they decode to; pydicom and DCMTK do the same for DICOM. Expected grey
levels are 16-bit numbers, little endian, in hexadecimal.
"""

import hashlib
import json
import os
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import UID, ExplicitVRLittleEndian

HERE = Path(__file__).parent
WIDTH, HEIGHT = 37, 26
expected = {}


def chest(top: int) -> np.ndarray:
    """Something with a chest's grey levels, from 0 to `top`: two dark lungs, a bright middle, noise."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    u, v = (x - WIDTH / 2) / WIDTH, (y - HEIGHT / 2) / HEIGHT
    image = 0.75 - 0.5 * np.exp(-(((np.abs(u) - 0.24) / 0.11) ** 2 + (v / 0.33) ** 2)) + 0.05 * rng.standard_normal(u.shape)
    image = (image - image.min()) / (image.max() - image.min())
    return np.rint(image * top).astype(np.int64)


def record(name: str, grey: np.ndarray, tolerance: float = 1.0, **facts) -> None:
    """`grey` in 0..1; `tolerance` in 16-bit levels."""
    levels = np.rint(np.clip(grey, 0, 1) * 65535).astype("<u2")
    facts |= {"height": levels.shape[0], "width": levels.shape[1], "tolerance": tolerance, "grey": levels.tobytes().hex()}
    expected[name] = facts


def refuse(name: str, *words: str) -> None:
    expected[name] = {"error": list(words)}


# ---------------------------------------------------------------------------------------------------- PNG


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def packed_rows(samples: np.ndarray, depth: int) -> bytes:
    """Rows of `[height, width, channels]` with filter byte 0."""
    rows = b""
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            data = flat.astype(">u2").tobytes()
        elif depth == 8:
            data = flat.astype(np.uint8).tobytes()
        else:
            bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).reshape(-1).astype(np.uint8)
            data = np.packbits(bits).tobytes()
        rows += b"\0" + data
    return rows


def png(name: str, colour: int, depth: int, samples: np.ndarray, extra: bytes = b"", interlaced: bool = False) -> None:
    samples = samples.reshape(HEIGHT, WIDTH, -1)
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        raw = b"".join(packed_rows(samples[y::dy, x::dx], depth) for y, x, dy, dx in passes)
    else:
        raw = packed_rows(samples, depth)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, interlaced)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    (HERE / name).write_bytes(file)


def luma(rgb: np.ndarray) -> np.ndarray:
    return rgb[..., 0] * 0.299 + rgb[..., 1] * 0.587 + rgb[..., 2] * 0.114


def make_png() -> None:
    for depth in (1, 2, 4, 8, 16):
        top = (1 << depth) - 1
        grey = chest(top)
        png(f"grey{depth}.png", 0, depth, grey)
        record(f"grey{depth}.png", grey / top, format="png", bit_depth=depth, colour="grey", steps=[])
        if depth in (8, 16):
            alpha = np.tile(np.linspace(0, top, WIDTH).astype(np.int64), (HEIGHT, 1))
            colour = np.stack([grey, grey // 2, top - grey], -1)
            png(f"grey_alpha{depth}.png", 4, depth, np.stack([grey, alpha], -1))
            record(f"grey_alpha{depth}.png", grey / top * alpha / top, format="png", bit_depth=depth, colour="grey_alpha",
                   steps=["alpha_over_black"])
            png(f"rgb{depth}.png", 2, depth, colour)
            spread = (colour.max(-1) - colour.min(-1)).max() / top
            record(f"rgb{depth}.png", luma(colour / top), format="png", bit_depth=depth, colour="rgb", steps=["luma"],
                   colourfulness=spread)
            png(f"rgba{depth}.png", 6, depth, np.concatenate([colour, alpha[..., None]], -1))
            record(f"rgba{depth}.png", luma(colour / top) * alpha / top, format="png", bit_depth=depth, colour="rgba",
                   steps=["alpha_over_black", "luma"])
            png(f"grey{depth}_interlaced.png", 0, depth, grey, interlaced=True)
            record(f"grey{depth}_interlaced.png", grey / top, format="png", bit_depth=depth, colour="grey", steps=[])
        if depth <= 8:
            palette = np.stack([np.arange(top + 1) * 255 // top, 255 - np.arange(top + 1) * 255 // top,
                                np.arange(top + 1) * 13 % 256], -1)
            png(f"palette{depth}.png", 3, depth, grey, chunk(b"PLTE", palette.astype(np.uint8).tobytes()))
            record(f"palette{depth}.png", luma(palette[grey] / 255), format="png", bit_depth=depth, colour="palette",
                   steps=["palette", "luma"])
    top, grey = 255, chest(255)
    alphas = np.arange(256)[::-1]
    ramp = np.repeat(np.arange(256)[:, None], 3, 1)
    extra = chunk(b"PLTE", ramp.astype(np.uint8).tobytes()) + chunk(b"tRNS", alphas.astype(np.uint8).tobytes())
    png("palette8_transparent.png", 3, 8, grey, extra)
    record("palette8_transparent.png", grey / top * alphas[grey] / 255, format="png", bit_depth=8, colour="palette",
           steps=["palette", "alpha_over_black", "luma"], colourfulness=0.0)
    for name in sorted(expected):
        if name.endswith(".png") and not name.startswith(("rgb16", "rgba16", "grey_alpha16")):
            Image.open(HERE / name).load()


# --------------------------------------------------------------------------------------------------- JPEG


def make_jpeg() -> None:
    grey = chest(255).astype(np.uint8)
    colour = np.stack([grey, 255 - grey, np.roll(grey, 5, 1)], -1)

    def save(name: str, image: Image.Image, colour_name: str, steps: list, **options) -> None:
        image.save(HERE / name, quality=92, **options)
        judge(name, colour_name, steps)

    def judge(name: str, colour_name: str, steps: list) -> None:
        with Image.open(HERE / name) as read:
            if read.mode == "CMYK":
                # Pillow hands out inks as Adobe stores them, turned right: 255 is full ink.
                ink = np.asarray(read).astype(float) / 255
                wanted = luma((1 - ink[..., :3]) * (1 - ink[..., 3:]))
            else:
                wanted = np.asarray(read.convert("L")).astype(float) / 255
        # Decoders differ in the last bits of the inverse DCT and in how they spread subsampled colour.
        record(name, wanted, tolerance=2.5 * 257, format="jpeg", bit_depth=8, colour=colour_name, steps=steps)

    image = Image.fromarray(grey)
    save("grey.jpg", image, "grey", [])
    save("grey_progressive.jpg", image, "grey", [], progressive=True)
    save("grey_restarts.jpg", image, "grey", [], restart_marker_blocks=3)
    image = Image.fromarray(colour)
    save("ycbcr444.jpg", image, "y_cb_cr", ["luma"], subsampling=0)
    save("ycbcr420.jpg", image, "y_cb_cr", ["luma"], subsampling=2)
    save("ycbcr420_progressive.jpg", image, "y_cb_cr", ["luma"], subsampling=2, progressive=True)
    save("rgb.jpg", image, "rgb", ["luma"], keep_rgb=True)
    save("cmyk.jpg", image.convert("CMYK"), "cmyk", ["inks", "luma"])
    # The same data, said to be YCCK, as Photoshop writes inks.
    data = bytearray((HERE / "cmyk.jpg").read_bytes())
    data[data.index(b"Adobe") + 11] = 2
    (HERE / "ycck.jpg").write_bytes(data)
    judge("ycck.jpg", "ycck", ["inks", "luma"])
    image = Image.fromarray(grey)
    for orientation in range(1, 9):
        name = f"orientation{orientation}.jpg"
        exif = Image.Exif()
        exif[0x0112] = orientation
        image.save(HERE / name, quality=92, exif=exif)
        with Image.open(HERE / name) as read:
            from PIL import ImageOps

            turned = np.asarray(ImageOps.exif_transpose(read)).astype(float) / 255
        steps = ["orientation"] if orientation > 1 else []
        record(name, turned, tolerance=2.5 * 257, format="jpeg", bit_depth=8, colour="grey", steps=steps)


# -------------------------------------------------------------------------------------------------- DICOM


def film(modality: str = "DX") -> Dataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.1.1")
    meta.MediaStorageSOPInstanceUID = UID("1.2.826.0.1.3680043.10.1.1")
    meta.ImplementationClassUID = UID("1.2.826.0.1.3680043.10.1")
    set = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    set.SpecificCharacterSet = "ISO_IR 100"
    set.SOPClassUID = meta.MediaStorageSOPClassUID
    set.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    set.StudyInstanceUID = UID("1.2.826.0.1.3680043.10.1.2")
    set.SeriesInstanceUID = UID("1.2.826.0.1.3680043.10.1.3")
    set.ImageType = ["DERIVED", "PRIMARY"]
    set.Modality = modality
    set.Manufacturer = "Phantom Works"
    set.PatientName = "Müller^Anna"
    set.PatientID = "P-007"
    set.PatientSex = "F"
    set.PatientAge = "058Y"
    set.BodyPartExamined = "CHEST"
    set.ViewPosition = "PA"
    set.PixelSpacing = [0.143, 0.143]
    # Something nested that is passed over, with a pixel description of its own.
    inner = Dataset()
    inner.Rows, inner.Columns, inner.BitsAllocated = 2, 2, 8
    inner.PixelData = b"\1\2\3\4"
    inner["PixelData"].VR = "OB"
    set.IconImageSequence = [inner]
    return set


def with_pixels(set: Dataset, values: np.ndarray, stored: int, photometric: str = "MONOCHROME2", high: int | None = None) -> Dataset:
    allocated = 8 if stored <= 8 else 16
    signed = bool(values.min() < 0)
    set.SamplesPerPixel = 1
    set.PhotometricInterpretation = photometric
    set.Rows, set.Columns = values.shape
    set.BitsAllocated, set.BitsStored = allocated, stored
    set.HighBit = stored - 1 if high is None else high
    set.PixelRepresentation = int(signed)
    kind = {(8, False): "<u1", (8, True): "<i1", (16, False): "<u2", (16, True): "<i2"}[allocated, signed]
    data = (values << (set.HighBit + 1 - stored)).astype(kind).tobytes()
    set.PixelData = data + b"\0" * (len(data) % 2)
    set["PixelData"].VR = "OB" if allocated == 8 else "OW"
    return set


def save(set: Dataset, name: str) -> Path:
    path = HERE / name
    set.save_as(path, enforce_file_format=False, implicit_vr=set.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2", little_endian=True)
    return path


def displayed(set: Dataset, values: np.ndarray, index: int = 0, prefer_lut: bool = True) -> np.ndarray:
    """Grey by pydicom's modality and VOI functions, 0 to 1."""
    modality = apply_modality_lut(values, set)
    if "VOILUTSequence" in set and prefer_lut:
        top = 2 ** set.VOILUTSequence[index].LUTDescriptor[2] - 1
        grey = apply_voi_lut(modality, set, index=index, prefer_lut=True) / top
    elif "WindowWidth" in set:
        out = apply_voi_lut(modality, set, index=index, prefer_lut=False).astype(float)
        # The range onto which pydicom puts a window.
        if "ModalityLUTSequence" in set:
            low, high = 0, 2 ** set.ModalityLUTSequence[0].LUTDescriptor[2] - 1
        elif set.PixelRepresentation == 0:
            low, high = 0, 2**set.BitsStored - 1
        else:
            low, high = -(2 ** (set.BitsStored - 1)), 2 ** (set.BitsStored - 1) - 1
        if "RescaleSlope" in set:
            low, high = (edge * float(set.RescaleSlope) + float(set.RescaleIntercept) for edge in (low, high))
        grey = (out - low) / (high - low)
    elif set.BitsStored == 8 and set.PixelRepresentation == 0 and np.array_equal(modality, values):
        grey = modality / 255
    else:
        grey = (modality - modality.min()) / (modality.max() - modality.min())
    if set.PhotometricInterpretation == "MONOCHROME1" or set.get("PresentationLUTShape") == "INVERSE":
        grey = 1 - grey
    return grey


def table(entries: np.ndarray, first: int, bits: int, vr: str = "US") -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, vr, [len(entries) if len(entries) < 65536 else 0, first, bits])
    item.add_new(0x00283006, "OW", entries.astype("<u2").tobytes())
    return item


def plain(name: str, set: Dataset, values: np.ndarray, steps: list, **options) -> None:
    save(set, name)
    facts = {key: options.pop(key) for key in ("voi", "polarity") if key in options}
    record(name, displayed(set, values, **options), format="dicom", bit_depth=set.BitsStored, colour="grey", steps=steps, **facts)


def make_dicom_grey() -> None:
    ten, twelve, sixteen, eight = chest(1023), chest(4095), chest(65535), chest(255)
    signed = twelve - 2048

    plain("dx8.dcm", with_pixels(film(), eight, 8), eight, ["stored_bits", "full_range"])
    plain("dx8_monochrome1.dcm", with_pixels(film(), eight, 8, "MONOCHROME1"), eight, ["stored_bits", "full_range", "inverted"])
    plain("dx10.dcm", with_pixels(film("CR"), ten, 10), ten, ["stored_bits", "min_max"])
    plain("dx12.dcm", with_pixels(film(), twelve, 12), twelve, ["stored_bits", "min_max"])
    plain("dx16.dcm", with_pixels(film(), sixteen, 16), sixteen, ["stored_bits", "min_max"])
    plain("dx12_signed.dcm", with_pixels(film(), signed, 12), signed, ["stored_bits", "min_max"])
    plain("dx8_signed.dcm", with_pixels(film(), eight - 128, 8), eight - 128, ["stored_bits", "min_max"])

    # 12 bits at the top of their words, and words with an overlay in the bits above.
    plain("dx12_high15.dcm", with_pixels(film(), twelve, 12, high=15), twelve, ["stored_bits", "min_max"])
    set = with_pixels(film(), twelve, 12)
    set.PixelData = ((np.indices(twelve.shape).sum(0) % 2 << 15) | twelve).astype("<u2").tobytes()
    plain("dx12_overlay_bits.dcm", set, twelve, ["stored_bits", "min_max"])

    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        set = with_pixels(film(), twelve, 12)
        set.WindowCenter, set.WindowWidth, set.VOILUTFunction = 1800.5, 1500, function
        plain(f"window_{function.lower()}.dcm", set, twelve, ["stored_bits", "window"])
    set = with_pixels(film(), signed, 12, "MONOCHROME1")
    set.RescaleSlope, set.RescaleIntercept = "2.5", "-100"
    set.WindowCenter, set.WindowWidth = [-200, 1000], [3000, 900]
    plain("rescale_window_monochrome1.dcm", set, signed, ["stored_bits", "rescale", "window", "inverted"])
    plain("rescale_window_second.dcm", set, signed, ["stored_bits", "rescale", "window", "inverted"], index=1, voi={"window": 1})
    set = with_pixels(film(), twelve, 12)
    set.WindowCenter, set.WindowWidth = [100, 2000], [0, 1800]
    save(set, "window_of_width_0.dcm")
    set.WindowCenter, set.WindowWidth = 2000, 1800
    record("window_of_width_0.dcm", displayed(set, twelve), format="dicom", bit_depth=12, colour="grey",
           steps=["stored_bits", "window_ignored", "window"])
    set = with_pixels(film(), twelve, 12)
    set.WindowCenter, set.WindowWidth = 2000, 1
    plain("window_of_width_1.dcm", set, twelve, ["stored_bits", "window"], prefer_lut=False, voi={"window": 0})

    curve = np.rint(1023 * (np.arange(3000) / 2999) ** 0.5).astype(np.int64)
    for vr_first in (500, -1500):
        source = twelve if vr_first > 0 else signed
        set = with_pixels(film(), source, 12)
        set.VOILUTSequence = [table(curve, vr_first, 10, "US" if vr_first > 0 else "SS")]
        set.WindowCenter, set.WindowWidth = 2000, 1800
        name = "voi_lut.dcm" if vr_first > 0 else "voi_lut_signed.dcm"
        plain(name, set, source, ["stored_bits", "voi_lut"])
        if vr_first > 0:
            plain("voi_lut_window_asked.dcm", set, source, ["stored_bits", "window"], prefer_lut=False, voi={"window": 0})
    dense = np.arange(4096)[::-1]
    set = with_pixels(film(), ten, 10)
    set.ModalityLUTSequence = [table(np.rint(4095 * (np.arange(1024) / 1023) ** 2).astype(np.int64), 0, 16)]
    set.ModalityLUTSequence[0].ModalityLUTType = "US"
    plain("modality_lut.dcm", set, ten, ["stored_bits", "modality_lut", "min_max"])
    set.VOILUTSequence = [table(curve, 0, 10), table(dense, 0, 12)]
    plain("modality_lut_voi_lut_second.dcm", set, ten, ["stored_bits", "modality_lut", "voi_lut"], index=1, voi={"lut": 1})
    del set.VOILUTSequence
    set.WindowCenter, set.WindowWidth = 1500, 2600
    set.PhotometricInterpretation = "MONOCHROME1"
    plain("modality_lut_window_monochrome1.dcm", set, ten, ["stored_bits", "modality_lut", "window", "inverted"])

    set = with_pixels(film(), twelve, 12)
    set.PresentationLUTShape = "INVERSE"
    plain("shape_inverse.dcm", set, twelve, ["stored_bits", "min_max", "inverted"])
    set.PhotometricInterpretation = "MONOCHROME1"
    plain("shape_inverse_monochrome1.dcm", set, twelve, ["stored_bits", "min_max", "inverted"])
    set.PhotometricInterpretation = "MONOCHROME2"
    del set.PresentationLUTShape
    set.PhotometricInterpretation = "MONOCHROME1"
    save(set, "tagged_wrongly.dcm")
    set.PhotometricInterpretation = "MONOCHROME2"
    record("tagged_wrongly.dcm", displayed(set, twelve), format="dicom", bit_depth=12, colour="grey",
           steps=["stored_bits", "min_max", "polarity_overruled"], polarity="monochrome2")

    # Padding is black whatever the polarity, and no part of the scale.
    padded = twelve // 2 + 1000
    inner = padded[5:]
    grey = (padded - inner.min()) / (inner.max() - inner.min())
    padded[:3], grey[:3] = 4000, 1
    padded[3:5], grey[3:5] = 4095, 1
    set = with_pixels(film(), padded, 12, "MONOCHROME1")
    set.add_new(0x00280120, "US", 4095)
    set.add_new(0x00280121, "US", 4000)
    save(set, "padding_monochrome1.dcm")
    record("padding_monochrome1.dcm", 1 - grey, format="dicom", bit_depth=12, colour="grey",
           steps=["stored_bits", "min_max", "inverted", "padding"])


def run(*command) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def make_dicom_syntaxes() -> None:
    """What DCMTK makes of a few films, and what DCMTK decodes it to."""
    sources = {
        "8": with_pixels(film("CR"), chest(255), 8),
        "10": with_pixels(film("CR"), chest(1023), 10, "MONOCHROME1"),
        "12": with_pixels(film("CR"), chest(4095), 12),
        "16": with_pixels(film("CR"), chest(65535), 16),
        "12s": with_pixels(film("CR"), chest(4095) - 2048, 12),
    }
    grey = chest(255)
    colour = film("OT")
    colour.SOPClassUID = colour.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    rgb = np.stack([grey, np.minimum(grey + 9, 255), grey], -1)
    colour.SamplesPerPixel, colour.PhotometricInterpretation, colour.PlanarConfiguration = 3, "RGB", 0
    colour.Rows, colour.Columns = grey.shape
    colour.BitsAllocated, colour.BitsStored, colour.HighBit, colour.PixelRepresentation = 8, 8, 7, 0
    colour.PixelData = rgb.astype(np.uint8).tobytes()
    colour["PixelData"].VR = "OB"
    sources["rgb"] = colour
    for set in sources.values():
        # DCMTK would want to compress the icon too.
        del set.IconImageSequence

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.dcm"
        back = Path(folder) / "back.dcm"

        def made(name: str, which: str, *command, steps: list, tolerance: float = 1.0, lossy: bool = False) -> None:
            set = sources[which]
            set.save_as(source, enforce_file_format=False, implicit_vr=False, little_endian=True)
            run(*command, source, HERE / name)
            if lossy:
                run("dcmdjpeg", HERE / name, back)
                set = pydicom.dcmread(back)
                # The window that DCMTK writes beside a lossy image is the file's, and counts.
            values = pydicom.dcmread(back if lossy else source).pixel_array.astype(np.int64)
            if which == "rgb":
                wanted = luma(values / 255)
                facts = {"colour": "rgb"}
            else:
                wanted = displayed(set, values)
                facts = {"colour": "grey"}
            record(name, wanted, tolerance=tolerance, format="dicom", bit_depth=int(set.BitsStored), steps=steps, **facts)

        for which, last in (("8", "full_range"), ("12", "min_max"), ("12s", "min_max")):
            steps = ["stored_bits", last]
            made(f"implicit{which}.dcm", which, "dcmconv", "+ti", steps=steps)
            made(f"big_endian{which}.dcm", which, "dcmconv", "+tb", steps=steps)
            made(f"deflated{which}.dcm", which, "dcmconv", "+td", steps=["decompressed", *steps])
        made("undefined_lengths.dcm", "12", "dcmconv", "+te", "-e", "-g", steps=["stored_bits", "min_max"])
        made("bare_explicit.dcm", "12", "dcmconv", "+te", "-F", steps=["stored_bits", "min_max"])
        made("bare_implicit.dcm", "12", "dcmconv", "+ti", "-F", steps=["stored_bits", "min_max"])
        for which, steps in (("8", ["full_range"]), ("10", ["min_max", "inverted"]), ("12s", ["min_max"]), ("16", ["min_max"])):
            made(f"rle{which}.dcm", which, "dcmcrle", steps=["decompressed", "stored_bits", *steps])
            made(f"jpegll{which}.dcm", which, "dcmcjpeg", "+e1", steps=["decompressed", "stored_bits", *steps])
        made("rle_rgb.dcm", "rgb", "dcmcrle", steps=["decompressed", "luma"])
        made("rgb.dcm", "rgb", "dcmconv", "+te", steps=["luma"])
        made("jpegll_rgb.dcm", "rgb", "dcmcjpeg", "+e1", steps=["decompressed", "luma"])
        for predictor in range(1, 8):
            made(f"jpegll_sv{predictor}.dcm", "12", "dcmcjpeg", "+el", "+sv", predictor, steps=["decompressed", "stored_bits", "min_max"])
        made("jpegll_pt2.dcm", "12", "dcmcjpeg", "+el", "+sv", 2, "+pt", 2, steps=["decompressed", "stored_bits", "min_max"], lossy=True)
        made("jpegll_fragments.dcm", "16", "dcmcjpeg", "+e1", "+fs", 1, steps=["decompressed", "stored_bits", "min_max"])
        made("rle_no_offsets.dcm", "16", "dcmcrle", "-ot", steps=["decompressed", "stored_bits", "min_max"])
        made("jpegll_no_offsets.dcm", "16", "dcmcjpeg", "+e1", "-ot", steps=["decompressed", "stored_bits", "min_max"])
        # A stored value of 12 bits may be off by one or two where inverse DCTs round differently.
        one = 65535 / 4095
        made("jpeg_extended12.dcm", "12", "dcmcjpeg", "+ee", "+q", 95, steps=["decompressed", "stored_bits", "min_max"], tolerance=3 * one, lossy=True)
        made("jpeg_baseline8.dcm", "8", "dcmcjpeg", "+eb", "+q", 95, steps=["decompressed", "stored_bits", "full_range"], tolerance=2.5 * 257, lossy=True)
        made("jpeg_baseline_rgb.dcm", "rgb", "dcmcjpeg", "+eb", "+q", 95, "+cn", steps=["decompressed", "luma"], tolerance=4 * 257, lossy=True)
        expected["jpeg_baseline_rgb.dcm"]["colour"] = "y_cb_cr"

    for name, photometric in (("planar_rgb.dcm", "RGB"), ("ybr_full.dcm", "YBR_FULL")):
        colour.PhotometricInterpretation, colour.PlanarConfiguration = photometric, int(name.startswith("planar"))
        samples = rgb
        if photometric == "YBR_FULL":
            samples = np.asarray(Image.fromarray(rgb.astype(np.uint8)).convert("YCbCr")).astype(np.int64)
        ordered = samples.transpose(2, 0, 1) if name.startswith("planar") else samples
        colour.PixelData = ordered.astype(np.uint8).tobytes()
        colour["PixelData"].VR = "OB"
        save(colour, name)
        wanted = samples[..., 0] / 255 if photometric == "YBR_FULL" else luma(rgb / 255)
        record(name, wanted, format="dicom", bit_depth=8, colour="y_cb_cr" if photometric == "YBR_FULL" else "rgb", steps=["luma"])

    # Streams as files of their own.
    for name, source, precision in (("lossless16.jpg", "jpegll16.dcm", 16), ("extended12.jpg", "jpeg_extended12.dcm", 12)):
        set = pydicom.dcmread(HERE / source)
        from pydicom.encaps import get_frame

        (HERE / name).write_bytes(get_frame(set.PixelData, 0, number_of_frames=1))
    record("lossless16.jpg", chest(65535) / 65535, format="jpeg", bit_depth=16, colour="grey", steps=[])
    record("extended12.jpg", chest(4095) / 4095, tolerance=40 * 16, format="jpeg", bit_depth=12, colour="grey", steps=[])
    # Unlike a DICOM film without a window, a JPEG file is not stretched to its own range: a missing shift shows.
    set = pydicom.dcmread(HERE / "jpegll_pt2.dcm")
    (HERE / "lossless16_pt2.jpg").write_bytes(get_frame(set.PixelData, 0, number_of_frames=1))
    with tempfile.TemporaryDirectory() as folder:
        back = Path(folder) / "back.dcm"
        run("dcmdjpeg", HERE / "jpegll_pt2.dcm", back)
        values = pydicom.dcmread(back).pixel_array
    record("lossless16_pt2.jpg", values / 65535, format="jpeg", bit_depth=16, colour="grey", steps=[])


def make_refused() -> None:
    twelve = chest(4095)
    save(with_pixels(film("CT"), twelve, 12), "ct.dcm")
    refuse("ct.dcm", "CT", "computed tomography", "(0008,0060)")
    set = with_pixels(film("XA"), twelve, 12)
    set.NumberOfFrames = 3
    set.PixelData = set.PixelData * 3
    save(set, "three_frames.dcm")
    refuse("three_frames.dcm", "3", "frames")
    set = with_pixels(film(), twelve, 12)
    del set.PixelData
    save(set, "no_pixels.dcm")
    refuse("no_pixels.dcm", "before the pixels")
    set = with_pixels(film(), twelve, 12)
    del set.Rows
    save(set, "no_rows.dcm")
    refuse("no_rows.dcm", "Rows", "(0028,0010)")
    set = with_pixels(film(), twelve, 12)
    set.PixelData = set.PixelData[:-100]
    save(set, "short_pixels.dcm")
    refuse("short_pixels.dcm", "truncated", str(2 * WIDTH * HEIGHT))
    set = with_pixels(film(), twelve, 12)
    set.RescaleSlope, set.RescaleIntercept = 0, 0
    save(set, "slope_0.dcm")
    refuse("slope_0.dcm", "RescaleSlope", "(0028,1053)")


# ------------------------------------------------------------------------------------------------- resize


def make_resize() -> list:
    """Pillow's BILINEAR in mode F, of an image that both sides compute."""
    cases = []
    for width, height, size, fit in ((61, 47, 32, "stretch"), (301, 199, 28, "stretch"), (20, 13, 32, "stretch"), (150, 90, 24, "crop"), (64, 200, 24, "crop")):
        y, x = np.mgrid[0:height, 0:width]
        grey = ((x * 7919 + y * 104729 + x * y * 31) % 1000 / 999).astype(np.float32)
        box = (0, 0, width, height)
        if fit == "crop":
            side = min(width, height)
            box = ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
        out = np.asarray(Image.fromarray(grey, "F").resize((size, size), Image.Resampling.BILINEAR, box=box))
        levels = np.rint(np.clip(out, 0, 1).astype(np.float64) * 65535).astype("<u2")
        cases.append({"width": width, "height": height, "size": size, "fit": fit, "grey": levels.tobytes().hex()})
    return cases


if __name__ == "__main__":
    os.chdir(HERE)
    for old in [*HERE.glob("*.png"), *HERE.glob("*.jpg"), *HERE.glob("*.dcm")]:
        old.unlink()
    make_png()
    make_jpeg()
    make_dicom_grey()
    make_dicom_syntaxes()
    make_refused()
    digests = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    document = {"made_by": "make.py", "sha256_of_make_py": digests, "resize": make_resize(), "files": expected}
    (HERE / "expected.json").write_text(json.dumps(document, indent=0) + "\n")
