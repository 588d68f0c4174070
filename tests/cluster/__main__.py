import sys

from .cli import app
from .progress import say

try:
    app(prog_name="python -m tests.cluster")
except (RuntimeError, LookupError) as error:
    say(str(error))
    sys.exit(1)
