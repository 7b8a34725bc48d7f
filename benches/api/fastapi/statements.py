"""The statements, by name."""

import os
from pathlib import Path

NAMES = ["caller", "list", "count", "article", "insert", "tags", "link"]


def statements(engine: str) -> dict[str, str]:
    folder = Path(os.environ["SQL"], engine)
    return {name: folder.joinpath(f"{name}.sql").read_text() for name in NAMES}
