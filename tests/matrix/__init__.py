"""The fault matrix: every step of the money path, times all that can go wrong there, judged by the store's books.

    python -m tests.matrix [--seed N] [--limit N] [--jobs N] [--only TEXT]

`steps` names the steps and puts hooks around them from outside; `cases` makes the product; `story` lives one case
through, `disturb` spoils it; `oracle` says what must have become of it, from the store's ledger and rows alone;
`report` counts. Kills, stalls and duplicates strike at a step; the store's faults strike the calls of a step.
"""
