"""A site with any number of cases, made by the database itself: a million in minutes. Kept until this file changes.

Two thirds of the closed cases are refunded, the rest declined or withdrawn, over three years. Every order has two
cases, every case one line, an attempt where it came to one, its events, and its mails. Open cases are the newest ones;
there are at least fifty in every state, so that a page of the queue is as full with a thousand cases as with a million.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from .cluster import url_of, words_of

ROOT = Path(__file__).resolve().parents[2]
MILLION, QUICK, SMALL = 1_000_000, 50_000, 1_000
OPEN = {MILLION: 2_000, QUICK: 2_000, SMALL: 500}
STAFF = 8
RARE_NAME, RARE_EMAIL = "Zoltan Quistgaard", "zoltan.quistgaard@example.com"
"""One open case has them, in every site."""


@dataclass(frozen=True, slots=True)
class Made:
    """One site's database, and the names under which its cases are looked for."""

    url: str
    cases: int
    terms: Mapping[str, str]


def site(directory: Path, cases: int) -> Made:
    """The database with so many cases: made if it is not there, brought up to date if it is."""
    name = f"cases_{cases}"
    if _fingerprint(directory, name) != _own_fingerprint():
        _make(directory, name, cases)
    else:
        _migrate(directory, name)
    with psycopg.connect(**words_of(directory, name)) as connection:
        return Made(url_of(directory, name), cases, _terms(connection))


def _own_fingerprint() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _fingerprint(directory: Path, name: str) -> str:
    with psycopg.connect(**words_of(directory, "postgres")) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
    return row[0] or "" if row else ""


def _make(directory: Path, name: str, cases: int) -> None:
    print(f"        making {cases:,} cases ...", flush=True)
    database = sql.Identifier(name)
    with psycopg.connect(**words_of(directory, "postgres")) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
    _migrate(directory, name)
    with psycopg.connect(**words_of(directory, name)) as connection:
        fill(connection, cases, OPEN[cases])
        mark = sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(_own_fingerprint()))
        connection.execute(mark)


def _migrate(directory: Path, name: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity", "0"]
    environment = {**os.environ, "DJANGO_DEBUG": "on", "DATABASE_URL": url_of(directory, name)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def fill(connection: psycopg.Connection[Any], cases: int, still_open: int) -> None:
    """Fills the empty tables of a migrated database. Every check and unique constraint is enforced meanwhile."""
    # Foreign keys hold by construction; looked up row by row they would take most of the time.
    connection.execute("SET session_replication_role = replica")
    connection.execute(PLAN.format(cases=cases, open=still_open))
    connection.execute(CUSTOMERS)
    written = sql.SQL("CREATE TABLE written AS SELECT {} AS snapshot, {}::jsonb AS breakdown")
    connection.execute(written.format(*map(sql.Literal, _written())))
    _insert(connection, "auth_user", PERSON, f"generate_series(1, {STAFF}) AS n, now() AS at")
    _insert(connection, "refunds_ordersnapshot", SNAPSHOT, f"{PLAN_AND_CUSTOMER} WHERE is_first")
    _insert(connection, "refunds_refundrequest", CASE, PLAN_AND_CUSTOMER)
    _insert(connection, "refunds_refundline", LINE, "plan")
    _insert(connection, "refunds_payoutattempt", ATTEMPT, "plan WHERE is_attempted")
    _insert(connection, "refunds_refundevent", EVENT, STEPS)
    _insert(connection, "refunds_mail", MAIL, MAILS)
    _insert(connection, "refunds_message", MESSAGE, "plan WHERE n % 5 = 0")
    _insert(connection, "refunds_lookup", LOOK_UP, f"{PLAN_AND_CUSTOMER} WHERE n % 100 = 0")
    connection.execute("SET session_replication_role = DEFAULT")
    connection.execute(SEQUENCES)
    connection.execute("DROP TABLE plan, customer, written")
    connection.execute("VACUUM (ANALYZE)")


def _insert(connection: psycopg.Connection[Any], table: str, columns: Mapping[str, str], source: str) -> None:
    """What `columns` leaves out is null, or where it may not be, empty."""
    found = connection.execute(
        "SELECT column_name, data_type, is_nullable = 'NO' AND is_identity = 'NO' FROM information_schema.columns "
        "WHERE table_name = %s",
        [table],
    ).fetchall()
    if unknown := columns.keys() - {name for name, _kind, _needed in found}:
        raise LookupError(f"{table} has no {', '.join(sorted(unknown))}.")
    given = {name: EMPTY.get(kind, "0") for name, kind, needed in found if needed} | columns
    # Nothing here comes from outside: all of it stands in this file.
    statement = f"INSERT INTO {table} ({', '.join(given)}) SELECT {', '.join(given.values())} FROM {source}"  # noqa: S608
    connection.execute(statement.encode())


def _written() -> tuple[str, str]:
    """An order of two lines at 50.00 as the portal keeps it, with words in place of what differs; and what is paid."""
    line = {
        "kind": "product", "name": "Mug, blue, 0.3 litres", "quantity": 1, "total": "50.00", "taxes": [],
        "product_id": 7, "variation_id": 0, "sku": "MUG-B", "image_url": "", "refunded_quantity": 0,
        "refunded_total": "0", "refunded_taxes": [],
    }  # fmt: skip
    order = {
        "id": "ORDER_ID", "number": "ORDER_ID", "status": "completed", "currency": "EUR", "decimals": 2,
        "total": "100.00", "email": "EMAIL", "first_name": "FIRST", "last_name": "LAST", "customer_id": 0,
        "prices_include_tax": False, "payment_method": "testpay", "payment_method_title": "Test Pay (card)",
        "transaction_id": "", "created_at": None, "paid_at": None, "completed_at": None, "modified_at": None,
        "lines": [{"id": "LINE_1", **line}, {"id": "LINE_2", **line}], "tax_rates": [], "refunds": [],
    }  # fmt: skip
    paid = {"line_id": 1, "kind": "product", "name": line["name"], "quantity": 1, "total": "50.00", "taxes": []}
    breakdown = {"amount": "50.00", "clamped": "0.00", "decimals": 2, "currency": "EUR", "lines": [paid]}
    text = json.dumps(order)
    for number in ("ORDER_ID", "LINE_1", "LINE_2"):
        text = text.replace(f'"id": "{number}"', f'"id": {number}')
    return text, json.dumps(breakdown)


def _terms(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """What staff may type to find a case, by what it is."""
    row = connection.execute(TERMS, [RARE_NAME]).fetchone()
    paid = connection.execute("SELECT max(store_refund_id) FROM refunds_payoutattempt").fetchone()
    if row is None or paid is None:
        raise LookupError("There is no such case.")
    return {
        "reference": row[0], "beginning of a reference": row[0][:4], "order number": row[1],
        "store refund id": str(paid[0]), "e-mail": RARE_EMAIL, "beginning of an e-mail": RARE_EMAIL[:9],
        "full name": RARE_NAME, "part of a name": "quistg", "common name": "Anna", "name that nobody has": "Xyzzyx",
    }  # fmt: skip


TERMS = "SELECT reference, order_number FROM refunds_refundrequest WHERE customer_name = %s"

EMPTY = {"character varying": "''", "text": "''", "boolean": "false", "jsonb": "'{}'", "timestamp with time zone": "at"}

PLAN = """
CREATE TABLE plan AS
WITH numbered AS (
    SELECT n, n > {cases} - {open} AS is_open, n - ({cases} - {open}) AS k FROM generate_series(1, {cases}::bigint) AS n
), told AS (
    SELECT n, k, is_open,
        CASE WHEN NOT is_open THEN
            CASE WHEN n % 20 < 14 THEN 'refunded' WHEN n % 20 < 18 THEN 'declined' ELSE 'withdrawn' END
        WHEN k <= 60 THEN 'check_needed' WHEN k <= 120 THEN 'failed' WHEN k <= 180 THEN 'sending'
        WHEN k <= 240 THEN 'approved' WHEN k <= 300 THEN 'needs_info' WHEN k = 305 THEN 'submitted'
        WHEN k % 10 < 2 THEN 'approved' WHEN k % 10 < 4 THEN 'needs_info' ELSE 'submitted' END AS status,
        date_trunc('second', now()) - CASE WHEN is_open THEN interval '14 days' * (1 - k / ({open} + 1.0))
            ELSE interval '15 days' + interval '3 years' * (1 - n / {cases}::float) END AS at
    FROM numbered
)
SELECT *,
    -- Two cases of an order once they are closed; of open ones each has its own.
    CASE WHEN is_open THEN 10000000 + n ELSE (n + 1) / 2 END AS order_id,
    is_open OR n % 2 = 1 OR n = {cases} - {open} AS is_first,
    CASE WHEN is_open THEN n ELSE least((n + 1) / 2 * 2 - 1, {cases} - {open}) END AS snapshot_id,
    CASE WHEN k = 305 THEN 0 ELSE (n + 1) / 2 * 7919 % 400000 + 1 END AS customer,
    status IN ('refunded', 'failed', 'sending', 'check_needed') AS is_attempted,
    status IN ('refunded', 'failed', 'sending', 'check_needed', 'approved') AS is_approved,
    'RF-' || (SELECT string_agg(substr('23456789ABCDEFGHJKLMNPQRSTUVWXYZ',
        (((n * 668265263309 % 1099511627776) >> (5 * i)) % 32)::int + 1, 1), '' ORDER BY i)
        FROM generate_series(0, 7) AS i) AS reference
FROM told
"""

CUSTOMERS = f"""
CREATE TABLE customer AS
SELECT customer, first, last, lower(first || '.' || last) || customer || '@example.com' AS customer_email FROM (
    SELECT g AS customer,
        (ARRAY['Anna', 'Ben', 'Clara', 'David', 'Emma', 'Finn', 'Greta', 'Hannah', 'Ida', 'Jonas', 'Karl', 'Lena',
               'Mia', 'Noah', 'Olga', 'Paul', 'Rosa', 'Sofia', 'Tom', 'Ute', 'Vera', 'Wim', 'Yusuf', 'Zoe'])
            [g % 24 + 1] AS first,
        (ARRAY['Ber', 'Kra', 'Mei', 'Schu', 'Wag', 'Hof', 'Lin', 'Neu', 'Bau', 'Fis', 'Ric', 'Vog', 'Kel', 'Sto'])
            [g / 24 % 14 + 1] ||
        (ARRAY['ger', 'mer', 'er', 'bert', 'ner', 'mann', 'den', 'gart', 'stein', 'ter', 'ke', 'wald', 'berg', 'hus'])
            [g / 336 % 14 + 1] ||
        (ARRAY['', 's', 'en', 'sen', 'owski', 'ova', 'ides', 'ez', 'ini', 'off'])[g / 4704 % 10 + 1] AS last
    FROM generate_series(1, 400000) AS g
) AS named
UNION ALL SELECT 0, '{RARE_NAME.split()[0]}', '{RARE_NAME.split()[1]}', '{RARE_EMAIL}'
"""  # noqa: S608  # made of what stands in this file

PLAN_AND_CUSTOMER = "written, plan JOIN customer USING (customer)"
DECIDED_AT = "at + interval '2 days'"
STAFF_OF_CASE = f"n % {STAFF} + 1"

PERSON = {"id": "n", "username": "'staff' || n", "is_staff": "true", "is_superuser": "true", "is_active": "true"}
SNAPSHOT = {
    "id": "n", "order_id": "order_id", "read_at": "at",
    "data": "replace(replace(replace(replace(replace(replace(snapshot, 'ORDER_ID', order_id::text), 'LINE_1', "
    "(order_id * 2)::text), 'LINE_2', (order_id * 2 + 1)::text), 'EMAIL', customer_email), 'FIRST', first), "
    "'LAST', last)::jsonb",
}  # fmt: skip
CASE = {
    "id": "n", "reference": "reference", "status": "status", "version": "1", "created_at": "at",
    "closed_at": f"CASE WHEN NOT is_open THEN {DECIDED_AT} END",
    "order_id": "order_id", "order_number": "order_id::text",
    "currency": "'EUR'", "decimals": "2", "email": "customer_email", "customer_name": "first || ' ' || last",
    "language": "'en'", "assigned_to_id": f"CASE WHEN n % 3 > 0 THEN {STAFF_OF_CASE} END",
    "reason": "(ARRAY['damaged', 'faulty', 'wrong_item', 'not_arrived', 'changed_mind', 'other'])[n % 6 + 1]",
    "note": "'It came with a crack all the way down, and the box was open.'", "requested_amount": "50",
    "order_asked_id": "snapshot_id", "order_now_id": "snapshot_id",
    "approved_amount": "CASE WHEN is_approved THEN 50 END",
    "approved_breakdown": "CASE WHEN is_approved THEN breakdown END",
    "order_decided_id": "CASE WHEN is_approved THEN snapshot_id END",
    "api_refund": "CASE WHEN is_approved THEN true END", "restock": "CASE WHEN is_approved THEN false END",
    "decided_by_id": f"CASE WHEN is_approved OR status = 'declined' THEN {STAFF_OF_CASE} END",
    "decided_at": f"CASE WHEN is_approved OR status = 'declined' THEN {DECIDED_AT} END",
    "decline_reason": "CASE WHEN status = 'declined' THEN 'used' ELSE '' END",
    # Approved ones wait for their time: nothing is due.
    "next_action_at": "CASE WHEN status = 'approved' THEN now() + interval '1 year' END",
    "paid_attempt_id": "CASE WHEN status = 'refunded' THEN n END",
}  # fmt: skip
LINE = {
    "id": "n", "refund_request_id": "n", "order_line_id": "order_id * 2 + (n + 1) % 2", "kind": "'product'",
    "name": "'Mug, blue, 0.3 litres'", "quantity": "1", "amount": "50", "is_open": "is_open",
}  # fmt: skip
ATTEMPT = {
    "id": "n", "refund_request_id": "n", "n": "1", "marker": "reference || '-1'", "order_id": "order_id",
    "status": "CASE status WHEN 'refunded' THEN 'succeeded' WHEN 'failed' THEN 'refused' WHEN 'sending' THEN 'sent' "
    "ELSE 'unknown' END",
    "amount": "50", "currency": "'EUR'", "api_refund": "true",
    "payload": """'{"amount": "50.00", "reason": "Arrived damaged", "lines": [{"line_id": 1, "total": "50.00"}]}'""",
    "owner": "'host-1:4711:0123456789ab'", "lease_until": "now() + interval '1 year'", "prepared_at": DECIDED_AT,
    "sent_at": DECIDED_AT, "settled_at": f"CASE WHEN status = 'refunded' THEN {DECIDED_AT} END",
    "baseline": """'{"refund_ids": [], "refunded": "0"}'""", "http_status": "201",
    "store_refund_id": "CASE WHEN status = 'refunded' THEN 20000000 + n END",
    # Of what was paid lately a further look is to come, and of every doubt.
    "next_look_at": f"CASE WHEN status = 'check_needed' OR {DECIDED_AT} > now() - interval '30 days' AND status <> "
    "'sending' THEN now() + interval '1 year' END",
    "evidence": "'[]'",
}  # fmt: skip
STEPS = """(
    SELECT p.*, step.* FROM plan AS p, LATERAL (VALUES
        (1, 'submitted', 'customer', '', 'submitted', interval '0', true),
        (2, 'assigned', 'staff', '', '', interval '1 day', n % 3 > 0),
        (3, 'noted', 'staff', '', '', interval '1 day', n % 4 = 0),
        (4, 'asked', 'staff', 'submitted', 'needs_info', interval '1 day', status = 'needs_info'),
        (5, 'approved', 'staff', 'submitted', 'approved', interval '2 days', is_approved),
        (6, 'sending', 'worker', 'approved', 'sending', interval '2 days', is_attempted),
        (7, CASE status WHEN 'refunded' THEN 'paid' WHEN 'failed' THEN 'refused' ELSE 'in_doubt' END, 'worker',
            'sending', status, interval '2 days', status IN ('refunded', 'failed', 'check_needed')),
        (8, status, CASE status WHEN 'declined' THEN 'staff' ELSE 'customer' END, 'submitted', status,
            interval '2 days', status IN ('declined', 'withdrawn'))
    ) AS step (nth, kind, actor, from_status, to_status, later, happened)
    WHERE happened
) AS event"""
EVENT = {
    "id": "n * 10 + nth", "refund_request_id": "n", "attempt_id": "CASE WHEN nth IN (6, 7) THEN n END",
    "at": "at + later", "kind": "kind", "actor": "actor",
    "by_id": f"CASE WHEN actor = 'staff' THEN {STAFF_OF_CASE} END", "from_status": "from_status",
    "to_status": "to_status",
    "data": f"CASE WHEN kind = 'assigned' THEN jsonb_build_object('to', {STAFF_OF_CASE}) "
    """ELSE '{"amount": "50.00"}' END""",
}  # fmt: skip
MAILS = """(
    SELECT p.*, customer_email, mail.* FROM plan AS p JOIN customer USING (customer), LATERAL (VALUES
        (1, 'received', 'We have your request', true),
        (5, 'approved', 'Your refund is approved', is_approved),
        (7, 'refunded', 'Your money is on its way', status = 'refunded'),
        (8, status, 'Your request', status IN ('declined', 'withdrawn'))
    ) AS mail (nth, kind, subject, written) WHERE mail.written
) AS mail"""
MAIL = {
    "id": "n * 10 + nth", "kind": "kind", "state": "'sent'", "created_at": "at", "sent_at": "at",
    "refund_request_id": "n", "event_id": "n * 10 + nth", "recipient": "customer_email", "language": "'en'",
    "subject": "subject", "text": "repeat('Dear customer. ', 12)", "html": "repeat('<p>Dear customer.</p>', 12)",
    "message_id": "'<' || n * 10 + nth || '@shop.example>'", "tries": "1",
}  # fmt: skip
MESSAGE = {"id": "n", "refund_request_id": "n", "at": "at", "text": "'Please send us a photo of it.'"}
LOOK_UP = {
    "id": "n", "public_id": "'made-' || n", "created_at": "at", "order_number": "order_id::text",
    "email": "customer_email", "network": "'192.0.2.1'", "language": "'en'", "code_issue": "1", "tries_left": "5",
    "proven_at": "at", "refund_request_id": "n",
}  # fmt: skip

SEQUENCES = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT table_name AS name FROM information_schema.columns
        WHERE column_name = 'id' AND is_identity = 'YES' AND table_schema = 'public'
    LOOP
        EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, ''id''), (SELECT coalesce(max(id), 0) FROM %I) + 1)',
                       found.name, found.name);
    END LOOP;
END $$
"""
