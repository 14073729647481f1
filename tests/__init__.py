"""Tests; a package so that its fakes and processes can be imported by name."""
