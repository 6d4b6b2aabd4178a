"""Tocsin: the bus on which agencies share early warnings of mass atrocities."""
