"""Presence: in which hours and days whales were heard, with the effort behind it, and NOAA's tables of it.

Managers decide by days, not by calls. `periods` judges hours and days by one rule; `pars` writes them as the Passive
Acoustic Reporting System takes them, `pars_check` says what such tables lack.

May import: `config`, `system`, and the layers below.
"""
