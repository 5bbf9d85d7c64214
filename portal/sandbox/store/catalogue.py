"""The orders of a fresh sandbox shop: a small European one, with every kind of order that is awkward to refund.

Numbers begin at 1001 and ids at 5001. Names are escaped as WooCommerce stores them, taxes are not rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from . import php, pictures
from .books import FIRST_ID
from .clock import now

Json = dict[str, Any]

TO_TRY = (
    ("1001", "anna.becker@example.com", "an ordinary order: three lines, shipping, tax included"),
    ("1002", "jonas.weiss@example.com", "two tax rates, prices without tax"),
    ("1003", "maria.rossi@example.com", "a coupon of 10 %, spread over the lines"),
    ("1004", "sean.obrien@example.com", "gift wrapping as a fee, and names with & and quotes"),
    ("1005", "lucie.martin@example.com", "one of three bags was refunded already"),
    ("1006", "piotr.nowak@example.com", "refunded completely"),
    ("1007", "emma.jansen@example.com", "cash on delivery: the shop has to pay back by hand"),
    ("1008", "lars.holm@example.com", "bank transfer: no automatic refund either"),
    ("1009", "sofia.lindqvist@example.com", "cancelled, but paid"),
    ("1010", "david.novak@example.com", "the payment provider declines its full refund"),
    ("1011", "studio@example.com", "30 lines"),
    ("1012", "chloe.dubois@example.com", "a download, no shipping"),
    ("1013", "buero@example.com", "prices without tax; unrounded, its parts add up to a cent less than the total"),
    ("1014", "elena.popescu@example.com", "its payment plugin is gone from the shop"),
    ("1015", "mats.virtanen@example.com", "a very long product name, three of it for 10.00"),
    ("1016", "nina.horvat@example.com", "a free gift in it, bought with an account"),
)
"""Order numbers to try on the customer page: number, e-mail address, what it shows."""

RATES = {19: 1, 7: 2}
"""Tax rates in percent, with their ids."""


@dataclass(frozen=True, slots=True)
class Product:
    """`price` is what the price tag says: with tax in orders that include it, without in those that do not."""

    id: int
    name: str
    sku: str
    price: str
    picture: str
    percent: int = 19


TEE = Product(110, "T-Shirt &#8220;Lighthouse&#8221;", "TEE-LH", "25.00", "tee-shirt")
MUG = Product(111, 'Mug "Größe L" &amp; more', "MUG-L", "12.50", "mug-large")
BLUE_MUG = Product(121, "Mug &#8220;Blue hour&#8221;", "MUG-BLUE", "12.50", "mug-blue")
LAMP = Product(112, "Desk lamp &#8220;Ålesund&#8221;", "LAMP-AL", "199.99", "desk-lamp")
BAG = Product(113, "Canvas bag", "BAG-C", "23.90", "canvas-bag")
BOOK = Product(114, "Crêpes &amp; Galettes: the cookbook", "BOOK-CG", "17.80", "cook-book", 7)
TEA = Product(115, "Black tea, 250 g", "TEA-250", "8.45", "tea-black", 7)
PATTERN = Product(116, "Sewing pattern &#8220;Ella&#8221; (PDF)", "PAT-ELLA", "9.90", "sewing-pattern")
ODD = Product(117, "Odd price", "ODD-333", "3.33", "odd-price")
COAT = Product(118, "Raincoat", "COAT-R", "49.13", "rain-coat")
STICKER = Product(119, "Sticker (a gift)", "GIFT-ST", "0.00", "sticker-gift")
TRIO = Product(
    120,
    "Hand-dipped beeswax candle, unscented, natural colour, burns for about eighteen hours, made by a family of "
    "beekeepers in the Thuringian Forest, packed without plastic in a box of recycled cardboard (set of one)",
    "CANDLE-1",
    "10.00",
    "candle-wax",
)
_COLOURS = ("amber", "black", "blue", "cream", "green", "grey", "lilac", "navy", "olive", "orange", "pink", "plum",
            "red", "rose", "rust", "sage", "sand", "teal", "white", "yellow", "coral", "mint", "ochre", "petrol",
            "mauve", "ivory", "khaki", "lemon", "slate", "wine")  # fmt: skip
_STATES = {"completed": 9, "processing": 3, "on-hold": 2, "cancelled": 20, "refunded": 30}


def orders() -> list[Json]:
    """The orders in the shape of `GET /orders`, dated in the last weeks."""
    return [
        _order(1001, "Anna", "Becker", [_item(TEE, 2), _item(MUG)], city="Hamburg"),
        _order(1002, "Jonas", "Weiß", [_item(BOOK, 2), _item(TEA, 3), _item(LAMP)], net=True, city="Köln"),
        _order(1003, "Maria", "Rossi", [_item(BAG, 10), _item(MUG, 2)], coupon=10, country="IT", city="Bologna"),
        _order(1004, "Seán", "O'Brien", [_item(MUG, 2), _item(BOOK)], fee=("Gift wrapping", "4.50"), country="IE",
               city="Cork", status="completed"),
        _order(1005, "Lucie", "Martin", [_item(BAG, 3), _item(TEA)], country="FR", city="Lyon", refunded=1),
        _order(1006, "Piotr", "Nowak", [_item(TEE)], status="refunded", country="PL", city="Gdańsk", refunded=-1),
        _order(1007, "Emma", "Jansen", [_item(LAMP)], method="cod", status="completed", country="NL", city="Utrecht"),
        _order(1008, "Lars", "Holm", [_item(BAG), _item(TEE)], method="bacs", country="DK", city="Aarhus"),
        _order(1009, "Sofia", "Lindqvist", [_item(TEE, 2)], status="cancelled", country="SE", city="Malmö"),
        _order(1010, "David", "Novák", [_item(COAT)], shipping="0.00", country="CZ", city="Brno"),
        _order(1011, "Studio", "Lagerfeuer", _thirty_lines(), city="Leipzig", email="studio@example.com",
               company="Studio Lagerfeuer GbR"),
        _order(1012, "Chloé", "Dubois", [_item(PATTERN)], shipping="", status="completed", country="FR", city="Nantes"),
        _order(1013, "Büro", "Klein & Söhne", [_item(ODD, 3), _item(MUG), _item(BLUE_MUG)], net=True, shipping="7.95",
               email="buero@example.com", company="Klein & Söhne OHG", customer_id=6, city="Göttingen"),
        _order(1014, "Elena", "Popescu", [_item(TEE)], method="oldpay", country="RO", city="Cluj"),
        _order(1015, "Mats", "Virtanen", [_item(TRIO, 3, of="10.00")], country="FI", city="Turku"),
        _order(1016, "Nina", "Horvat", [_item(BAG), _item(STICKER)], customer_id=5, country="HR", city="Split"),
    ]  # fmt: skip


def _thirty_lines() -> list[Json]:
    return [_item(Product(130 + n, f"Yarn, {colour}", f"YARN-{n:02}", "3.79", f"yarn-{colour}"), 1 + n % 3)
            for n, colour in enumerate(_COLOURS)]  # fmt: skip


def _item(product: Product, quantity: int = 1, *, of: str = "") -> Json:
    """A line before tax is worked out. `of` is the price of all pieces together."""
    return {"product": product, "quantity": quantity, "amount": Decimal(of or product.price) * (1 if of else quantity)}


def _order(
    number: int, first_name: str, last_name: str, items: list[Json], *, net: bool = False, shipping: str = "4.90",
    coupon: int = 0, fee: tuple[str, str] | None = None, status: str = "processing", method: str = "testpay",
    refunded: int = 0, customer_id: int = 0, country: str = "DE", city: str = "", email: str = "", company: str = "",
) -> Json:  # fmt: skip
    order_id = FIRST_ID + number - 1001
    lines = _lines(order_id, items, net=net, shipping=shipping, coupon=coupon, fee=fee)
    billing = {
        "first_name": first_name, "last_name": last_name, "company": company, "address_1": "Harbour Street 7",
        "address_2": "", "city": city, "state": "", "postcode": "20095", "country": country,
        "email": email or next(address for known, address, _ in TO_TRY if known == str(number)),
        "phone": f"+49 40 5550{number - 1000:03}",
    }  # fmt: skip
    order: Json = {
        "id": order_id,
        "number": str(number),
        "status": status,
        "currency": "EUR",
        "prices_include_tax": not net,
        "customer_id": customer_id,
        "billing": billing,
        "payment_method": method,
        "needs_processing": bool(shipping),
        "transaction_id": f"tp_{order_id}" if method == "testpay" else "",
        **({"payment_method_title": "Old Pay"} if method == "oldpay" else {}),
        **_dates(status, number),
        **lines,
    }
    order["total"] = _total(order)
    return {**order, "refunds": _refunds(order, refunded)}


def _dates(status: str, number: int) -> Json:
    created = now() - timedelta(days=_STATES[status] + number % 5, hours=number % 7, minutes=number % 50)
    paid, completed = created + timedelta(minutes=2), created + timedelta(days=2)
    return {
        "date_created_gmt": _stamp(created),
        "date_modified_gmt": _stamp(completed if status in ("completed", "refunded") else paid),
        "date_paid_gmt": None if status == "on-hold" else _stamp(paid),
        "date_completed_gmt": _stamp(completed) if status == "completed" else None,
    }


def _stamp(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%S"))


def _lines(
    order_id: int, items: list[Json], *, net: bool, shipping: str, coupon: int, fee: tuple[str, str] | None
) -> Json:
    first = 20000 + (order_id - 5000) * 40
    products = [_product_line(first + n, item, net=net, coupon=coupon) for n, item in enumerate(items)]
    lines: Json = {"line_items": products, "shipping_lines": [], "fee_lines": [], "coupon_lines": []}
    if shipping:
        total, taxes = _split(Decimal(shipping), 19, net=net)
        lines["shipping_lines"] = [
            {"id": first + 35, "method_title": "DHL parcel", "method_id": "flat_rate", "instance_id": "1",
             "total": total, "taxes": [{**tax, "subtotal": ""} for tax in taxes]}
        ]  # fmt: skip
    if fee:
        total, taxes = _split(Decimal(fee[1]), 19, net=net)
        lines["fee_lines"] = [{"id": first + 36, "name": fee[0], "total": total, "taxes": taxes}]
    if coupon:
        discount = sum((Decimal(line["subtotal"]) - Decimal(line["total"]) for line in products), Decimal(0))
        lines["coupon_lines"] = [
            {"id": first + 37, "code": f"welcome{coupon}", "discount": php.trimmed(php.rounded(str(discount), 2)),
             "discount_tax": "0", "discount_type": "percent", "nominal_amount": coupon, "free_shipping": False}
        ]  # fmt: skip
    return {**lines, "tax_lines": _tax_lines(first + 38, lines)}


def _product_line(line_id: int, item: Json, *, net: bool, coupon: int) -> Json:
    product: Product = item["product"]
    subtotal, subtotal_taxes = _split(item["amount"], product.percent, net=net)
    total, taxes = _split(item["amount"] * (100 - coupon) / 100, product.percent, net=net)
    both = zip(taxes, subtotal_taxes, strict=True)
    return {
        "id": line_id,
        "name": product.name,
        "product_id": product.id,
        "quantity": item["quantity"],
        "sku": product.sku,
        "subtotal": subtotal,
        "subtotal_tax": _cents(subtotal_taxes),
        "total": total,
        "taxes": [{**tax, "subtotal": before["total"]} for tax, before in both],
        "image": {"id": product.id + 1000, "src": pictures.address(product.picture)},
    }


def _split(amount: Decimal, percent: int, *, net: bool) -> tuple[str, list[Json]]:
    """The net part and its tax, each with six digits as WooCommerce keeps them."""
    before_tax = amount if net else amount / (1 + Decimal(percent) / 100)
    tax = php.rounded(str(before_tax * percent / 100), 6)
    total = amount if net else amount - Decimal(tax)
    return php.trimmed(php.rounded(str(total), 6)), [{"id": RATES[percent], "total": php.trimmed(tax)}]


def _cents(taxes: list[Json]) -> str:
    return str(sum((Decimal(php.rounded(tax["total"], 2)) for tax in taxes), Decimal(0)))


def _tax_lines(first_id: int, lines: Json) -> list[Json]:
    used = [(kind, tax) for kind in lines for line in lines[kind] for tax in line.get("taxes", ())]
    shown = []
    for percent, rate_id in RATES.items():
        of_rate = [(kind, tax) for kind, tax in used if tax["id"] == rate_id]
        if of_rate:
            cart = _cents([tax for kind, tax in of_rate if kind != "shipping_lines"])
            shipping = _cents([tax for kind, tax in of_rate if kind == "shipping_lines"])
            shown.append(
                {"id": first_id + rate_id - 1, "rate_code": f"DE-VAT {percent}-{rate_id}", "rate_id": rate_id,
                 "label": f"VAT {percent} %", "compound": False, "tax_total": cart, "shipping_tax_total": shipping,
                 "rate_percent": percent, "meta_data": []}
            )  # fmt: skip
    return shown


def _total(order: Json) -> str:
    """With tax in the prices: what the tags say. Without: net parts, and each tax rounded by itself."""
    lines = [line for kind in ("line_items", "shipping_lines", "fee_lines") for line in order[kind]]
    net = sum((Decimal(line["total"]) for line in lines), Decimal(0))
    if order["prices_include_tax"]:
        tax = sum((Decimal(tax["total"]) for line in lines for tax in line["taxes"]), Decimal(0))
    else:
        tax = sum((Decimal(_cents(line["taxes"])) for line in lines), Decimal(0))
    return php.rounded(str(net + tax), 2)


def _refunds(order: Json, pieces: int) -> list[Json]:
    """`pieces` of the first line given back earlier; -1 for the whole order."""
    if pieces == 0:
        return []
    if pieces < 0:
        return [_refund(order, order["total"], "Returned unopened", {})]
    line = order["line_items"][0]
    share = Decimal(pieces) / line["quantity"]
    tax = php.rounded(str(Decimal(line["taxes"][0]["total"]) * share), 6)
    total = php.rounded(str(Decimal(line["total"]) * share), 6)
    amount = php.rounded(str(Decimal(total) + Decimal(tax)), 2)
    given_back = {
        **line,
        "id": line["id"] + 30,
        "quantity": -pieces,
        "total": f"-{total}",
        "subtotal": f"-{total}",
        "total_tax": f"-{php.rounded(tax, 2)}",
        "subtotal_tax": f"-{php.rounded(tax, 2)}",
        "taxes": [{"id": line["taxes"][0]["id"], "total": f"-{tax}", "subtotal": f"-{tax}"}],
        "variation_id": 0,
        "tax_class": "",
        "price": 0,
        "parent_name": None,
        "meta_data": [{"id": 80000 + order["id"], "key": "_refunded_item_id", "value": str(line["id"]),
                       "display_key": "_refunded_item_id", "display_value": str(line["id"])}],
    }  # fmt: skip
    return [_refund(order, amount, "Torn seam", {"line_items": [given_back]})]


def _refund(order: Json, amount: str, reason: str, lines: Json) -> Json:
    return {
        "id": order["id"] + 400,
        "reason": reason,
        "total": f"-{amount}",
        "date_created_gmt": order["date_modified_gmt"],
        **lines,
    }
