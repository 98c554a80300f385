"""Puts the golden films into the corpus folders, without the first bytes that the targets add themselves."""

from pathlib import Path

here = Path(__file__).parent
golden = here / "../../crates/pleura-film/tests/golden"
for target, pattern, skip, prefix in (("png", "*.png", 8, b""), ("jpeg", "*.jpg", 2, b""), ("dicom", "*.dcm", 132, b"\0")):
    folder = here / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for path in golden.glob(pattern):
        if not path.name.startswith("bare_"):
            (folder / path.stem).write_bytes(prefix + path.read_bytes()[skip:])
