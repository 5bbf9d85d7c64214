"""Entry points of RQ: an id in, one call. What they may do stands in the row."""

from . import bulk, health, mail, payout, reconcile, verification, workflow


def warm_up() -> None:
    """Fills the caches of templates, addresses and locales that every job needs. Reads and writes nothing."""
    mail.warm_up()


def pay(refund_request_id: int) -> None:
    payout.pay(refund_request_id)


def look(attempt_id: int) -> None:
    reconcile.look(attempt_id)


def look_up(look_up_id: int) -> None:
    verification.find(look_up_id)


def decide(bulk_row_id: int) -> None:
    bulk.decide(bulk_row_id)


def beat(heartbeat_id: int) -> None:
    health.beat(heartbeat_id)


def deliver(mail_id: int) -> None:
    mail.deliver(mail_id, owner=workflow.attempt_owner())
