"""Kinds of layers, one file each: their shapes and their loops."""
