"""Seeded junk over every form and every link that a stranger can reach.

The pages run in this process, over a real database and with the sandbox store behind them. `books` says what may be in
the database after each submission, `alike` that nobody can tell an order that exists from one that does not.
"""
