"""Puts golden films and golden weight files of others into the corpus of the targets that read them."""

import shutil
from pathlib import Path

here = Path(__file__).parent
corpus = here / "corpus"

# Films, without the first bytes that the targets add themselves.
films = here / "../crates/pleura-film/tests/golden"
for target, pattern, skip, prefix in (("png", "*.png", 8, b""), ("jpeg", "*.jpg", 2, b""), ("dicom", "*.dcm", 132, b"\0")):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    for path in films.glob(pattern):
        if not path.name.startswith("bare_"):
            (folder / path.stem).write_bytes(prefix + path.read_bytes()[skip:])

# Compressed frames of other encoders: whole files, and the frame alone after a byte that chooses the syntax.
(corpus / "codestream").mkdir(parents=True, exist_ok=True)
for path in (here / "../crates/pleura-film/tests/codestreams").glob("*.dcm"):
    file = path.read_bytes()
    (corpus / "dicom" / path.stem).write_bytes(b"\0" + file[132:])
    start = max(file.find(b"\xff\xd8\xff"), file.find(b"\xff\x4f\xff\x51"))
    (corpus / "codestream" / path.stem).write_bytes(bytes([b"\xff\x4f\xff\x51" in file]) + file[start:])
# TIFF, BMP and WebP; the first byte of a TIFF seed chooses the byte order.
for target, pattern, skip in (("tiff", "*.tif", 4), ("bmp", "*.bmp", 2), ("webp", "*.webp", 12)):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    for path in (films / "pictures").glob(pattern):
        file = path.read_bytes()
        prefix = (b"\1" if file.startswith(b"MM") else b"\0") if target == "tiff" else b""
        (folder / path.stem).write_bytes(prefix + file[skip:])

weights = here / "../crates/pleura-nn/tests/golden/import"
folder = corpus / "import"
folder.mkdir(parents=True, exist_ok=True)
for path in sorted(weights.iterdir()):
    if path.suffix != ".py" and path.stat().st_size < 1 << 16:
        shutil.copyfile(path, folder / path.name)
