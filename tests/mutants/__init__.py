"""Mutants: the portal with one of its promises taken out. Each must be noticed, or the proof of that promise is empty.

    python -m tests.mutants [--only NAME]

Every mutant is a few replacements in a copy of the tree, and the command that must then fail. It fails here if a mutant
survives, if its text is no longer in the code, or if the command fails without any mutant.
"""
