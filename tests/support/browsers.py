"""A browser as the API sees it: it keeps cookies and names the page that asks."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.app import RunningApp


class Browser:
    """An HTTP client that keeps cookies and sends Origin, as browsers do."""

    def __init__(self, gateway: RunningApp, address: str = "127.0.0.1") -> None:
        self.cookies = httpx.Cookies()
        self._gateway = gateway
        self._address = address

    async def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        own = {"User-Agent": "Mozilla/5.0 (Test)", "Accept-Language": "fa"}
        if method != "GET":
            own["Origin"] = self._gateway.url
        async with self._gateway.client(self._address, cookies=self.cookies) as client:
            response = await client.request(method, path, headers={**own, **(headers or {})}, **options)
            self.cookies = client.cookies
        return response

    @property
    def cookie(self) -> dict[str, str]:
        """Returns the header that carries the cookie."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    async def sign_in(self, text: str, headers: dict[str, str] | None = None, **more: str) -> httpx.Response:
        return await self.ask("POST", "/api/session", headers, json={"token": text, **more})
