"""Customer pages. They read and write rows and never call the store, so they stay up when the shop is down.

entry: start -> code (or proof, from the mail) -> request: choose -> review -> status: where it stands, and all after
"""
