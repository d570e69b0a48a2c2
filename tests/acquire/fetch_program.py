"""Fetch the record in the file that is named first; run as a process of its own."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from medshelf.acquire.fetch import fetch
from medshelf.catalog.record import Record
from medshelf.core.errors import MedshelfError

if __name__ == "__main__":
    record = Record.model_validate_json(Path(sys.argv[1]).read_text("utf-8"))
    if len(sys.argv) > 2:
        limit = int(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        sys.stdout.write(str(fetch(record, options={})))
    except MedshelfError as error:
        sys.exit(f"{type(error).__name__}: {error}")
