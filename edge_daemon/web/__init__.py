"""What pages for a browser share: style, scripts, keys, parts of pages, and the gate that requests must pass.

The scripts share one scope with those of the page that shows them, and ask it for what is its own (`card.js`,
`plot.js`). Nothing in them ever reads a text as HTML, and nothing is fetched from elsewhere. Pages of the station and
of the board have the same scripts, since both servers answer the same questions in the same form.

May import: nothing of the house.
"""
