"""Judging: targets, what was published and what operators did, folded into verdicts and alerts. Pure."""
