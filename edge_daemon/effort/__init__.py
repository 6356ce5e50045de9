"""What was listened to and what was not: every sample is in the ledger, as heard or as a gap with its cause.

`ledger` is the database, `spans` what it contains, `summary` the document of a period, `report_periods` which periods
are due, `band_table` the band levels of each minute.

May import: `levels`, `detection`, and the layers below.
"""
