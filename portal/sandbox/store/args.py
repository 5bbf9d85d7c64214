"""Checking and cleaning of the arguments of an API call, as WordPress does it before anything else happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from . import php
from .wire import ApiError

Check = Callable[[str, Any], Any]
"""Takes an argument's name and value, returns the value as the handler gets it, raises `Invalid`."""


class Invalid(Exception):
    def __init__(self, code: str, message: str, name: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.data = {"param": name} if name else None


def checked(checks: Mapping[str, Check], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, clean. Unknown ones stay as they are. Raises a 400 that names every invalid one."""
    clean, invalid = dict(given), {}
    for name, check in checks.items():
        if name not in given:
            continue
        try:
            clean[name] = check(name, given[name])
        except Invalid as error:
            invalid[name] = error
    if invalid:
        raise _refusal(invalid)
    return clean


def _refusal(invalid: dict[str, Invalid]) -> ApiError:
    params = {name: error.message for name, error in invalid.items()}
    details = {
        name: {"code": error.code, "message": error.message, "data": error.data} for name, error in invalid.items()
    }
    data = {"status": 400, "params": params, "details": details}
    return ApiError(400, "rest_invalid_param", f"Invalid parameter(s): {', '.join(invalid)}", data)


def _wrong_type(name: str, kind: str) -> Invalid:
    return Invalid("rest_invalid_type", f"{name} is not of type {kind}.", name)


def string(name: str, value: Any) -> str:
    """Text and nothing else; null passes and becomes empty text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong_type(name, "string")
    return value


def boolean(name: str, value: Any) -> bool:
    """true, false, 1, 0 and the same as text; null passes and becomes false."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "1", "false", "0"):
        return value.lower() in ("true", "1")
    if isinstance(value, int | float) and value in (0, 1):
        return value == 1
    raise _wrong_type(name, "boolean")


def integer(minimum: int | None = None, maximum: int | None = None) -> Check:
    def check(name: str, value: Any) -> int:
        if value is None:
            return 0
        if not php.is_numeric(value) or php.number(value) != php.number(value).to_integral_value():
            raise _wrong_type(name, "integer")
        whole = int(php.number(value))
        below, above = minimum is not None and whole < minimum, maximum is not None and whole > maximum
        if (below or above) and maximum is not None:
            limits = f"{name} must be between {minimum} (inclusive) and {maximum} (inclusive)"
            raise Invalid("rest_out_of_bounds", limits)
        if below:
            raise Invalid("rest_out_of_bounds", f"{name} must be greater than or equal to {minimum}")
        return whole

    return check


def one_of(*choices: str) -> Check:
    def check(name: str, value: Any) -> str:
        if value not in choices:
            raise Invalid("rest_not_in_enum", f"{name} is not one of {_spoken(choices)}.")
        return str(value)

    return check


def list_of(check_item: Check) -> Check:
    """A list, or text with commas. An object is refused."""

    def check(name: str, value: Any) -> list[Any]:
        items = _listed(value)
        if items is None:
            raise _wrong_type(name, "array")
        return [check_item(f"{name}[{position}]", item) for position, item in enumerate(items)]

    return check


def _listed(value: Any) -> list[Any] | None:
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return None
    return [part for part in str(value).replace(",", " ").split() if part]


def date_time(name: str, value: Any) -> str:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        raise Invalid("rest_invalid_date", "Invalid date.") from None
    return str(value)


def anything(name: str, value: Any) -> Any:
    return value


def meta_entry(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(name, "object")
    if "key" in value and not isinstance(value["key"], str):
        raise _wrong_type(f"{name}[key]", "string")
    return value


def _spoken(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])}, and {choices[-1]}"
