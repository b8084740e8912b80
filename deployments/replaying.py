"""The deployed steps as a transport, for running a past turn again. Found late, by name."""

from ray import serve

from deployments.transport import ServeTransport
from serving.middleware import Transport
from serving.replay import COMPARED


def deployed_steps() -> Transport:
    """Only those steps that have no side effects."""
    return ServeTransport({name: serve.get_deployment_handle(name, "agent") for name in COMPARED})
