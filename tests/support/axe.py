"""What axe finds on a page by the rules of WCAG 2.2, levels A and AA (https://www.w3.org/TR/WCAG22)."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

# What a page must obey; axe has more rules, which are advice.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


async def check_axe(page: Page) -> None:
    """Fails with the address of the page and axe's report where it finds something."""
    found = await Axe().run(page, options={"runOnly": _RULES})

    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
