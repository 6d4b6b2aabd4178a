"""Correlate: each reader's picture as a fold over `events`, and its differences as deliveries.

For each record, one at a time (a batch is only a transaction):

1. who may read it
2. match it
3. re-cluster what it touches, per distinct visible subset
4. build the alerts
5. permit again
6. compare with what each reader last had
7. write deliveries

Steps 1 to 6 are the fold (`fold.py`), which does no I/O but read a record again; step 7 is the outbox (`outbox.py`).
Why it is built so: bus/decisions/pictures-and-differences.md.
"""
