from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """A store, a mailbox and a tour of our own. Not installed in production."""

    name = "portal.sandbox"
    label = "sandbox"
