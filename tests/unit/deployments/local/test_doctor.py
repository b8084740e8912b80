"""What the doctor finds, and that each finding says what to do."""

import socket
from pathlib import Path

from deployments.local.doctor import Finding, as_report, examine
from deployments.settings import load_settings


def examine_with(tmp_path: Path, **variables: str) -> dict[str, Finding]:
    named = {f"SWITCHBACK_{name}": value for name, value in variables.items()}
    settings = load_settings({"SWITCHBACK_DATA_DIR": str(tmp_path), **named})
    return {finding.check: finding for finding in examine(settings)}


def test_everything_that_is_not_ok_has_a_fix(tmp_path: Path) -> None:
    """A fresh folder has no index and no models: warnings with a way out, no failure of ours."""
    found = examine_with(tmp_path)
    assert all(finding.fix for finding in found.values() if finding.verdict != "ok")
    assert found["index"].verdict == "warning"
    assert found["models"].verdict == "warning"


def test_stub_models_need_nothing(tmp_path: Path) -> None:
    """Nothing is to be prepared for them."""
    assert examine_with(tmp_path, MODELS="stub")["models"].verdict == "ok"


def test_secrets_that_others_can_read_fail(tmp_path: Path) -> None:
    """The fix is the command to run."""
    assert examine_with(tmp_path)["secrets"].verdict == "ok"
    (tmp_path / "secrets.json").chmod(0o644)
    finding = examine_with(tmp_path)["secrets"]
    assert finding.verdict == "failed"
    assert "chmod 600" in finding.fix


def test_an_occupied_port_fails_and_names_its_variable(tmp_path: Path) -> None:
    """The report as a whole is then not healthy."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = examine_with(tmp_path, HTTP_PORT=str(port))
    finding = found[f"port {port}"]
    assert finding.verdict == "failed"
    assert "SWITCHBACK_HTTP_PORT" in finding.fix
    assert as_report(list(found.values()))["healthy"] is False
