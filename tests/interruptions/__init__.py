"""Commands that are interrupted at random moments, and what must hold afterwards.

``python -m tests.interruptions`` (``make interruptions``) is the long form; a few are in ``make test``.
"""
