"""Tables of detections and scores in the formats that analysts' programs read; one writer a file.

`format` finds those of detections by their files' names: `detections_NAME.py`.

May import: `detection`, and the layers below.
"""
