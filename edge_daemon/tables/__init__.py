"""Tables of detections and scores in the forms that analysts' programs read; one writer a file.

May import: `detection`, and the layers below.
"""
