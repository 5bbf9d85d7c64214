from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.sandbox.store import SandboxStore

from .shop import RealShop, SandboxShop, Shop, from_environment


@pytest.fixture(scope="session")
def real_shop(request: pytest.FixtureRequest) -> RealShop | None:
    return from_environment(asked_for=any("conformance" in word for word in request.config.args))


@pytest.fixture(scope="module")
def shop(real_shop: RealShop | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The real shop if there is one, otherwise a fresh sandbox store. Each test makes orders of its own."""
    if real_shop is not None:
        yield real_shop
        return
    with SandboxStore(tmp_path_factory.mktemp("shop"), orders=[], race_window=0) as store:
        yield SandboxShop(store)


@pytest.fixture
def folder(real_shop: RealShop | None, tmp_path: Path) -> Path:
    """For sandbox stores of other settings than the usual ones."""
    if real_shop is not None:
        pytest.skip("Needs a sandbox store with other settings.")
    return tmp_path / "store"
