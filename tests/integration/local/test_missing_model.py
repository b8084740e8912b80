"""A machine on which the models of the profile cannot be had."""

import re
from pathlib import Path

import pytest
import yaml

import models
from deployments.local import instance
from deployments.local.errors import LocalError
from deployments.local.ports import free_ports
from deployments.local.progress import TerminalProgress
from deployments.settings import load_settings

CATALOG = Path(models.__file__).with_name("catalog.yaml")


def test_a_laptop_without_its_models_does_not_start(tmp_path: Path) -> None:
    """One line names a model and where it was looked for; no stub stands in, nothing is left."""
    catalog = yaml.safe_load(CATALOG.read_text("utf-8"))
    for name, model in catalog["models"].items():
        if "sources" in model:
            model["sources"] = [{"kind": "folder", "path": f"nowhere/{name}"}]
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump(catalog), "utf-8")
    http, phone, dashboard = free_ports(3)
    settings = load_settings(
        {
            "SWITCHBACK_DATA_DIR": str(tmp_path / "data"),
            "SWITCHBACK_CATALOG": str(tmp_path / "catalog.yaml"),
            "SWITCHBACK_HTTP_PORT": str(http),
            "SWITCHBACK_SIMULATOR_PORT": str(phone),
            "SWITCHBACK_DASHBOARD_PORT": str(dashboard),
        }
    )
    assert settings.models == "real"
    with pytest.raises(LocalError) as caught:
        instance.up(settings, TerminalProgress())
    line = str(caught.value)
    assert re.search(r"(smollm2-135m-instruct|multilingual-e5-small).*nowhere/\1", line)
    assert "\n" not in line
    assert instance.down(settings, TerminalProgress()) is False
