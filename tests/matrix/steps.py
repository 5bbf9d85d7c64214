"""The steps of the money path, and the hooks that are put around them from outside.

A function of these modules is a step, part of a step, or works out values; one that is none of the three fails a test.
"""

from __future__ import annotations

import ast
import functools
import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parent.parent.parent
MONEY_PATH = (
    "refunds.verification", "refunds.orders", "refunds.payout", "refunds.reconcile", "refunds.mail", "refunds.breaker",
    "refunds.workflow.payouts", "refunds.workflow.evidence", "refunds.workflow.moves",
)  # fmt: skip
SMTP = "smtp"
"""The one call that does not go to the store."""


@dataclass(frozen=True, slots=True)
class Step:
    """`calls` are those that it makes itself. `inside` a transaction nobody else gets a turn: it can only be killed."""

    name: str
    function: str
    calls: tuple[str, ...] = ()
    inside: bool = False


STEPS = {
    step.name: step
    for step in (
        Step("start", "refunds.verification.start"),
        Step("find", "refunds.orders.find", ("order.list", "order.view")),
        Step("snapshot", "refunds.orders.snapshot", inside=True),
        Step("found", "refunds.verification._done", inside=True),
        Step("later", "refunds.verification._later"),
        Step("prove", "refunds.verification.prove"),
        Step("proven", "refunds.verification._proven"),
        Step("claim", "refunds.workflow.payouts.claim"),
        Step("prepare", "refunds.workflow.payouts._prepare", inside=True),
        Step("home", "refunds.payout.home_confirmed", ("index", "settings.view")),
        Step("order", "refunds.orders.read", ("order.view", "refund.list")),
        Step("ours", "refunds.payout._none_of_ours", ("refund.list",)),
        Step("doubt", "refunds.workflow.evidence.doubt_before_sending"),
        Step("carries", "refunds.payout._carries"),
        Step("hold_back", "refunds.workflow.payouts.hold_back"),
        Step("write_ahead", "refunds.workflow.payouts.write_ahead"),
        Step("post", "refunds.payout._post"),
        Step("call", "refunds.woocommerce.v3.V3Store.create_refund", ("refund.create",)),
        Step("record", "refunds.workflow.payouts.record"),
        Step("own", "refunds.workflow.payouts.move_attempt", inside=True),
        Step("move", "refunds.workflow.moves.move", inside=True),
        Step("ledger", "refunds.workflow.moves.log", inside=True),
        Step("outbox", "refunds.mail.write", inside=True),
        Step("nudge", "refunds.dispatch.enqueue"),
        Step("breaker", "refunds.payout._tell_breaker"),
        Step("sum", "refunds.payout.check_sum", ("order.view",)),
        Step("mismatch", "refunds.workflow.evidence.note_sum_mismatch"),
        Step("expire", "refunds.workflow.evidence.expire_lease"),
        Step("rows", "refunds.orders.refunds", ("refund.list",)),
        Step("notes", "refunds.orders.notes", ("note.list",)),
        Step("adopt", "refunds.workflow.evidence.adopt"),
        Step("after_all", "refunds.workflow.evidence.paid_after_all"),
        Step("record_look", "refunds.workflow.evidence.record_look"),
        Step("postpone", "refunds.workflow.evidence.postpone_look"),
        Step("watched", "refunds.orders.read_only", ("order.view",)),
        Step("record_watch", "refunds.workflow.evidence.record_watch"),
        Step("claim_mail", "refunds.mail._claim"),
        Step("hand_over", "refunds.mail._send", (SMTP,)),
        Step("try_again", "refunds.mail._try_again"),
        Step("delivered", "refunds.mail.deliver"),
    )
}
"""`record` and `breaker` and the like are killed before and after, so the moments between two steps are all there."""

PARTS = {
    "refunds.verification": {"find", "again", "prove_by_link", "of_link"},
    "refunds.orders": {"_told", "_keep_decimals", "_home", "read_home", "refresh", "check", "examine"},
    "refunds.payout": {"pay", "_look", "_changed", "_hold_back", "_send", "_record"},
    "refunds.reconcile": {"look", "look_now", "_look_at_doubt", "_notes", "_watch"},
    "refunds.mail": {"resend", "cancel"},
    "refunds.breaker": {"succeeded", "failed", "misconfigured", "payouts_refused", "payouts_work"},
    "refunds.workflow.payouts": {
        "_claim", "_wait_for_sibling", "_call_sibling", "own", "_apply", "succeed", "give_back", "_fail", "doubt",
        "tell_staff",
    },
    "refunds.workflow.evidence": {"_open_again", "stop_looking"},
    "refunds.workflow.moves": {"edit", "_hold_lines", "answered_first"},
}  # fmt: skip
"""Functions with an effect that lies between two steps above, or that no job of the money path calls."""

VALUES = {
    "refunds.verification": {"network"},
    "refunds.orders": {"store", "_connect", "home_due"},
    "refunds.payout": {"sought", "_outcome", "_clock", "_instruction"},
    "refunds.reconcile": {"next_look", "_seen", "next_watch"},
    "refunds.mail": {"compose", "_customer", "_domain", "_context", "_secrets", "_filled", "warm_up"},
    "refunds.workflow.payouts": {"attempt_owner", "_may_send", "_payload", "_told", "what_was_paid"},
    "refunds.workflow.evidence": {"_substance"},
    "refunds.workflow.moves": {"staff", "require_person", "new_clocks", "_rules", "_due", "_changed"},
}
"""Functions that only work something out."""


def unlisted() -> set[str]:
    """Functions of the money path that nobody has sorted yet, and names here that no longer exist."""
    there = {f"{module}.{name}" for module in MONEY_PATH for name in _functions(module)}
    listed = {f"{module}.{name}" for table in (PARTS, VALUES) for module, names in table.items() for name in names}
    listed |= {step.function for step in STEPS.values() if step.function.rpartition(".")[0] in MONEY_PATH}
    return there ^ listed


def _functions(module: str) -> list[str]:
    path = ROOT / Path(*module.split(".")).with_suffix(".py")
    return [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]


# --- Hooks -----------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is no more: nothing after this runs, and open transactions are rolled back."""


class Watcher(Protocol):
    def entering(self, step: Step, args: tuple[Any, ...]) -> None: ...

    def leaving(self, step: Step, args: tuple[Any, ...], result: Any) -> None: ...

    def died(self, step: Step, args: tuple[Any, ...]) -> None: ...


def hook(watcher: Watcher) -> None:
    """Wraps every step, wherever `refunds` knows it by name, for as long as this process lives."""
    for step in STEPS.values():
        owner, name = _owner(step.function)
        original = getattr(owner, name)
        wrapped = _wrapped(step, original, watcher)
        setattr(owner, name, wrapped)
        for module in [module for path, module in sys.modules.items() if path.startswith("refunds")]:
            for known_as, value in list(vars(module).items()):
                if value is original:
                    setattr(module, known_as, wrapped)


def _owner(dotted: str) -> tuple[Any, str]:
    path, _, name = dotted.rpartition(".")
    try:
        return importlib.import_module(path), name
    except ModuleNotFoundError:
        module, _, owner = path.rpartition(".")
        return getattr(importlib.import_module(module), owner), name


def _wrapped(step: Step, original: Callable[..., Any], watcher: Watcher) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapper(*args: Any, **options: Any) -> Any:
        try:
            watcher.entering(step, args)
            try:
                result = original(*args, **options)
            except Exception as error:
                watcher.leaving(step, args, error)
                raise
            watcher.leaving(step, args, result)
        except Killed:
            watcher.died(step, args)
            raise
        return result

    return wrapper
