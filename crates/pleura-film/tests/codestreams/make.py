"""Makes the DICOM files of this folder with JPEG 2000 and JPEG-LS frames of other encoders, and `expected.json`.

    python make.py

Encoders: CharLS and OpenJPEG (imagecodecs 2026.3, pyjpegls 1.5.1), DCMTK 3.6.7 (`dcmcjpls`), GDCM 3.0.21 (`gdcmconv`). A lossless frame is expected to be the image that was
encoded; a lossy one what pydicom 3.0.2 reads with pylibjpeg and pyjpegls (OpenJPEG and CharLS). Values are stored values; `digest` is the SHA-256
of them as little-endian i32, `values` holds them where a difference of one level is allowed.
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import warnings
import zlib

import imagecodecs
import jpeg_ls
import numpy as np
import pydicom
from openjpeg.utils import encode_array
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

warnings.filterwarnings("ignore")
FOLDER = pathlib.Path(__file__).parent
ROWS, COLUMNS = 40, 48
JPEG_LS, NEAR, J2K, J2K_LOSSY = (f"1.2.840.10008.1.2.4.{end}" for end in (80, 81, 90, 91))


def image(bits, signed=False):
    """Flat parts (runs), a slope, an edge and noise, over the whole range."""
    rng = np.random.default_rng(bits)
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    value = (x + y) / (ROWS + COLUMNS - 2) * 0.8
    value[5:15, :] = 0.25
    value[20:30, 10:30] = 1.0
    value[30:, :] += rng.random((ROWS - 30, COLUMNS)) * 0.2
    value[0, 0] = 0.0
    top = (1 << bits) - 1
    found = np.rint(np.clip(value, 0, 1) * top).astype(np.int32)
    return found - (1 << (bits - 1)) if signed else found


def dicom(syntax, frame, bits, allocated, signed=False, samples=1, photometric="MONOCHROME2"):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "2.25.1"
    ds.Modality = "DX"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = ROWS, COLUMNS, samples
    ds.PhotometricInterpretation = photometric
    if samples == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = allocated, bits, bits - 1, int(signed)
    if frame is not None:
        ds.PixelData = encapsulate([frame])
        ds["PixelData"].VR = "OB"
    return ds


def patterns(values, bits, allocated):
    """Two's complement in `bits` bits."""
    return (values & ((1 << bits) - 1)).astype(np.uint8 if allocated == 8 else np.uint16)


def j2k(values, bits, signed, **options):
    kind = np.int16 if signed else (np.uint8 if bits <= 8 else np.uint16)
    return imagecodecs.jpeg2k_encode(values.astype(kind), bitspersample=bits, **options)


expected = {}


def save(name, ds, values=None, tolerance=0):
    path = FOLDER / f"{name}.dcm"
    ds.save_as(path, enforce_file_format=True)
    if values is None:
        values = pydicom.dcmread(path).pixel_array
    values = np.ascontiguousarray(values, "<i4")
    entry = {"digest": hashlib.sha256(values.tobytes()).hexdigest(), "tolerance": tolerance}
    if tolerance:
        entry["values"] = base64.b64encode(zlib.compress(values.tobytes(), 9)).decode()
    expected[name] = entry


for bits, signed in [(8, False), (10, False), (12, False), (16, False), (12, True), (16, True)]:
    allocated, values, sign = 8 if bits == 8 else 16, image(bits, signed), "s" if signed else ""
    frame = imagecodecs.jpegls_encode(patterns(values, bits, allocated))
    save(f"charls{bits}{sign}", dicom(JPEG_LS, frame, bits, allocated, signed), values)
    frame = j2k(values, bits, signed, codecformat="j2k", reversible=True)
    save(f"openjpeg{bits}{sign}", dicom(J2K, frame, bits, allocated, signed), values)
for bits, near in [(8, 3), (12, 5)]:
    frame = imagecodecs.jpegls_encode(patterns(image(bits), bits, 8 if bits == 8 else 16), level=near)
    save(f"charls{bits}_near{near}", dicom(NEAR, frame, bits, 8 if bits == 8 else 16))
for bits in (8, 12):
    frame = j2k(image(bits), bits, False, codecformat="j2k", level=35, reversible=False)
    save(f"openjpeg{bits}_lossy", dicom(J2K_LOSSY, frame, bits, 8 if bits == 8 else 16), tolerance=1)
save("openjpeg12_jp2", dicom(J2K, j2k(image(12), 12, False, codecformat="jp2", reversible=True), 12, 16), image(12))
# The data set says 16 bits, the codestream 12.
save("openjpeg12_in16", dicom(J2K, j2k(image(12), 12, False, codecformat="j2k", reversible=True), 16, 16), image(12))

# Colour: grey in three channels, so that a film's luma is the grey. CharLS interleaves samples here, DCMTK lines.
grey = np.repeat(image(8)[:, :, None], 3, 2)
frame = imagecodecs.jpegls_encode(grey.astype(np.uint8))
save("charls8_rgb", dicom(JPEG_LS, frame, 8, 8, samples=3, photometric="RGB"), image(8))
frame = imagecodecs.jpeg2k_encode(grey.astype(np.uint8), codecformat="j2k", reversible=True, mct=True)
save("openjpeg8_rct", dicom(J2K, frame, 8, 8, samples=3, photometric="YBR_RCT"), image(8))

# DCMTK's encoder, from uncompressed files.
for name, options, bits in [
    ("dcmtk12", [], 12),
    ("dcmtk16_parameters", ["+t1", "20", "+t2", "90", "+t3", "900", "+rs", "32"], 16),
    ("dcmtk12_near", ["+en", "+md", "4"], 12),
    ("dcmtk8_rgb_lines", ["+il"], 8),
    ("dcmtk8_rgb_planes", ["+in"], 8),
]:
    rgb = "rgb" in name
    if rgb:
        ds = dicom("1.2.840.10008.1.2.1", None, bits, 8, samples=3, photometric="RGB")
        ds.PixelData = grey.astype("u1").tobytes()
    else:
        ds = dicom("1.2.840.10008.1.2.1", None, bits, 16)
        ds.PixelData = image(bits).astype("<u2").tobytes()
    ds["PixelData"].VR = "OB" if rgb else "OW"
    plain = FOLDER / "plain.dcm"
    ds.save_as(plain, enforce_file_format=True)
    subprocess.run(["dcmcjpls", *options, plain, FOLDER / "coded.dcm"], check=True)
    coded = pydicom.dcmread(FOLDER / "coded.dcm")
    save(name, coded, None if "near" in name else image(bits))
    plain.unlink()
    (FOLDER / "coded.dcm").unlink()

# Streams of the precision itself: imagecodecs codes 12 bits as 16. pyjpegls 1.5 is CharLS 2.4.
for bits, signed, near in [
    (2, False, 0),
    (5, False, 0),
    (7, False, 1),
    (10, False, 0),
    (12, False, 0),
    (12, False, 3),
    (12, True, 0),
    (14, True, 2),
]:
    allocated, values = 8 if bits <= 8 else 16, image(bits, signed)
    source = patterns(values, bits, allocated).tobytes()
    frame = bytes(jpeg_ls.encode_buffer(source, ROWS, COLUMNS, 1, bits, lossy_error=near))
    name = f"precision{bits}{'s' if signed else ''}{f'_near{near}' if near else ''}"
    save(name, dicom(NEAR if near else JPEG_LS, frame, bits, allocated, signed), None if near else values)


def restarts(values, bits, lines, near=0):
    """A stream with restart markers: after one, everything begins anew, as in an image of its own (C.2.5)."""
    source, parts = patterns(values, bits, 16), []
    for top in range(0, ROWS, lines):
        strip = source[top : top + lines]
        coded = bytes(jpeg_ls.encode_buffer(strip.tobytes(), len(strip), COLUMNS, 1, bits, lossy_error=near))
        start = coded.index(b"\xff\xda") + 10
        parts.append(coded[start : coded.rindex(b"\xff\xd9")])
    header = bytearray(coded[:start])
    frame = header.index(b"\xff\xf7")
    header[frame + 5 : frame + 7] = ROWS.to_bytes(2, "big")
    scan = header.index(b"\xff\xda")
    header[scan:scan] = b"\xff\xdd\x00\x04" + lines.to_bytes(2, "big")
    coded = b"".join(part + bytes([0xFF, 0xD0 + at % 8]) for at, part in enumerate(parts))
    return bytes(header) + coded[:-2] + b"\xff\xd9"


# What CharLS reads, which `save` asks through pydicom.
save("restarts12", dicom(JPEG_LS, restarts(image(12), 12, 3), 12, 16))
assert expected["restarts12"]["digest"] == expected["precision12"]["digest"]
save("restarts12_near3", dicom(NEAR, restarts(image(12), 12, 7, 3), 12, 16))

# The sign in the codestream is not the data set's: pydicom takes the data set's.
for bits in (12, 16):
    frame = j2k(image(bits, True), bits, True, codecformat="j2k", reversible=True)
    save(f"openjpeg{bits}_said_unsigned", dicom(J2K, frame, bits, 16, False))
    frame = j2k(patterns(image(bits, True), bits, 16), bits, False, codecformat="j2k", reversible=True)
    save(f"openjpeg{bits}_said_signed", dicom(J2K, frame, bits, 16, True))
# 12 bits at the top of words of 16 (PS3.5 8.1.1).
ds = dicom(JPEG_LS, imagecodecs.jpegls_encode((image(12) << 4).astype(np.uint16)), 12, 16)
ds.HighBit = 15
save("charls16_high15", ds, image(12))
# A frame in three fragments; three layers of quality.
ds = dicom(J2K, None, 16, 16)
frame = j2k(image(16), 16, False, codecformat="j2k", reversible=True)
ds.PixelData = encapsulate([frame], fragments_per_frame=3)
ds["PixelData"].VR = "OB"
save("openjpeg16_fragments", ds, image(16))
frame = encode_array(image(12).astype(np.uint16), bits_stored=12, compression_ratios=[20, 10, 4], add_tlm=True, add_plt=True)
save("openjpeg12_layers", dicom(J2K_LOSSY, frame, 12, 16), tolerance=1)
# Y, Cb, Cr without a transform of JPEG 2000: Y is the luma.
ycc = np.stack([image(8), np.full((ROWS, COLUMNS), 90), np.full((ROWS, COLUMNS), 160)], 2)
frame = imagecodecs.jpeg2k_encode(ycc.astype(np.uint8), codecformat="j2k", reversible=True, mct=False)
save("openjpeg8_ybr_rgb", dicom(J2K, frame, 8, 8, samples=3, photometric="YBR_FULL"), image(8))

# GDCM's encoders (gdcmconv 3.0.21), from uncompressed files.
for name, options, bits, signed in [
    ("gdcm8_ls", ["--jpegls"], 8, False),
    ("gdcm10_ls", ["--jpegls"], 10, False),
    ("gdcm12s_ls", ["--jpegls"], 12, True),
    ("gdcm16_ls", ["--jpegls"], 16, False),
    ("gdcm12_ls_near", ["--jpegls", "--lossy", "-e", "3"], 12, False),
    ("gdcm8_j2k", ["--j2k"], 8, False),
    ("gdcm10_j2k", ["--j2k"], 10, False),
    ("gdcm16_j2k_tiles", ["--j2k", "-t", "16,32"], 16, False),
    ("gdcm12s_j2k", ["--j2k"], 12, True),
    ("gdcm16s_j2k", ["--j2k"], 16, True),
    ("gdcm12_j2k_lossy", ["--j2k", "--lossy", "--irreversible", "-r", "8"], 12, False),
]:
    allocated, values = 8 if bits == 8 else 16, image(bits, signed)
    ds = dicom("1.2.840.10008.1.2.1", None, bits, allocated, signed)
    ds.PixelData = patterns(values, bits, allocated).tobytes() if not signed else values.astype("<i2").tobytes()
    ds["PixelData"].VR = "OB" if allocated == 8 else "OW"
    plain, coded = FOLDER / "plain.dcm", FOLDER / "coded.dcm"
    ds.save_as(plain, enforce_file_format=True)
    subprocess.run(["gdcmconv", *options, plain, coded], check=True)
    lossy = "near" in name or "lossy" in name
    save(name, pydicom.dcmread(coded), None if lossy else values, tolerance=int("j2k_lossy" in name))
    plain.unlink()
    coded.unlink()

(FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
