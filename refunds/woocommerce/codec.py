"""An `Order` as JSON and back, without loss: amounts as decimal strings, instants as ISO 8601."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from .types import Order


def order_to_json(order: Order) -> dict[str, Any]:
    encoded: dict[str, Any] = _encode(order)
    return encoded


def order_from_json(data: dict[str, Any]) -> Order:
    order: Order = _decode(Order, data)
    return order


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def _decode(kind: Any, data: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return None if data is None else _decode(typing.get_args(kind)[0], data)
    if origin is tuple:
        return tuple(_decode(typing.get_args(kind)[0], item) for item in data)
    if dataclasses.is_dataclass(kind):
        hints = _hints(typing.cast(type, kind))
        return kind(**{name: _decode(hints[name], value) for name, value in data.items()})  # type: ignore[operator]  # a dataclass type is callable
    if kind is datetime:
        return datetime.fromisoformat(data)
    return kind(data)


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
