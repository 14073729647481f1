"""Starts the Chromium that Playwright downloaded, which shows whether the libraries that it needs are there."""

from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    playwright.chromium.launch().close()
