"""Fields that several rows share."""

from __future__ import annotations

from typing import Any

from django.db import models


def amount_field(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=19, decimal_places=4, **options)
