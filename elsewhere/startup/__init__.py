"""What an attempt's interpreter finds on its path: the SDK, and what runs before the script."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from elsewhere._version import __version__

_PACKAGE = Path(__file__).resolve().parent.parent
_STARTUP = Path(__file__).resolve().parent / "sitecustomize.py"


def lay_sdk(folder: Path) -> Path:
    """Make, below ``folder``, the folder that goes on an attempt's ``PYTHONPATH``, and return it.

    It holds ``elsewhere``, as a link to this very package, and ``sitecustomize.py``: none of
    our dependencies, and nothing else that stands beside the package. Safe to repeat, and for
    several agents at once: it appears whole or not at all, under a name that its content gives.

    Raises:
        OSError: it cannot be written.
    """
    startup = _STARTUP.read_bytes()
    mark = hashlib.sha256(os.fsencode(_PACKAGE) + b"\0" + startup).hexdigest()[:12]
    laid = folder / f"{__version__}-{mark}"
    if (laid / "sitecustomize.py").is_file() and (laid / "elsewhere" / "__init__.py").is_file():
        return laid
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder, prefix=".draft-"))
    try:
        (draft / "elsewhere").symlink_to(_PACKAGE, target_is_directory=True)
        (draft / "sitecustomize.py").write_bytes(startup)
        draft.chmod(0o755)  # an executor may run the script as another user
        # A folder is only replaced by `rename` while it is empty: whoever is first, wins.
        with suppress(OSError):
            draft.rename(laid)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if not (laid / "elsewhere" / "__init__.py").is_file():
        raise OSError(f"the SDK could not be laid down at {laid}")
    return laid
