from .cli import app

app(prog_name="python -m tests.cluster")
