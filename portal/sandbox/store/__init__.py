"""A WooCommerce store of our own, over real HTTP, that answers as real ones do: traps, lies and crashes included.

In a test, in this process::

    from portal.sandbox.store import SandboxStore

    with SandboxStore(tmp_path, orders=[]) as store:            # orders=None: the catalogue of a small shop
        order = store.add_order(total="50.00", billing={"email": "anna@example.com"})
        store.arm("gateway-pays-but-errors", order=order["id"]) # for the next call of that order
        answer = requests.post(
            f"{store.base_url}/wp-json/wc/v3/orders/{order['id']}/refunds",
            json={"amount": "10.00"}, auth=("ck_sandbox", "cs_sandbox"),
        )

        assert answer.status_code == 500
        assert [(money["order_id"], money["amount"]) for money in store.money] == [(order["id"], "10.00")]

`store.stop()` is a kill: calls at work get no further and their connections are cut; `store.start()` reads the journal
and goes on, on the same port. `store.refunds(order_id)` are the rows, `store.calls` is the log, `store.shop.settings`
can be replaced at any time. Keywords of `SandboxStore` beyond its own are those of `settings.Settings`:
`decimals=0, currency="JPY"`, `gateway_delay=3`, `race_window=0`, `plain=True`, `legacy="posts"` ...

As a process: `manage.py sandbox_store --port 8081`, or without Django `python -m portal.sandbox.store --port 8081`.
Over HTTP, beside the shop itself (`/wp-json/wc/v3/...`, keys in `auth.KEYS`):

    GET    /_sandbox/money      what left the bank account: [{"order_id", "amount", "currency", "reason", "at"}]
    GET    /_sandbox/log        every API call: n, at, method, path, call, order, faults, status (?since=n)
    GET    /_sandbox/orders     all orders, refund rows and stock, without pages
    POST   /_sandbox/orders     an order or a list of them; {} is enough
    POST   /_sandbox/faults     {"fault": name, "times": 1, "order": null, "on": "any", "delay": seconds}
                                {"random": {"rate": 0.2, "seed": 7, "faults": [...], "on": "any", "delay": seconds}}
    GET    /_sandbox/faults     what is switched on, and every fault and call there is
    DELETE /_sandbox/faults     all off
    POST   /_sandbox/settings   {"decimals": 0}, until the process ends
    POST   /_sandbox/reset      as freshly started; {"orders": [...]} begins with other orders

`faults.FAULTS` names every fault. A single call can ask for one itself: `X-Sandbox-Fault: closed-after`.
"""

from .faults import FAULTS
from .journal import InUse
from .server import SandboxStore
from .settings import Settings

__all__ = ["FAULTS", "InUse", "SandboxStore", "Settings"]
