from django.apps import AppConfig


class PolicyConfig(AppConfig):
    """The outbox, signed documents and the publisher."""

    name = "controlplane.policy"
