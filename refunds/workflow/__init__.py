"""The verbs: everything that can be done to a case or a payout, and the only writer of any status.

Every verb is one short transaction: the compare-and-set of the row, its event in the ledger, the mail it causes and the
nudge that follows the commit. None calls the store. `NotAllowed` says in plain words why something cannot be done;
`LostRace` that somebody else was faster. After either, nothing has changed.
"""

from .access import confirm_app, renew_recovery_codes, reset_second_factor, turn_off_second_factor
from .bulks import MOST_AT_ONCE, start_bulk
from .cases import (
    approve,
    decline,
    edit_amount,
    log_erasure,
    open_for_customer,
    reopen,
    submit,
    take_back,
    vouch,
    withdraw,
)
from .conversation import answer, ask, assign, note, resend, write, write_back
from .doubts import confirm_no_payout, correct, settle_not_paid, settle_paid, to_correct
from .evidence import (
    adopt,
    doubt_before_sending,
    expire_lease,
    note_sum_mismatch,
    paid_after_all,
    postpone_look,
    record_look,
    record_watch,
    stop_looking,
)
from .exports import log_export
from .moves import LostRace, NotAllowed
from .payouts import attempt_owner, claim, hold_back, record, write_ahead
from .previews import mails_of_approval, mails_of_correction, mails_of_decline, mails_of_message
from .switch import confirm_home, pause, pause_automatically, resume

__all__ = [
    "MOST_AT_ONCE",
    "LostRace",
    "NotAllowed",
    "adopt",
    "answer",
    "approve",
    "ask",
    "assign",
    "attempt_owner",
    "claim",
    "confirm_app",
    "confirm_home",
    "confirm_no_payout",
    "correct",
    "decline",
    "doubt_before_sending",
    "edit_amount",
    "expire_lease",
    "hold_back",
    "log_erasure",
    "log_export",
    "mails_of_approval",
    "mails_of_correction",
    "mails_of_decline",
    "mails_of_message",
    "note",
    "note_sum_mismatch",
    "open_for_customer",
    "paid_after_all",
    "pause",
    "pause_automatically",
    "postpone_look",
    "record",
    "record_look",
    "record_watch",
    "renew_recovery_codes",
    "reopen",
    "resend",
    "reset_second_factor",
    "resume",
    "settle_not_paid",
    "settle_paid",
    "start_bulk",
    "stop_looking",
    "submit",
    "take_back",
    "to_correct",
    "turn_off_second_factor",
    "vouch",
    "withdraw",
    "write",
    "write_ahead",
    "write_back",
]
