"""The shore station: takes in what devices publish, keeps it, and shows it to people who judge and are warned.

    broker → listener → incoming (validated) → intake (database) → application (pages, JSON, events) → browser

Nothing is acknowledged to the broker before it is committed, and everything is known by its identity, so that what is
delivered again changes nothing. What devices say is shown as text, never read as HTML.

Reading order: `settings`, `incoming`, `tables`, `database`, `intake`, `listener`, `application`.

May import: `presence`, `health`, `effort`, `clips`, `detection`, `mqtt`, `orders`, `config`, `web`, and the layers
below.
"""
