"""What xpulse costs, beside what others cost for the same job; see README.md.

Contestants of other environments import this package too: nothing here may need more than the standard library.
"""
