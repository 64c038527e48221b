"""Hostile and odd inputs to every command, each with the answer that it deserves."""
