"""Serve as the dashboard tells it, and what its troubles look like to a person."""

import pytest

from deployments.local import apps
from deployments.local.errors import LocalError
from deployments.local.serve_api import ServeApi
from tests.unit.deployments.local.dashboard import Dashboard, application, deployment


def test_replicas_are_counted_by_whether_they_take_requests() -> None:
    """A replica that starts counts as a replica, not as healthy."""
    starting = deployment(replicas=[{"state": "RUNNING"}, {"state": "STARTING"}])
    with Dashboard(agent=application("agent", {"router": starting})).served() as address:
        (app,) = ServeApi(address).applications()
    (router,) = app.deployments
    assert (router.replicas, router.healthy) == (2, 1)


def test_an_application_runs_only_when_all_its_deployments_are_healthy() -> None:
    """RUNNING with one deployment still starting is not ready."""
    deployments = {"router": deployment(), "ingress": deployment(status="UPDATING")}
    with Dashboard(agent=application("agent", deployments)).served() as address:
        (app,) = ServeApi(address).applications()
    assert not app.running
    assert not app.failed


def test_the_current_config_can_be_applied_again() -> None:
    """It has every application as it was given, and the options that a PUT takes."""
    dashboard = Dashboard(agent=application("agent", {"router": deployment()}))
    with dashboard.served() as address:
        api = ServeApi(address)
        config = api.current_config()
        api.apply(config)
    assert dashboard.applied == [config]
    assert config["http_options"] == {"host": "127.0.0.1", "port": 8000}
    assert "grpc_options" not in config


def test_a_dashboard_that_answers_late_is_asked_again() -> None:
    """A start is not given up because the machine is busy with it; a closed port ends it."""
    dashboard = Dashboard(agent=application("agent", {"router": deployment()}))
    dashboard.late_s = [2.0]
    told: list[str] = []
    with dashboard.served() as address:
        apps.await_running(ServeApi(address, timeout_s=0.5), ["agent"], told.append)
    assert len(told) == 1
    with pytest.raises(LocalError):
        apps.await_running(ServeApi(address, timeout_s=0.5), ["agent"], told.append)


def test_a_dashboard_that_does_not_answer_is_one_line() -> None:
    """The line says what to do."""
    api = ServeApi("http://127.0.0.1:1")
    assert not api.answers()
    with pytest.raises(LocalError, match="switchback up") as caught:
        api.applications()
    assert "\n" not in str(caught.value)


def test_a_refused_config_tells_serves_reason() -> None:
    """Of a traceback, the last line."""
    dashboard = Dashboard()
    dashboard.refusal = "Traceback (most recent call last):\n  ...\nValueError: no such field"
    with dashboard.served() as address, pytest.raises(LocalError, match="no such field") as caught:
        ServeApi(address).apply({"applications": []})
    assert "Traceback" not in str(caught.value)


def test_waiting_ends_with_the_reason_of_a_failed_deployment() -> None:
    """Which application, which deployment, and the error's last line."""
    broken = deployment(0, "DEPLOY_FAILED", message="The replica died:\nImportError: no torch")
    app = application("models", {"encoder": broken}, status="DEPLOY_FAILED")
    reason = pytest.raises(LocalError, match=r"models.*encoder: ImportError: no torch")
    with Dashboard(models=app).served() as address, reason:
        apps.await_running(ServeApi(address), ["models"], lambda _: None)


def test_waiting_names_what_is_not_healthy_yet() -> None:
    """A person sees which deployments the start waits for, and it ends when they are there."""
    slow = deployment(0, "UPDATING")
    dashboard = Dashboard(agent=application("agent", {"router": deployment(), "ingress": slow}))
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        slow.update(deployment())

    with dashboard.served() as address:
        apps.await_running(ServeApi(address), ["agent"], tell)
    assert told == ["1 of 2 deployments healthy; waiting for ingress"]
