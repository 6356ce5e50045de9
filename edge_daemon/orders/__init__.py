"""Orders from shore: their form and signature, which are obeyed, what is on trial and what it falls back to.

The core is pure: an order is judged from bytes, keys, counters and a time; a trial is a function of state and event.
`state_file` alone touches the disk. Nothing here knows a broker or a thread, so that a shore station may import what
makes orders and reads replies.

May import config, storage, documents, clock and errors. PyNaCl is imported when a key is first used.
"""
