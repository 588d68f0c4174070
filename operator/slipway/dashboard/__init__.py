"""A page for approvers and on-call, served on this machine alone with the rights of whoever starts it.

What a decision is, and when it makes sense, is in `slipway.console`: the page and the commands say the same words.
"""
