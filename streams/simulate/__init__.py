"""A made-up organisation that works, complains and crashes, deterministic by seed.

`scenario` says what happens, `organisation` to whom, `timeline` plays it, `truths` says what has to be noticed, and
`oracle` computes what the warehouse must then hold, without any code of the product.
"""
