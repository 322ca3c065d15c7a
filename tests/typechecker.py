"""beartype as jaxtyping's import hook runs it here: an int passes where a float is annotated."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
