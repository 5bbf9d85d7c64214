"""The verb of deciding many cases at once. What is done to each is done later, row by row, by the verbs of one case."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from ..models import Act, Bulk, BulkRow, DeclineReason
from .moves import NotAllowed, log, staff

MOST_AT_ONCE = 100
"""More than anybody looks through before pressing a button."""
PERMISSIONS: Mapping[str, str] = {
    Act.APPROVE: "approve_refundrequest",
    Act.DECLINE: "decline_refundrequest",
    Act.ASSIGN: "work_refundrequest",
}


def start_bulk(
    act: Act,
    *,
    by: User,
    versions: Mapping[int, int],
    decline_reason: DeclineReason | None = None,
    words: str = "",
    to: User | None = None,
    address: str | None = None,
) -> Bulk:
    """Asks for the same to be done to many cases, each (pk) only if it is still of the version that `by` saw.

    The rows are the instruction: they are done by the worker, whoever closes which window. Raises `NotAllowed`.
    """
    actor = staff(by, PERMISSIONS[act], address)
    if not versions:
        raise NotAllowed("none", _("Choose at least one request."))
    if len(versions) > MOST_AT_ONCE:
        raise NotAllowed("too_many", _("At most %(most)d requests can be decided at once.") % {"most": MOST_AT_ONCE})
    if act == Act.DECLINE and (decline_reason is None or not words.strip()):
        raise NotAllowed("words", _("Tell the customers why."))
    with transaction.atomic():
        bulk = Bulk.objects.create(
            act=act, by=by, address=address, decline_reason=decline_reason or "", words=words.strip(), to=to
        )
        rows = [BulkRow(bulk=bulk, refund_request_id=pk, version=version) for pk, version in versions.items()]
        BulkRow.objects.bulk_create(rows)
        log("bulk_started", actor, data={"bulk": bulk.pk, "act": act, "cases": sorted(versions)})
    return bulk
