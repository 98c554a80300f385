"""Puts the golden weight files of others into the corpus, for the target that reads them."""

import shutil
from pathlib import Path

here = Path(__file__).parent
golden = here / "../crates/pleura-nn/tests/golden/import"
folder = here / "corpus" / "import"
folder.mkdir(parents=True, exist_ok=True)
for path in sorted(golden.iterdir()):
    if path.suffix != ".py" and path.stat().st_size < 1 << 16:
        shutil.copyfile(path, folder / path.name)
