"""Filling a warehouse with a simulated month, through the folds that real events go through."""
