# The compiled bindings carry no types.
from typing import Any

def __getattr__(name: str) -> Any: ...
