"""Whole stories, lived with clients that other people wrote."""
