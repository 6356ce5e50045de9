"""What is to be sent, on disk until the broker has acknowledged it.

`message` is one row, `table` the rows in the database, `outbox_file` its transactions, `waiting` what memory knows
beside it, `outbox` what is put, taken, acknowledged and dropped; `mailbox` is all that the sender needs of it,
`delivery_timer` measures how long delivery takes.

May import: `config`, `storage`, and the layers below.
"""
