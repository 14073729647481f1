"""Settling what a process that died left behind."""
