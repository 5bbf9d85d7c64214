"""Chaos: the whole portal in real processes, under faults, kills and pauses, judged by the store's ledger alone.

python -m tests.chaos --refunds 1000 --database postgresql --seed 7
"""
