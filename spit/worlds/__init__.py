"""Simulators of telephone traffic by other authors, for training and for measuring.

Each package in here is a world of its own: its author knew the columns to fill and nothing of this detector
or of ``spit.simulate``. What a model learns in one world and finds in another is not a habit of one author.
``traffic`` generates them by name, ``records`` turns what they give into call records and labels.
"""
