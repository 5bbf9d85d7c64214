"""What WooCommerce does, what the client makes of it, and which money moves: proven against the sandbox store, or
against a test shop of your own.

    CONFORMANCE_MAY_MOVE_MONEY=1 WOOCOMMERCE_URL=https://test.shop.example WOOCOMMERCE_CONSUMER_KEY=ck_... \
    WOOCOMMERCE_CONSUMER_SECRET=cs_... pytest tests/conformance

The suite makes orders there and refunds them. The test shop needs a payment method that refunds orders it never took
money for (`CONFORMANCE_GATEWAY` names it; otherwise it is the first that supports refunds), and a key with read and
write permission. Orders have a fee as their only line, or one piece of an untaxed product, whose id is then
`CONFORMANCE_PRODUCT`. What only the sandbox can do (break on demand, show its bank account, speak the legacy dialect)
is skipped there, and says so.
"""
