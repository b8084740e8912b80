"""How far the newest ingestion run is, read from the files that it leaves beside the index.

    ROOT/runs/<run>/run.json, progress.json, report.json

Ingestion writes them; this only reads, so that serving can tell without knowing ingestion.
"""

import json
from typing import Any

import fsspec

FOLDER = "runs"


def newest_run(root: str) -> dict[str, Any] | None:
    """Run, corpus, progress, and its outcome once there is one; None before the first run."""
    fs, path = fsspec.core.url_to_fs(root.rstrip("/"))
    fs.invalidate_cache()
    begun = sorted(str(found) for found in fs.glob(f"{path}/{FOLDER}/*/run.json"))
    if not begun:
        return None
    folder = begun[-1].rpartition("/")[0]
    about = _read(fs, f"{folder}/run.json") or {}
    report = _read(fs, f"{folder}/report.json") or {}
    return {
        "run": folder.rpartition("/")[2],
        "corpus": about.get("corpus"),
        "outcome": report.get("status"),
        "reason": report.get("reason"),
        "progress": _read(fs, f"{folder}/progress.json"),
    }


def _read(fs: Any, path: str) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(fs.cat_file(path))
    except FileNotFoundError:
        return None
    return content
