"""What pages share: style, and scripts for the card of a detection, its plot, its sound, keys and the calendar.

The scripts share one scope with those of the page that shows them, and ask it for what is its own (`card.js`,
`plot.js`). Nothing in them ever reads a text as HTML, and nothing is fetched from elsewhere.

May import: nothing of the house.
"""
